/** The figures of a run, computed from its records, and their comparison with what was set out. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type {
  FleetHeader,
  FleetRecord,
  FleetSample,
  FleetVerdict,
  ServerHeader,
  ServerSample,
} from '../../src/recording/record.ts';
import { type MemoryPhase, sumOf } from './memory.ts';
import type { MillionOptions } from './options.ts';

/** What the run is to show (bytes and microseconds a session). */
const SERVER_BYTES_MUST = 4_500;
const IDLE_MICROS_MUST = 1;

export interface Summary {
  readonly command: string;
  readonly server: string;
  readonly seconds: number;
  readonly verdict: FleetVerdict['verdict'] | 'none';
  readonly findings: FleetVerdict['findings'];
  readonly sessionsAsked: number;
  readonly sessionsHeldMax: number;
  readonly heldSeconds: number;
  readonly lost: number;
  readonly failed: number;
  readonly broadcasts: FleetVerdict['broadcasts'];
  readonly climbSeconds: number;
  readonly processes: { readonly server: number; readonly agents: number };
  /** Bytes a session, in all: the processes' own memory with shared pages counted once. */
  readonly serverPssBytes: number;
  /** The same with shared pages counted in every process. */
  readonly serverRssBytes: number;
  /** What grew from the empty server to the full one. */
  readonly serverGrowthBytes: number;
  readonly serverAfterBroadcastPssBytes: number;
  readonly agentPssBytes: number;
  /** All of the agents, their empty processes included, by the connection. */
  readonly kernelSlabBytes: number;
  /** CPU of workers and controller while the sessions were held, µs a second and session. */
  readonly idleMicrosPerSecond: number | undefined;
  readonly availableBytesAtPeak: number | undefined;
  readonly musts: readonly { readonly what: string; readonly holds: boolean }[];
}

export function summarize(
  options: MillionOptions,
  server: { processes(): readonly unknown[] },
  memory: readonly MemoryPhase[],
  startedAtMs: number,
): Summary {
  const fleet = readRecords<FleetRecord>(join(options.out, 'fleet.jsonl'));
  const samples = fleet.filter((record): record is FleetSample => record.record === 'fleet-sample');
  const verdict = fleet.find((record): record is FleetVerdict => record.record === 'fleet-verdict');
  const held = phaseOf(memory, 'held');
  const empty = phaseOf(memory, 'empty');
  const after = phaseOf(memory, 'after the broadcast');
  const sessions = Math.max(1, ...samples.map(({ open }) => open));
  const ours = ['worker', 'controller'] as const;
  const each = (bytes: number): number => Math.round(bytes / sessions);
  const serverPssBytes = each(sumOf(held, 'pssBytes', ours));
  const idle = idleMicros(options, samples, sessions);
  const broadcasts = verdict?.broadcasts ?? [];
  return {
    command: `npm run million -- ${process.argv.slice(2).join(' ')}`.trim(),
    server: options.server,
    seconds: Math.round((Date.now() - startedAtMs) / 1000),
    verdict: verdict?.verdict ?? 'none',
    findings: verdict?.findings ?? [],
    sessionsAsked: options.connections,
    sessionsHeldMax: sessions,
    heldSeconds: verdict?.heldSeconds ?? 0,
    lost: verdict?.lost ?? 0,
    failed: verdict?.failed ?? 0,
    broadcasts,
    climbSeconds: climbSeconds(fleet, samples),
    processes: {
      server: server.processes().length,
      agents: held.processes.filter(({ role }) => role === 'agent').length,
    },
    serverPssBytes,
    serverRssBytes: each(sumOf(held, 'rssBytes', ours)),
    serverGrowthBytes: each(sumOf(held, 'pssBytes', ours) - sumOf(empty, 'pssBytes', ours)),
    serverAfterBroadcastPssBytes: each(sumOf(after, 'pssBytes', ours)),
    agentPssBytes: each(sumOf(held, 'pssBytes', ['agent'])),
    kernelSlabBytes: each((held.kernel?.slabBytes ?? 0) - (empty.kernel?.slabBytes ?? 0)),
    idleMicrosPerSecond: idle,
    availableBytesAtPeak: after.kernel?.availableBytes,
    musts: [
      {
        what: `${options.connections} sessions held ${options.hold} s, none lost`,
        holds:
          sessions >= options.connections &&
          (verdict?.heldSeconds ?? 0) >= options.hold &&
          verdict?.lost === 0,
      },
      {
        what: 'one broadcast received by every one',
        holds: broadcasts.some(
          ({ sessions: open, received }) => received === open && open >= options.connections,
        ),
      },
      {
        what: `server memory at most ${SERVER_BYTES_MUST} bytes a session`,
        holds: serverPssBytes <= SERVER_BYTES_MUST,
      },
      {
        what: `idle CPU at most ${IDLE_MICROS_MUST} µs/s a session`,
        holds: idle !== undefined && idle <= IDLE_MICROS_MUST,
      },
    ],
  };
}

