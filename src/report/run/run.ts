/**
 * One recorded run on its own axis of time: second 0 is the start of the fleet, or of the server's
 * log where there is no fleet. Logs of two hosts are put beside each other by their clocks.
 *
 * A server's log may begin hours before the fleet and end hours after it; what lies outside the run
 * is cut off here, so that charts and figures speak of the same samples.
 */

import type { FleetLog, Recording } from '../recording/read.ts';
import type { MemoryReading } from '../recording/read-memory.ts';
import type { ServerHeader, ServerSample } from '../recording/record.ts';
import { median } from './columns.ts';
import { formatCount, formatDuration, formatTime, plural } from './format.ts';
import {
  type FleetTimeline,
  fleetTimeline,
  kernelBytes,
  type ServerTimeline,
  serverTimeline,
} from './timeline.ts';
import { findWindows, type Windows } from './windows.ts';

export interface Run {
  readonly name: string;
  readonly path: string;
  /** The time of second 0, in milliseconds since 1970. */
  readonly startMs: number;
  /** The first and the last second that there is a sample of. */
  readonly firstSecond: number;
  readonly lastSecond: number;
  readonly server?: RunServer | undefined;
  readonly fleet?: RunFleet | undefined;
  /** Memory process by process; of most runs there is none. */
  readonly memory: readonly MemoryReading[];
  readonly phases: readonly Phase[];
  readonly marks: readonly Mark[];
  /** Server and fleet ran on one host, whose kernel then holds both ends of each connection. */
  readonly isOneHost: boolean;
  /** What is missing or odd about the recording, one sentence each. */
  readonly notes: readonly string[];
}

export interface RunServer {
  readonly header: ServerHeader;
  /** Of the run only, in the order of the timeline. */
  readonly samples: readonly ServerSample[];
  readonly timeline: ServerTimeline;
  readonly windows: Windows;
}

export interface RunFleet extends FleetLog {
  readonly timeline: FleetTimeline;
}

/** A stretch of the run, as the fleet named it. */
export interface Phase {
  readonly name: string;
  readonly fromSecond: number;
  readonly toSecond: number;
}

/** Something that happened at one moment. */
export interface Mark {
  readonly name: string;
  readonly second: number;
}

/** How much of the server's log before and after the fleet's belongs to the run. */
const BEFORE_MS = 10_000;
const AFTER_MS = 15_000;

/** When the fleet broke off, the server's log alone tells what became of the sessions. */
const AFTER_BROKEN_OFF_MS = 300_000;

/** A silence of the log that is worth a sentence; samples come once a second. */
const GAP_SECONDS = 5;

/** More events of one kind than this are no marks but a pattern, and only clutter a chart. */
const MARKS_MAX = 8;

/** The phases that are drawn; after them there is nothing to say. */
const PHASES = ['climb', 'hold', 'leave'];

export function createRun(name: string, recording: Recording): Run {
  const { path, server, fleet, memory } = recording;
  const notes = [...recording.notes];
  const startMs = fleet?.header.atMs ?? server?.samples[0]?.atMs ?? 0;
  const samples = fleet && server ? cut(server.samples, fleet, notes) : (server?.samples ?? []);
  const phases = fleet ? phasesOf(fleet, startMs) : [];
  const runServer = server && samples.length > 0 ? createServer(server.header) : undefined;
  const runFleet = fleet && { ...fleet, timeline: fleetTimeline(fleet.samples, startMs) };
  const seconds = [...(runServer?.timeline.seconds ?? []), ...(runFleet?.timeline.seconds ?? [])];
  const isOneHost =
    fleet !== undefined && fleet.header.machine.hostname === server?.header.machine.hostname;
  if (runServer) noteServer(runServer, notes);
  if (runFleet) noteGaps('fleet', runFleet.timeline.seconds, notes);
  if (runServer && runFleet && !isOneHost) {
    notes.push(
      'Server and fleet ran on different hosts; their times are compared by the clock of each.',
    );
  }
  return {
    name,
    path,
    startMs,
    firstSecond: seconds.reduce((low, second) => Math.min(low, second), 0),
    lastSecond: seconds.reduce((high, second) => Math.max(high, second), 0),
    server: runServer,
    fleet: runFleet,
    memory,
    phases,
    marks: fleet ? marksOf(fleet, startMs) : [],
    isOneHost,
    notes,
  };

  function createServer(header: ServerHeader): RunServer {
    const windows = findWindows(samples, startMs, lastHold(phases), fleet?.samples);
    const kernelBase = median(windows.base.map(kernelBytes)) ?? 0;
    const timeline = serverTimeline(samples, startMs, kernelBase);
    return { header, samples, timeline, windows };
  }
}

