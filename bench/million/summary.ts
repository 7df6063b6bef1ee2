/** The figures of a run, computed from its records, and their comparison with what was set out. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientProtocol } from '../../src/fleet/agent/contract.ts';
import type {
  FleetHeader,
  FleetRecord,
  FleetSample,
  FleetVerdict,
  ServerHeader,
  ServerSample,
} from '../../src/report/recording/record.ts';
import { type MemoryPhase, sumOf } from './memory.ts';
import type { MillionOptions } from './options.ts';

/** What the run is to show (bytes and microseconds a session). */
const SERVER_BYTES_MUST = 4_500;
const IDLE_MICROS_MUST = 1;

/** How long after the climb its last work is over. */
const SETTLED_MS = 5_000;

export interface Summary {
  readonly command: string;
  readonly server: string;
  readonly protocol: ClientProtocol;
  /** How long the server held a poll, in milliseconds; null where nobody polled. */
  readonly pollHoldMs: number | null;
  readonly machine: string;
  readonly seconds: number;
  readonly verdict: FleetVerdict['verdict'] | 'none';
  readonly findings: FleetVerdict['findings'];
  readonly sessionsAsked: number;
  readonly sessionsHeldMax: number;
  readonly heldSeconds: number;
  readonly lost: number;
  readonly failed: number;
  readonly broadcasts: FleetVerdict['broadcasts'];
  /** Null when the number was not reached. */
  readonly climbSeconds: number | null;
  /** Null when there was no hold. */
  readonly memory: HeldMemory | null;
  /**
   * CPU of workers and controller in the hold, µs a second and session: heartbeats, and the churn
   * where there was any. Null when the server keeps no record.
   */
  readonly heldMicrosPerSecond: number | null;
  readonly musts: readonly Must[];
}

/** Bytes a session, of everything in the kind of processes that is named. */
export interface HeldMemory {
  readonly serverProcesses: number;
  readonly agents: number;
  /** Memory of all processes of the server; pages that they share count once. */
  readonly serverPssBytes: number;
  /** The same with shared pages counted in every process. */
  readonly serverRssBytes: number;
  /** `serverPssBytes` less the empty server's. */
  readonly serverGrowthBytes: number;
  readonly serverAfterBroadcastPssBytes: number | null;
  /** Of all agents, for each connection. */
  readonly agentPssBytes: number;
  /** Slab of the host since the empty server, both ends of each connection. */
  readonly kernelSlabBytes: number;
  /** Of the host, not divided. */
  readonly availableBytes: number | null;
}

export interface Must {
  readonly what: string;
  readonly result: 'reached' | 'MISSED' | 'not measured';
}

/** @param hasRecord whether the server wrote server.jsonl */
export function summarize(
  options: MillionOptions,
  hasRecord: boolean,
  phases: readonly MemoryPhase[],
  seconds: number,
): Summary {
  const fleet = readRecords<FleetRecord>(join(options.out, 'fleet.jsonl'));
  const samples = fleet.filter((record): record is FleetSample => record.record === 'fleet-sample');
  const verdict = fleet.find((record): record is FleetVerdict => record.record === 'fleet-verdict');
  const sessions = Math.max(0, ...samples.map(({ open }) => open));
  const memory = heldMemory(phases, sessions);
  const heldMicros = hasRecord ? heldMicrosPerSecond(options, samples, sessions) : null;
  const facts = {
    sessionsHeldMax: sessions,
    heldSeconds: verdict?.heldSeconds ?? 0,
    lost: verdict?.lost ?? 0,
    broadcasts: verdict?.broadcasts ?? [],
    memory,
    heldMicrosPerSecond: heldMicros,
  };
  return {
    command: `npm run million -- ${process.argv.slice(2).join(' ')}`.trim(),
    server: options.server,
    protocol: options.protocol,
    pollHoldMs: options.protocol === 'poll' ? options.pollHold : null,
    machine: machineOf(fleet),
    seconds,
    verdict: verdict?.verdict ?? 'none',
    findings: verdict?.findings ?? [],
    sessionsAsked: options.connections,
    failed: verdict?.failed ?? 0,
    climbSeconds: climbSeconds(fleet, samples),
    ...facts,
    musts: mustsOf(options, facts),
  };
}

type Facts = Pick<
  Summary,
  'sessionsHeldMax' | 'heldSeconds' | 'lost' | 'broadcasts' | 'memory' | 'heldMicrosPerSecond'
>;

function mustsOf({ connections, hold }: MillionOptions, facts: Facts): readonly Must[] {
  const { sessionsHeldMax, heldSeconds, lost, broadcasts, memory, heldMicrosPerSecond } = facts;
  const isWhole = sessionsHeldMax >= connections && heldSeconds >= hold && lost === 0;
  const isHeard = broadcasts.some(
    ({ sessions, received }) => received === sessions && sessions >= connections,
  );
  return [
    must(`${connections} sessions held ${hold} s, none lost`, isWhole),
    must('one broadcast received by every one', isHeard),
    must(
      `server memory at most ${SERVER_BYTES_MUST} bytes a session`,
      memory && memory.serverPssBytes <= SERVER_BYTES_MUST,
    ),
    must(
      `CPU of the server in the hold at most ${IDLE_MICROS_MUST} µs/s a session`,
      heldMicrosPerSecond === null ? null : heldMicrosPerSecond <= IDLE_MICROS_MUST,
    ),
  ];
}

/** @param holds null for what was not measured */
function must(what: string, holds: boolean | null): Must {
  return { what, result: holds === null ? 'not measured' : holds ? 'reached' : 'MISSED' };
}