export function summaryText(summary: Summary): string {
  const count = (value: number): string => value.toLocaleString('en-US');
  const lines = [
    `${count(summary.sessionsHeldMax)} of ${count(summary.sessionsAsked)} sessions, climbed in ` +
      `${summary.climbSeconds} s, held ${summary.heldSeconds} s, lost ${summary.lost}; ` +
      `verdict: ${summary.verdict}`,
    ...summary.broadcasts.map(
      ({ received, sessions, tookMs }) =>
        `broadcast: ${count(received)} of ${count(sessions)} in ${count(tookMs)} ms`,
    ),
    `server: ${count(summary.serverPssBytes)} bytes a session in ${summary.processes.server} ` +
      `processes (shared pages counted once; ${count(summary.serverRssBytes)} counted in each), ` +
      `${count(summary.serverGrowthBytes)} more than empty`,
    `kernel: ${count(summary.kernelSlabBytes)} bytes a session, both ends; ` +
      `agents: ${count(summary.agentPssBytes)} bytes a connection`,
    `idle CPU of the server: ${summary.idleMicrosPerSecond?.toFixed(2) ?? '-'} µs/s a session`,
    ...summary.musts.map(({ what, holds }) => `${holds ? 'reached' : 'MISSED'}: ${what}`),
    `took ${summary.seconds} s`,
  ];
  return lines.join('\n');
}

/** Without a record of the server, as with the control, there is nothing to compute it from. */
function idleMicros(
  options: MillionOptions,
  fleet: readonly FleetSample[],
  sessions: number,
): number | undefined {
  const path = join(options.out, 'server.jsonl');
  if (!existsSync(path)) return undefined;
  const hold = fleet.filter(({ phase }) => phase === 'hold');
  const [first] = hold;
  if (first === undefined) return undefined;
  const until = first.atMs + options.hold * 1000;
  const samples = readRecords<ServerHeader | ServerSample>(path).filter(
    (record): record is ServerSample =>
      record.record === 'server-sample' && record.atMs >= first.atMs && record.atMs <= until,
  );
  const [begin, end] = [samples[0], samples.at(-1)];
  if (begin === undefined || end === undefined || begin === end) return undefined;
  const cpuMs = cpuOf(end) - cpuOf(begin);
  return (cpuMs * 1000) / ((end.atMs - begin.atMs) / 1000) / sessions;
}

function cpuOf({ cpuMs, controller }: ServerSample): number {
  return cpuMs.reduce<number>((sum, one) => sum + (one ?? 0), controller.cpuMs);
}

function climbSeconds(fleet: readonly FleetRecord[], samples: readonly FleetSample[]): number {
  const header = fleet.find((record): record is FleetHeader => record.record === 'fleet');
  const full = samples.find(({ phase }) => phase !== 'climb');
  if (header === undefined || full === undefined) return 0;
  return Math.round((full.atMs - header.atMs) / 1000);
}

function phaseOf(memory: readonly MemoryPhase[], name: string): MemoryPhase {
  const found = memory.find(({ phase }) => phase === name);
  if (found === undefined) throw new Error(`no memory was read in the phase '${name}'`);
  return found;
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