/** A hold is left for another one when more connections are wanted: the last is the fullest. */
function lastHold(phases: readonly Phase[]): (Phase & { readonly words: string }) | undefined {
  const holds = phases.filter(({ name }) => name === 'hold');
  const last = holds.at(-1);
  const words = holds.length > 1 ? `of the last of ${holds.length} holds` : 'of the hold';
  return last && { ...last, words };
}

/** The samples of the server that were taken during the run of the fleet. */
function cut(
  samples: readonly ServerSample[],
  fleet: FleetLog,
  notes: string[],
): readonly ServerSample[] {
  const from = fleet.header.atMs - BEFORE_MS;
  const after = fleet.verdict === undefined ? AFTER_BROKEN_OFF_MS : AFTER_MS;
  const to = (fleet.samples.at(-1)?.atMs ?? fleet.header.atMs) + after;
  const kept = samples.filter(({ atMs }) => atMs >= from && atMs <= to);
  if (kept.length === 0) {
    notes.push(
      'The logs of server and fleet do not overlap in time, so that of the server is left out: ' +
        'either they are of different runs, or the clock of one host is wrong.',
    );
  } else if (kept.length < samples.length) {
    notes.push(
      `${plural(samples.length - kept.length, 'sample')} of the server from before or after the ` +
        'run of the fleet are left out.',
    );
  }
  return kept;
}

function phasesOf(fleet: FleetLog, startMs: number): readonly Phase[] {
  const phases: { name: string; fromSecond: number; toSecond: number }[] = [];
  for (const { atMs, phase: name } of fleet.samples) {
    const second = (atMs - startMs) / 1000;
    const last = phases.at(-1);
    if (last) last.toSecond = second;
    if (last?.name !== name) phases.push({ name, fromSecond: second, toSecond: second });
  }
  const [first] = phases;
  if (first) first.fromSecond = Math.min(0, first.fromSecond);
  return phases.filter(({ name }) => PHASES.includes(name));
}

/** The event of a broadcast is written once all have it; the verdict knows when it was sent. */
function marksOf({ events, verdict }: FleetLog, startMs: number): readonly Mark[] {
  return (['broadcast', 'set', 'storm'] as const).flatMap((kind) => {
    const isTold = kind === 'broadcast' && verdict !== undefined;
    const moments = isTold ? verdict.broadcasts : events.filter(({ what }) => what === kind);
    if (moments.length > MARKS_MAX) return [];
    return moments.map(({ atMs }) => ({ name: kind, second: (atMs - startMs) / 1000 }));
  });
}

function noteServer({ samples, timeline }: RunServer, notes: string[]): void {
  noteGaps('server', timeline.seconds, notes);
  const restarts = (samples.at(-1)?.restarts ?? 0) - (samples[0]?.restarts ?? 0);
  if (restarts > 0) notes.push(`Workers were replaced ${formatCount(restarts)} times in the run.`);
  const silent = samples.filter(
    ({ sessions }, index) => index > 0 && isSilent(sessions, samples[index - 1]?.sessions ?? []),
  ).length;
  if (silent > 0) {
    notes.push(
      `${plural(silent, 'time')} a worker stopped reporting; until it does, it counts as empty.`,
    );
  }
}

/** A worker that starts has not reported yet, which is nothing to speak of. */
function isSilent(
  sessions: readonly (number | null)[],
  before: readonly (number | null)[],
): boolean {
  return sessions.some((held, worker) => held === null && typeof before[worker] === 'number');
}

function noteGaps(log: string, seconds: readonly number[], notes: string[]): void {
  const gaps = seconds.flatMap((second, index) => {
    const before = seconds[index - 1] ?? second;
    return second - before > GAP_SECONDS ? [{ before, length: second - before }] : [];
  });
  const longest = gaps.reduce((most, gap) => (gap.length > most.length ? gap : most), {
    before: 0,
    length: 0,
  });
  if (gaps.length === 0) return;
  notes.push(
    `The log of the ${log} is silent for more than ${GAP_SECONDS} s ` +
      `${gaps.length === 1 ? 'once' : `${formatCount(gaps.length)} times`}, for at most ` +
      `${formatDuration(longest.length)} from ${formatTime(longest.before)} on.`,
  );
}
