/**
 * One session with each target and protocol before anything else is started: a mistake in an
 * address is told in one sentence at once, and not as a thousand failures later. It is made by the
 * very swarm that agents run, so it sees what they will see. When the run is over, one more session
 * with each target tells a server that is idle from one that stands still.
 */

import type { AgentOrder, ClientProtocol, ProtocolWeight } from '../agent/contract.ts';
import { Swarm } from '../agent/swarm.ts';
import { FleetError } from '../settings/fleet-error.ts';
import { shownUrl, type Target } from '../settings/target.ts';

const TICK_MS = 10;
const TIMEOUT_MS = 5_000;
/** A server that answers before it knows whether it takes the session says so soon after. */
const SECOND_THOUGHTS_MS = 200;
/** On a machine that a million sessions used up, handshakes took 6 s. */
const SILENT_AFTER_MS = 15_000;
/** Sessions that are tried at once: targets may be more than the files of this process. */
const AT_ONCE = 64;

export interface Preflight {
  readonly targets: readonly Target[];
  readonly mix: readonly ProtocolWeight[];
  readonly auth: string;
  /** Each is used once; empty lets the kernel choose. */
  readonly sources: readonly string[];
}

interface Probe {
  readonly target: Target;
  readonly protocol: ClientProtocol;
  readonly auth: string;
  readonly source: string | undefined;
}

/** @throws FleetError for the first session that does not come about */
export async function preflight({ targets, mix, auth, sources }: Preflight): Promise<void> {
  const [first] = targets;
  const protocol = mix[0]?.protocol;
  if (first === undefined || protocol === undefined) return;
  const probes: readonly Probe[] = [
    ...targets.flatMap((target) =>
      mix.map((part) => ({ target, protocol: part.protocol, auth, source: undefined })),
    ),
    ...sources.map((source) => ({ target: first, protocol, auth, source })),
  ];
  for (let from = 0; from < probes.length; from += AT_ONCE) {
    const some = probes.slice(from, from + AT_ONCE);
    const deadlineMs = performance.now() + TIMEOUT_MS;
    const failures = await Promise.all(
      some.map((probe) =>
        failureOf(probe, () => performance.now() > deadlineMs, SECOND_THOUGHTS_MS),
      ),
    );
    some.forEach((probe, index) => {
      const failure = failures[index];
      if (failure !== undefined) throw new FleetError(sentence(probe, failure));
    });
  }
}

/**
 * @param isEnough ends the waiting early
 * @returns the targets, as `host:port`, that gave no answer at all
 */
export async function silentAmong(
  { targets, protocol, auth }: Pick<Preflight, 'targets' | 'auth'> & Pick<Probe, 'protocol'>,
  isEnough: () => boolean,
): Promise<readonly string[]> {
  const deadlineMs = performance.now() + SILENT_AFTER_MS;
  const isOver = (): boolean => isEnough() || performance.now() > deadlineMs;
  // The first stand for all: a server stands still as a whole, or in the process of one port.
  const failures = await Promise.all(
    targets.slice(0, AT_ONCE).map(async (target) => ({
      place: placeOf(target),
      failure: await failureOf({ target, protocol, auth, source: undefined }, isOver),
    })),
  );
  if (isEnough()) return [];
  return failures.filter(({ failure }) => failure === NO_ANSWER).map(({ place }) => place);
}

/**
 * @param lookMs how long a session is looked at that came about by the server's answer alone
 * @returns the name under which the session failed; undefined when it came about
 */
async function failureOf(
  probe: Probe,
  isOver: () => boolean,
  lookMs = 0,
): Promise<string | undefined> {
  const swarm = new Swarm(1);
  const lastsMs = probe.protocol === 'socket-io' ? 0 : lookMs;
  let openSinceMs = Number.POSITIVE_INFINITY;
  swarm.obey(orderOf(probe));
  try {
    for (;;) {
      const nowMs = performance.now();
      swarm.tick(nowMs);
      const { failures, losses } = swarm.tally.counters();
      const [failure] = Object.keys({ ...failures, ...losses });
      if (failure !== undefined) return failure;
      if (swarm.open === 1) openSinceMs = Math.min(openSinceMs, nowMs);
      if (nowMs - openSinceMs >= lastsMs) return undefined;
      if (isOver()) return NO_ANSWER;
      await Bun.sleep(TICK_MS);
    }
  } finally {
    swarm.cut();
  }
}

function orderOf({ target, protocol, auth, source }: Probe): AgentOrder {
  return {
    run: 'preflight',
    connections: 1,
    rate: 1_000,
    targets: [target.url],
    sources: source === undefined ? [] : [source],
    mix: [{ protocol, weight: 1 }],
    auth,
    firstNumber: 0,
    churnPerMinute: 0,
    storms: 0,
    coalesceMs: 0,
    clockOffsetMs: 0,
  };
}

/** Beside the names that a swarm gives. */
const NO_ANSWER = 'no answer';

const PROTOCOL_NAMES: Readonly<Record<ClientProtocol, string>> = {
  'socket-io': 'Socket.IO over WebSocket',
  websocket: 'WebSocket',
  sse: 'Server-Sent Events',
  stream: 'streamed lines',
  poll: 'long-polling',
};

function placeOf({ host, port }: Target): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function sentence({ target, protocol, source }: Probe, failure: string): string {
  const place = placeOf(target);
  const spoken = PROTOCOL_NAMES[protocol];
  const status = /^HTTP (\d{3})$/.exec(failure)?.[1];
  if (source !== undefined && failure === 'EADDRNOTAVAIL') {
    return `${source} is no address of this host: correct --source.`;
  }
  if (status === '503') {
    return `The server at ${place} refuses sessions already (HTTP 503): it is full or not ready.`;
  }
  if (status === '401') {
    return `The server at ${place} wants credentials (HTTP 401): give what it wants with --auth.`;
  }
  if (status !== undefined) {
    return (
      `The server at ${place} answers ${shownUrl(target.url)} with HTTP ${status}, not with ` +
      `${spoken}: correct the path of --target, or --protocol.`
    );
  }
  switch (failure) {
    case 'not the protocol':
      return `What answers at ${place} does not speak ${spoken}: correct --target or --protocol.`;
    case 'refused':
      return `The server at ${place} refuses the session: give what it wants with --auth.`;
    case 'handshake timeout':
    case NO_ANSWER:
      return (
        `${place} accepts no ${spoken} session within ${TIMEOUT_MS / 1000} s: see whether the ` +
        'server runs and speaks it, or correct --target or --protocol.'
      );
    case 'ECONNREFUSED':
      return `Nothing listens at ${place} (ECONNREFUSED): start the server, or correct --target.`;
    default:
      return (
        `No ${spoken} session with ${place} came about (${failure}): see whether the server can ` +
        'be reached, or correct --target or --protocol.'
      );
  }
}
