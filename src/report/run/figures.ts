/**
 * What a session costs in one run, each figure with the words that say how it was computed. A
 * figure that the logs do not support has no value, and the words say why.
 */

import type { ServerSample } from '../recording/record.ts';
import { growth, highest, median, total } from './columns.ts';
import type { Figure, FigureName, Measured } from './figure.ts';
import { formatCount, formatDuration, plural, type Unit } from './format.ts';
import { handshakeFigures } from './handshake-figures.ts';
import type { Run, RunServer } from './run.ts';
import { cpuMicros, kernelBytes, processBytes } from './timeline.ts';
import { sessionsOf } from './windows.ts';

/** Less of the hold than this does not tell an idle server from noise. */
const IDLE_SECONDS_MIN = 5;

/** A change of fewer sessions than this share of the peak says nothing about one. */
const FILLED_SHARE_MIN = 0.1;

const NO_SESSION: Measured = { value: undefined, how: 'No session was held.' };

/** Said where memory of processes is added up. */
const SHARED_PAGES =
  'Pages that processes share, above all the program itself, count in each of them.';

const NO_SERVER: Measured = { value: undefined, how: 'The server has no log in this recording.' };

export function computeFigures(run: Run): readonly Figure[] {
  const { server } = run;
  const of = (compute: (server: RunServer) => Measured): Measured =>
    server === undefined ? NO_SERVER : compute(server);
  const handshakes = handshakeFigures(run, server && idle(server).value);
  return [
    figure('connectionsHeld', 'Connections held', 'count', held(run)),
    figure('heldSeconds', 'Held for', 'seconds', heldFor(run)),
    figure('workerBytesPerSession', 'Memory, workers above empty', 'bytes', of(workerBytes)),
    figure('heapBytesPerSession', 'of which JavaScript heap', 'bytes', of(heapBytes)),
    figure('serverBytesPerSession', 'Memory, everything of the server', 'bytes', of(serverBytes)),
    figure('kernelBytesPerSession', 'Memory of the kernel', 'bytes', of(kernelOf(run))),
    figure('kernelBytesPerSocket', 'Memory of the kernel, each TCP socket', 'bytes', of(perSocket)),
    figure('idleMicrosPerSessionSecond', 'CPU, idle', 'microseconds per second', of(idle)),
    figure('microsPerDelivery', 'CPU, each delivery', 'microseconds', of(delivery)),
    figure('handshakesPerSecond', 'Handshakes, mean', 'per second', handshakes.mean),
    figure('handshakesPerSecondBest', 'Handshakes, best 10 s', 'per second', handshakes.best),
    figure('microsPerHandshake', 'CPU, each handshake', 'microseconds', handshakes.micros),
    figure('serverBytesMax', 'Memory of the server, most', 'memory', of(serverMost)),
    figure('availableBytesMin', 'Memory of the host left, least', 'memory', of(leastAvailable)),
    figure('loopLagHoldMs', 'Event loop late, longest in the hold', 'milliseconds', of(lag)),
    figure('collectionHoldMs', 'Collection, longest in the hold', 'milliseconds', of(collection)),
  ];
}

function figure(name: FigureName, label: string, unit: Unit, measured: Measured): Figure {
  return { name, label, unit, ...measured };
}

function held({ fleet, server }: Run): Measured {
  if (fleet?.verdict) {
    const how = 'The most that the fleet held at once, by its verdict.';
    return { value: fleet.verdict.connectionsHeldMax, how };
  }
  if (fleet) {
    const most = highest(fleet.timeline.open);
    return { value: most ?? undefined, how: 'The most that the fleet had open in any sample.' };
  }
  const most = highest(server?.timeline.sessions ?? []);
  return { value: most ?? undefined, how: 'The most sessions in any sample of the server.' };
}

function heldFor({ fleet, phases }: Run): Measured {
  if (fleet?.verdict) return { value: fleet.verdict.heldSeconds, how: "By the fleet's verdict." };
  const holds = phases.filter(({ name }) => name === 'hold');
  if (holds.length === 0) return { value: undefined, how: 'The run did not get to its hold.' };
  const seconds = holds.map(({ fromSecond, toSecond }) => toSecond - fromSecond);
  const which = holds.length === 1 ? 'the hold' : `its ${holds.length} holds, together`;
  return { value: total(seconds), how: `From the fleet's samples of ${which}.` };
}

/** The median over the hold less the median of the empty server, for each session between. */
function perSession(
  { windows: { base, hold, holdWords } }: RunServer,
  what: string,
  bytes: (sample: ServerSample) => number | null,
): Measured {
  const empty = median(base.map(sessionsOf)) ?? 0;
  const full = median(hold.map(sessionsOf)) ?? 0;
  if (full === 0) return NO_SESSION;
  const before = median(base.map(bytes));
  const after = median(hold.map(bytes));
  if (before === null || after === null) {
    return { value: undefined, how: `The log does not tell: ${what}.` };
  }
  if (full - empty <= FILLED_SHARE_MIN * full) {
    const how = 'The log begins when the sessions were there already, so nothing to compare with.';
    return { value: undefined, how };
  }
  const start = empty > 0 ? `${plural(empty, 'session')}` : 'no session';
  return {
    value: (after - before) / (full - empty),
    how:
      `${what}: median of ${plural(hold.length, 'sample')} ${holdWords}, less that of ` +
      `${plural(base.length, 'sample')} with ${start} yet, over ${formatCount(full - empty)} ` +
      'sessions.',
  };
}

