/**
 * Makes the logs of a run that never was, whose figures are known: sessions climb evenly, are held,
 * get one broadcast and leave. Costs are exact; lag and latencies have a little noise, so that
 * charts show something, and the noise is the same each time.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type {
  FleetPhase,
  FleetRecord,
  FleetVerdict,
  MachineRecord,
  Percentiles,
  ServerHeader,
  ServerSample,
} from '../../src/report/recording/record.ts';

export interface MadeRun {
  readonly sessions: number;
  readonly workers: number;
  readonly climbSeconds: number;
  readonly holdSeconds: number;
  /** Within the hold, at its end. */
  readonly broadcastSeconds: number;
  readonly leaveSeconds: number;
  /** What each session and each act costs. */
  readonly costs: Costs;
  /** In the climb, one of so many connections fails; 0 for none. */
  readonly failsOneOf: number;
  readonly hostname: { readonly server: string; readonly fleet: string };
}

interface Costs {
  readonly workerBytes: number;
  readonly heapBytes: number;
  /** Of the kernel, each socket; there are two for each session when it is one host. */
  readonly socketBytes: number;
  readonly idleMicros: number;
  readonly handshakeMicros: number;
  readonly deliveryMicros: number;
}

export const MILLION: MadeRun = {
  sessions: 1_000_000,
  workers: 53,
  climbSeconds: 200,
  holdSeconds: 80,
  broadcastSeconds: 12,
  leaveSeconds: 40,
  costs: {
    workerBytes: 2_400,
    heapBytes: 850,
    socketBytes: 3_300,
    idleMicros: 0.75,
    handshakeMicros: 90,
    deliveryMicros: 9,
  },
  failsOneOf: 0,
  hostname: { server: 'harbour', fleet: 'harbour' },
};

export const START_MS: number = Date.UTC(2026, 10, 22, 18, 0, 0);

const BEFORE_SECONDS = 5;
const AFTER_SECONDS = 8;
const EMPTY_WORKER_BYTES = 62e6;
const EMPTY_HEAP_BYTES = 4e6;
const CONTROLLER_BYTES = 96e6;
const SLAB_BYTES = 400e6;

/** Writes server.jsonl and fleet.jsonl into a folder, which is made. */
export function writeMadeRun(folder: string, changes: Partial<MadeRun> = {}): MadeRun {
  const run = { ...MILLION, ...changes };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'server.jsonl'), linesOf(serverRecords(run)));
  writeFileSync(join(folder, 'fleet.jsonl'), linesOf(fleetRecords(run)));
  return run;
}

