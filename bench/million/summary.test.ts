import { afterAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FleetSample, FleetVerdict, ServerSample } from '../../src/report/recording/record.ts';
import { Recorder } from '../../src/report/recording/recorder.ts';
import type { KnownProcess, MemoryPhase } from './memory.ts';
import type { MillionOptions } from './options.ts';
import { summarize, summaryText } from './summary.ts';

const SESSIONS = 1_000;
const START_MS = 1_000_000;
const folder = mkdtempSync(join(tmpdir(), 'holdfast-million-'));
afterAll(() => rmSync(folder, { recursive: true }));

const options = (out: string): MillionOptions => {
  return {
    ...{ connections: SESSIONS, rate: 100, hold: 60, churn: 0, server: 'holdfast', out },
    ...{ protocol: 'poll', pollHold: 240_000 },
  };
};

/** Two workers and a controller of so many bytes each, and an agent of 3,000,000. */
function memory(phase: string, pssBytes: number, slabBytes: number): MemoryPhase {
  const processOf = (
    role: KnownProcess['role'],
    bytes: number,
  ): MemoryPhase['processes'][number] => {
    return { role, pid: 1, rssBytes: 2 * bytes, pssBytes: bytes, anonymousBytes: bytes };
  };
  return {
    phase,
    atMs: START_MS,
    processes: [
      processOf('controller', pssBytes),
      processOf('worker', pssBytes),
      processOf('worker', pssBytes),
      processOf('agent', 3_000_000),
    ],
    kernel: {
      slabBytes,
      socketBufferBytes: 0,
      tcpSockets: 0,
      timeWaitSockets: 0,
      availableBytes: 9,
      totalBytes: 10,
    },
  };
}

const phases = [
  memory('empty', 200_000, 1_000_000),
  memory('held', 1_000_000, 11_000_000),
  memory('after the broadcast', 1_100_000, 11_000_000),
];

function fleetSample(second: number, phase: FleetSample['phase'], open: number): FleetSample {
  return {
    ...{ record: 'fleet-sample', atMs: START_MS + second * 1_000, phase, wanted: SESSIONS, open },
    ...{ connecting: 0, established: open, left: 0, failures: {}, losses: {}, deliveries: 0 },
    ...{ echoesSent: 0, echoesAnswered: 0 },
    agents: { open: [open], cpuMs: [0], rssBytes: [0], loopLagMs: [0] },
  };
}

/** Each of the two workers uses 0.2 ms a second, the controller 0.1. */
function serverSample(second: number): ServerSample {
  const two = (value: number): number[] => [value, value];
  return {
    ...{ record: 'server-sample', atMs: START_MS + second * 1_000, sessions: two(500) },
    ...{ cpuMs: two(second * 0.2), rssBytes: two(0), heapBytes: two(0), loopLagMs: two(0) },
    ...{ collectionMs: two(0), collections: two(0), restarts: 0 },
    controller: { cpuMs: second * 0.1, rssBytes: 0 },
    counters: { opened: 0, closed: 0, refused: 0, deliveries: 0 },
  };
}

function record(name: string, received: number): string {
  const out = join(folder, name);
  const fleet = new Recorder(join(out, 'fleet.jsonl'));
  for (let second = 10; second < 20; second++) fleet.write(fleetSample(second, 'climb', 500));
  for (let second = 20; second <= 90; second++) fleet.write(fleetSample(second, 'hold', SESSIONS));
  const verdict: FleetVerdict = {
    ...{ record: 'fleet-verdict', atMs: START_MS, verdict: 'passed', findings: [] },
    ...{ connectionsAsked: SESSIONS, connectionsHeldMax: SESSIONS, heldSeconds: 60 },
    ...{ lost: 0, failed: 0 },
    broadcasts: [{ sequence: 1, atMs: START_MS, sessions: SESSIONS, received, tookMs: 7 }],
  };
  fleet.write(verdict);
  fleet.close();
  const worker = new Recorder(join(out, 'server.jsonl'));
  for (let second = 0; second <= 100; second++) worker.write(serverSample(second));
  worker.close();
  return out;
}

test('figures are per session, with everything of the server in them', () => {
  const summary = summarize(options(record('whole', SESSIONS)), true, phases, 7);
  expect(summary.memory).toMatchObject({
    serverProcesses: 3,
    agents: 1,
    serverPssBytes: 3_000,
    serverRssBytes: 6_000,
    serverGrowthBytes: 2_400,
    serverAfterBroadcastPssBytes: 3_300,
    agentPssBytes: 3_000,
    kernelSlabBytes: 10_000,
  });
  // 0.5 ms a second for 1,000 sessions.
  expect(summary.heldMicrosPerSecond).toBeCloseTo(0.5, 6);
  expect(summary.musts.map(({ result }) => result)).toEqual(Array(4).fill('reached'));
  expect(summaryText(summary)).toContain('1,000 of 1,000 sessions of poll, ');
  expect(summaryText(summary)).toContain('polls were held for 240,000 ms');
});

test('one receipt too few is a miss', () => {
  const summary = summarize(options(record('short', SESSIONS - 1)), true, phases, 7);
  expect(summary.musts.find(({ result }) => result === 'MISSED')?.what).toContain('broadcast');
  expect(summaryText(summary)).toContain('MISSED: one broadcast');
});

test('a server over the figure is a miss', () => {
  const fat = phases.map((phase) =>
    phase.phase === 'held' ? memory('held', 2_000_000, 0) : phase,
  );
  const summary = summarize(options(record('fat', SESSIONS)), true, fat, 7);
  expect(summary.musts.filter(({ result }) => result === 'MISSED').map(({ what }) => what)).toEqual(
    ['server memory at most 4500 bytes a session'],
  );
});

test('without a hold nothing is said of memory and CPU', () => {
  const out = join(folder, 'stalled');
  const fleet = new Recorder(join(out, 'fleet.jsonl'));
  fleet.write(fleetSample(1, 'climb', 10));
  fleet.close();
  const summary = summarize(options(out), true, phases.slice(0, 1), 7);
  expect(summary.climbSeconds).toBeNull();
  expect(summary.musts.map(({ result }) => result)).toEqual([
    'MISSED',
    'MISSED',
    'not measured',
    'not measured',
  ]);
});

test('a server without a record has no figure for CPU', () => {
  const summary = summarize(options(record('control', SESSIONS)), false, phases, 7);
  expect(summary.heldMicrosPerSecond).toBeNull();
});