function heldMemory(phases: readonly MemoryPhase[], sessions: number): HeldMemory | null {
  const [empty, held, after] = ['empty', 'held', 'after the broadcast'].map((name) =>
    phases.find(({ phase }) => phase === name),
  );
  if (empty === undefined || held === undefined || sessions === 0) return null;
  const server = ['worker', 'controller'] as const;
  const each = (bytes: number): number => Math.round(bytes / sessions);
  const pss = (phase: MemoryPhase): number => sumOf(phase, 'pssBytes', server);
  const count = (isAgent: boolean): number =>
    held.processes.filter(({ role }) => (role === 'agent') === isAgent).length;
  return {
    serverProcesses: count(false),
    agents: count(true),
    serverPssBytes: each(pss(held)),
    serverRssBytes: each(sumOf(held, 'rssBytes', server)),
    serverGrowthBytes: each(pss(held) - pss(empty)),
    serverAfterBroadcastPssBytes: after === undefined ? null : each(pss(after)),
    agentPssBytes: each(sumOf(held, 'pssBytes', ['agent'])),
    kernelSlabBytes: each((held.kernel?.slabBytes ?? 0) - (empty.kernel?.slabBytes ?? 0)),
    availableBytes: held.kernel?.availableBytes ?? null,
  };
}

export function summaryText(summary: Summary): string {
  const count = (value: number): string => value.toLocaleString('en-US');
  const { memory, climbSeconds: climb, heldMicrosPerSecond: held, pollHoldMs } = summary;
  const lines = [
    `${count(summary.sessionsHeldMax)} of ${count(summary.sessionsAsked)} sessions of ` +
      `${summary.protocol}, ` +
      `${climb === null ? 'climb not finished' : `climbed in ${climb} s`}, held ` +
      `${summary.heldSeconds} s, lost ${summary.lost}; verdict: ${summary.verdict}`,
    ...summary.broadcasts.map(
      ({ received, sessions, tookMs }) =>
        `broadcast: ${count(received)} of ${count(sessions)} in ${count(tookMs)} ms`,
    ),
    ...(memory === null ? ['memory: not measured, since there was no hold'] : memoryLines(memory)),
    `CPU of the server in the hold: ` +
      (held === null ? 'not measured' : `${held.toFixed(2)} µs/s a session`),
    ...(pollHoldMs === null ? [] : [`polls were held for ${count(pollHoldMs)} ms`]),
    ...summary.musts.map(({ what, result }) => `${result}: ${what}`),
    `took ${summary.seconds} s`,
  ];
  return lines.join('\n');
}

function memoryLines(memory: HeldMemory): readonly string[] {
  const count = (value: number): string => value.toLocaleString('en-US');
  return [
    `server: ${count(memory.serverPssBytes)} bytes a session in ${memory.serverProcesses} ` +
      `processes (shared pages counted once; ${count(memory.serverRssBytes)} counted in each), ` +
      `${count(memory.serverGrowthBytes)} more than empty`,
    `kernel: ${count(memory.kernelSlabBytes)} bytes a session, both ends; ` +
      `agents: ${count(memory.agentPssBytes)} bytes a connection`,
  ];
}

/**
 * The first seconds are left out, since workers report what lies up to a second back, and so is
 * everything from the broadcast on.
 */
function heldMicrosPerSecond(
  options: MillionOptions,
  fleet: readonly FleetSample[],
  sessions: number,
): number | null {
  const start = fleet.find(({ phase }) => phase === 'hold');
  if (start === undefined || sessions === 0) return null;
  const from = start.atMs + SETTLED_MS;
  const until = start.atMs + options.hold * 1000;
  const samples = readRecords<ServerHeader | ServerSample>(
    join(options.out, 'server.jsonl'),
  ).filter(
    (record): record is ServerSample =>
      record.record === 'server-sample' && record.atMs >= from && record.atMs <= until,
  );
  const [begin] = samples;
  const end = samples.findLast(
    ({ counters }) => counters.deliveries === begin?.counters.deliveries,
  );
  if (begin === undefined || end === undefined || begin === end) return null;
  const [before, after] = [cpuOf(begin), cpuOf(end)];
  if (before === null || after === null) return null;
  return ((after - before) * 1000) / ((end.atMs - begin.atMs) / 1000) / sessions;
}

/** Null when a worker had not reported. */
function cpuOf({ cpuMs, controller }: ServerSample): number | null {
  let sum = controller.cpuMs;
  for (const one of cpuMs) {
    if (one === null) return null;
    sum += one;
  }
  return sum;
}

function climbSeconds(
  fleet: readonly FleetRecord[],
  samples: readonly FleetSample[],
): number | null {
  const header = fleet.find((record): record is FleetHeader => record.record === 'fleet');
  const held = samples.find(({ phase }) => phase === 'hold');
  if (header === undefined || held === undefined) return null;
  return Math.round((held.atMs - header.atMs) / 1000);
}

function machineOf(fleet: readonly FleetRecord[]): string {
  const header = fleet.find((record): record is FleetHeader => record.record === 'fleet');
  if (header === undefined) return 'unknown';
  const { cores, cpu, memoryBytes, kernel, runtime } = header.machine;
  const gibibytes = (memoryBytes / 2 ** 30).toFixed(1);
  return `${cores} cores of ${cpu}, ${gibibytes} GiB, Linux ${kernel}, ${runtime}`;
}

function readRecords<T>(path: string): T[] {
  if (!existsSync(path)) return [];
  const records: T[] = [];
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    try {
      records.push(JSON.parse(line) as T);
    } catch {
      // An empty line, or the last one, cut off.
    }
  }
  return records;
}