export function linesOf(records: readonly object[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join('');
}

export function serverRecords(run: MadeRun): readonly (ServerHeader | ServerSample)[] {
  const noise = createNoise(1);
  const cpuMs = Array.from({ length: run.workers }, () => 300);
  const collections = cpuMs.map(() => 0);
  const records: (ServerHeader | ServerSample)[] = [serverHeader(run)];
  let before = stateAt(run, -BEFORE_SECONDS);
  for (let second = -BEFORE_SECONDS; second <= lengthOf(run) + AFTER_SECONDS; second++) {
    const state = stateAt(run, second);
    const cpuMicros =
      (state.established - before.established) * run.costs.handshakeMicros +
      (state.deliveries - before.deliveries) * run.costs.deliveryMicros +
      before.open * run.costs.idleMicros;
    const collects = cpuMs.map(() => state.open > 0 && noise() < 0.08);
    for (let worker = 0; worker < run.workers; worker++) {
      cpuMs[worker]! += (cpuMicros / 1000) * shareOf(run, worker);
      if (collects[worker]) collections[worker]!++;
    }
    const busy =
      state.established - before.established + (state.deliveries - before.deliveries) / 9;
    const sessions = cpuMs.map((_, worker) => Math.floor(state.open * shareOf(run, worker)));
    sessions[0]! += state.open - sessions.reduce((sum, value) => sum + value, 0);
    const memory = (worker: number, each: number): number => sessions[worker]! * each;
    const isOneHost = run.hostname.server === run.hostname.fleet;
    const sockets = state.open * (isOneHost ? 2 : 1);
    records.push({
      record: 'server-sample',
      atMs: START_MS + second * 1000 + 30,
      sessions,
      cpuMs: cpuMs.map((value) => Math.round(value * 1000) / 1000),
      rssBytes: cpuMs.map((_, i) => EMPTY_WORKER_BYTES + memory(i, run.costs.workerBytes)),
      heapBytes: cpuMs.map((_, i) => EMPTY_HEAP_BYTES + memory(i, run.costs.heapBytes)),
      loopLagMs: cpuMs.map(() => Math.round((0.3 + noise() ** 6 * busy * 0.02) * 100) / 100),
      collectionMs: collects.map((is) => (is ? Math.round((4 + noise() * 14) * 10) / 10 : 0)),
      collections: [...collections],
      restarts: 0,
      controller: { cpuMs: (second + BEFORE_SECONDS) * 9, rssBytes: CONTROLLER_BYTES },
      counters: {
        opened: state.established,
        closed: state.left,
        refused: 0,
        deliveries: state.deliveries,
      },
      kernel: {
        slabBytes: SLAB_BYTES + sockets * run.costs.socketBytes,
        socketBufferBytes: 40 * 4096 + (state.deliveries - before.deliveries) * 64,
        tcpSockets: 90 + sockets,
        timeWaitSockets: 0,
        availableBytes: 24.5e9 - sockets * run.costs.socketBytes - state.open * 3_600,
        totalBytes: 25.2e9,
      },
    });
    before = state;
  }
  return records;
}

export function fleetRecords(run: MadeRun): readonly FleetRecord[] {
  const noise = createNoise(2);
  const broadcast = broadcastAt(run);
  const event = (second: number, what: 'phase' | 'broadcast', text: string): FleetRecord => ({
    record: 'fleet-event',
    atMs: START_MS + second * 1000,
    what,
    text,
  });
  const records: FleetRecord[] = [fleetHeader(run), event(0, 'phase', 'climb')];
  let cpuMs = 400;
  let before = stateAt(run, 0);
  for (let second = 1; second <= lengthOf(run); second++) {
    const state = stateAt(run, second);
    const established = state.established - before.established;
    const deliveries = state.deliveries - before.deliveries;
    cpuMs += established * 0.055 + deliveries * 0.0065 + before.open * 0.0003;
    records.push({
      record: 'fleet-sample',
      atMs: START_MS + second * 1000,
      phase: state.phase,
      wanted: state.wanted,
      open: state.open,
      connecting: state.phase === 'climb' ? 180 : 0,
      established: state.established,
      left: state.left,
      failures: state.failed > 0 ? { ECONNRESET: state.failed } : {},
      losses: {},
      deliveries: state.deliveries,
      echoesSent: 0,
      echoesAnswered: 0,
      ...(established > 0 ? { connectLatency: around(9_000 + noise() * 9_000, established) } : {}),
      ...(deliveries > 0
        ? { deliveryLatency: around((second - broadcast) * 1e6, deliveries, 1.1) }
        : {}),
      agents: {
        open: [Math.ceil(state.open / 2), Math.floor(state.open / 2)],
        cpuMs: [cpuMs / 2, cpuMs / 2],
        rssBytes: [80e6 + state.open * 400, 80e6 + state.open * 400],
        loopLagMs: [1 + noise() * 8, 1 + noise() * 6],
      },
    });
    before = state;
  }
  records.push(
    event(run.climbSeconds, 'phase', 'hold'),
    event(broadcast, 'broadcast', `Broadcast 1 to ${run.sessions} sessions`),
    event(run.climbSeconds + run.holdSeconds, 'phase', 'leave'),
    verdictOf(run),
  );
  return records;
}

export function verdictOf(run: MadeRun): FleetVerdict {
  const failed = run.failsOneOf === 0 ? 0 : Math.floor(run.sessions / run.failsOneOf);
  return {
    record: 'fleet-verdict',
    atMs: START_MS + lengthOf(run) * 1000,
    verdict: failed === 0 ? 'passed' : 'failed',
    findings: [
      {
        name: 'held',
        text: `${run.sessions} sessions were held for ${run.holdSeconds} s and none was lost.`,
      },
      ...(failed > 0
        ? [
            {
              name: 'ECONNRESET',
              text: `${failed} connections were reset while they were being made.`,
              advice: 'Raise net.ipv4.tcp_max_syn_backlog and net.core.somaxconn.',
            },
          ]
        : []),
    ],
    connectionsAsked: run.sessions,
    connectionsHeldMax: run.sessions,
    heldSeconds: run.holdSeconds,
    lost: 0,
    failed,
    broadcasts: [
      {
        sequence: 1,
        atMs: START_MS + broadcastAt(run) * 1000,
        sessions: run.sessions,
        received: run.sessions,
        tookMs: run.broadcastSeconds * 1000,
      },
    ],
    connectLatency: around(13_000, run.sessions),
    deliveryLatency: around((run.broadcastSeconds / 2) * 1e6, run.sessions, 2),
  };
}

interface State {
  readonly phase: FleetPhase;
  readonly wanted: number;
  readonly open: number;
  readonly established: number;
  readonly left: number;
  readonly failed: number;
  readonly deliveries: number;
}

/** How the run stands at one second: all else follows from it. */
function stateAt(run: MadeRun, second: number): State {
  const part = (from: number, length: number): number =>
    Math.min(1, Math.max(0, (second - from) / length));
  const leaveAt = run.climbSeconds + run.holdSeconds;
  const established = Math.round(run.sessions * part(0, run.climbSeconds));
  const left = Math.round(run.sessions * part(leaveAt, run.leaveSeconds));
  const isHeld = second >= run.climbSeconds;
  return {
    phase: second > leaveAt ? 'leave' : isHeld ? 'hold' : 'climb',
    wanted: second > leaveAt ? run.sessions - left : established,
    open: established - left,
    established,
    left,
    failed: run.failsOneOf === 0 ? 0 : Math.floor(established / run.failsOneOf),
    deliveries: Math.round(run.sessions * part(broadcastAt(run), run.broadcastSeconds)),
  };
}

/** Two seconds are left of the hold when the broadcast has arrived. */
function broadcastAt(run: MadeRun): number {
  return run.climbSeconds + run.holdSeconds - run.broadcastSeconds - 2;
}

function lengthOf(run: MadeRun): number {
  return run.climbSeconds + run.holdSeconds + run.leaveSeconds;
}

/** What part of all sessions one worker has; the kernel spreads them almost evenly. */
function shareOf(run: MadeRun, worker: number): number {
  const weight = (index: number): number => 1 + 0.03 * Math.sin(index * 2.4);
  let sum = 0;
  for (let index = 0; index < run.workers; index++) sum += weight(index);
  return weight(worker) / sum;
}

function around(micros: number, count: number, spread = 4): Percentiles {
  const at = (factor: number): number => Math.round(micros * factor);
  return {
    count,
    p50: at(1),
    p90: at(1 + 0.4 * (spread - 1)),
    p99: at(1 + 0.7 * (spread - 1)),
    p999: at(1 + 0.9 * (spread - 1)),
    max: at(spread),
  };
}

function machine(hostname: string): MachineRecord {
  return {
    hostname,
    kernel: 'Linux 6.18.0',
    cpu: 'AMD EPYC',
    cores: 2,
    memoryBytes: 24 * 2 ** 30,
    kind: 'virtual machine',
    runtime: 'Bun 1.4.5',
    holdfast: '0.1.0',
  };
}

function serverHeader(run: MadeRun): ServerHeader {
  return {
    record: 'server',
    version: 1,
    atMs: START_MS - BEFORE_SECONDS * 1000,
    machine: machine(run.hostname.server),
    settings: { port: 8500, workers: run.workers, pingIntervalMs: 25_000, corsOrigins: [] },
    workers: run.workers,
    capacity: run.workers * 19_000,
  };
}

function fleetHeader(run: MadeRun): FleetRecord {
  return {
    record: 'fleet',
    version: 1,
    atMs: START_MS,
    machine: machine(run.hostname.fleet),
    settings: {
      targets: ['ws://127.0.0.1:8500/socket.io/'],
      connections: run.sessions,
      rate: run.sessions / run.climbSeconds,
      scenario: 'broadcast',
    },
    agents: ['127.0.0.1:41001', '127.0.0.1:41002'],
  };
}

/** A linear congruential generator: the same numbers each time, between 0 and 1. */
function createNoise(seed: number): () => number {
  let state = seed * 7_919 + 1;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}