function workerBytes(server: RunServer): Measured {
  return perSession(server, 'Resident memory of all workers', ({ rssBytes }) => total(rssBytes));
}

function heapBytes(server: RunServer): Measured {
  const what = 'JavaScript heap of all workers';
  return perSession(server, what, (sample) => total(sample.heapBytes));
}

function serverBytes({ windows: { hold, holdWords } }: RunServer): Measured {
  const sessions = median(hold.map(sessionsOf)) ?? 0;
  if (sessions === 0) return NO_SESSION;
  return {
    value: (median(hold.map(processBytes)) ?? 0) / sessions,
    how:
      `Resident memory of workers and controller, nothing taken off: median of ` +
      `${plural(hold.length, 'sample')} ${holdWords}, over ${plural(sessions, 'session')}. ` +
      `${SHARED_PAGES} The kernel's share is below.`,
  };
}

/** The kernel's other count of socket memory is of quotas, and would count most of it twice. */
const SLAB_ALONE =
  'Small socket buffers are in the slab; large ones, with data that waits, are not.';

function kernelOf(run: Run): (server: RunServer) => Measured {
  const ends = run.isOneHost
    ? ' The fleet ran on the same host, so this is for both ends of each connection.'
    : '';
  return (server) => {
    const { value, how } = perSession(server, 'Slab of the host', kernelBytes);
    return { value, how: value === undefined ? how : `${how} ${SLAB_ALONE}${ends}` };
  };
}

function perSocket({ windows: { base, hold } }: RunServer): Measured {
  const sockets = (samples: readonly ServerSample[]): number =>
    median(samples.map(({ kernel }) => kernel?.tcpSockets ?? null)) ?? 0;
  const bytes = (samples: readonly ServerSample[]): number => median(samples.map(kernelBytes)) ?? 0;
  const more = sockets(hold) - sockets(base);
  if (more <= FILLED_SHARE_MIN * sockets(hold)) {
    return { value: undefined, how: 'The log tells of no TCP sockets that were added.' };
  }
  return {
    value: (bytes(hold) - bytes(base)) / more,
    how:
      `Slab of the host, hold less empty, over ${formatCount(more)} TCP sockets that the host ` +
      'then had more, whosoever they were.',
  };
}

function idle({ windows: { idle: samples } }: RunServer): Measured {
  const [first] = samples;
  const last = samples.at(-1);
  const seconds = first && last ? (last.atMs - first.atMs) / 1000 : 0;
  if (first === undefined || last === undefined || seconds < IDLE_SECONDS_MIN) {
    const how =
      `No ${IDLE_SECONDS_MIN} s of the hold were without messages, and with nobody coming or ` +
      'going.';
    return { value: undefined, how };
  }
  const sessions = median(samples.map(sessionsOf)) ?? 0;
  if (sessions === 0) return NO_SESSION;
  return {
    value: cpuMicros(first, last) / seconds / sessions,
    how:
      `CPU time of all workers, user and system, over ${formatDuration(seconds)} of the hold in ` +
      `which nothing but heartbeats happened, for ${plural(sessions, 'session')}.`,
  };
}

function delivery(server: RunServer): Measured {
  const idleMicros = idle(server).value;
  let micros = 0;
  let deliveries = 0;
  let seconds = 0;
  for (const samples of server.windows.deliveries) {
    const [first] = samples;
    const last = samples.at(-1);
    if (first === undefined || last === undefined) continue;
    const length = (last.atMs - first.atMs) / 1000;
    micros += cpuMicros(first, last) - (idleMicros ?? 0) * sessionsOf(first) * length;
    deliveries += growth(first.counters.deliveries, last.counters.deliveries);
    seconds += length;
  }
  if (deliveries === 0) {
    return {
      value: undefined,
      how: 'Nothing was delivered in the hold while nobody came or left.',
    };
  }
  const less = idleMicros === undefined ? '' : ', less what they use when idle';
  return {
    value: Math.max(0, micros / deliveries),
    how:
      `CPU time of all workers in the ${formatDuration(seconds)} of the hold in which messages ` +
      `went out${less}, over ${formatCount(deliveries)} deliveries; samples are one second apart.`,
  };
}

function serverMost({ samples }: RunServer): Measured {
  const how = `Resident memory of workers and controller, highest of all samples. ${SHARED_PAGES}`;
  return { value: highest(samples.map(processBytes)) ?? undefined, how };
}

function leastAvailable({ samples }: RunServer): Measured {
  const available = samples.map(({ kernel }) => kernel?.availableBytes ?? null);
  const least = available.reduce<number | null>(
    (low, bytes) => (bytes === null ? low : Math.min(bytes, low ?? bytes)),
    null,
  );
  if (least === null) return { value: undefined, how: 'The log does not tell.' };
  return { value: least, how: 'What the kernel called available, lowest of all samples.' };
}

function lag({ windows: { hold, holdWords } }: RunServer): Measured {
  const longest = highest(hold.flatMap(({ loopLagMs }) => loopLagMs));
  const how = `Longest delay of the event loop of any worker in the samples ${holdWords}.`;
  return { value: longest ?? undefined, how };
}

function collection({ windows: { hold, holdWords } }: RunServer): Measured {
  const longest = highest(hold.flatMap(({ collectionMs }) => collectionMs));
  const how =
    'Longest garbage collection that the schedule (setting gc) of any worker began in the ' +
    `samples ${holdWords}; those that the runtime begins by itself are not told.`;
  return { value: longest ?? undefined, how };
}
