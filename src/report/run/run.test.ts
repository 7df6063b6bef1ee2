import { expect, test } from 'bun:test';
import { fleetRecords, MILLION, START_MS, serverRecords } from '../../../test/support/made-run.ts';
import type { FleetLog, Recording, ServerLog } from '../recording/read.ts';
import type { FleetSample, ServerHeader, ServerSample } from '../recording/record.ts';
import { createRun } from './run.ts';

const [header, ...samples] = serverRecords({ ...MILLION, workers: 2 });
const records = fleetRecords({ ...MILLION, workers: 2 });
const server: ServerLog = {
  header: header as ServerHeader,
  samples: samples as readonly ServerSample[],
};
const fleet: FleetLog = {
  header: records[0] as FleetLog['header'],
  samples: records.filter((record): record is FleetSample => record.record === 'fleet-sample'),
  events: [
    // Written when the last session had it.
    { record: 'fleet-event', atMs: START_MS + 278_000, what: 'broadcast', text: 'Broadcast 1' },
  ],
  verdict: records.at(-1) as NonNullable<FleetLog['verdict']>,
};

function runOf(parts: Partial<Recording>) {
  return createRun('made', { path: 'made', memory: [], notes: [], ...parts });
}

test('second 0 is the start of the fleet; phases and marks are on its axis', () => {
  const run = runOf({ server, fleet });
  expect(run.startMs).toBe(START_MS);
  expect(Math.round(run.firstSecond)).toBe(-5);
  expect(run.phases.map(({ name, fromSecond }) => [name, fromSecond])).toEqual([
    ['climb', 0],
    ['hold', 200],
    ['leave', 281],
  ]);
  expect(run.marks).toEqual([{ name: 'broadcast', second: 266 }]);
  expect(run.notes).toEqual([]);
});

test('many events of one kind are no marks', () => {
  const event = { ...fleet.events[0]!, what: 'set' } as const;
  const events = Array.from({ length: 9 }, () => event);
  const brokenOff = { ...fleet, events, verdict: undefined };
  expect(runOf({ fleet: brokenOff }).marks).toEqual([]);
  expect(runOf({ fleet: { ...brokenOff, events: [event] } }).marks).toHaveLength(1);
});

test('without a verdict, a broadcast is marked where it was complete', () => {
  const { marks } = runOf({ fleet: { ...fleet, verdict: undefined } });
  expect(marks).toEqual([{ name: 'broadcast', second: 278 }]);
});

test('of several holds, memory is that of the last', () => {
  // From 60 to 100 s half of the climb was held; then more were wanted.
  const phased = fleet.samples.map((sample, index): FleetSample => {
    return index >= 59 && index < 100 ? { ...sample, phase: 'hold' } : sample;
  });
  const { server: read } = runOf({ server, fleet: { ...fleet, samples: phased } });
  expect(read?.windows.holdWords).toBe('of the last of 2 holds');
  expect(read?.windows.hold[0]?.atMs).toBe(START_MS + 200_030);
});

test("what the server recorded outside the fleet's run is left out and counted", () => {
  const long = [-3_600, -60, ...samples.keys()].map((second) => ({
    ...server.samples[Math.max(0, second)]!,
    atMs: START_MS + second * 1000,
  }));
  const run = runOf({ server: { ...server, samples: long }, fleet });
  expect(run.firstSecond).toBe(0);
  expect(run.server?.samples).toHaveLength(samples.length);
  expect(run.notes).toEqual([
    '2 samples of the server from before or after the run of the fleet are left out.',
  ]);
});

test('logs of different times are not put together', () => {
  const later = server.samples.map((sample) => ({ ...sample, atMs: sample.atMs + 86_400_000 }));
  const run = runOf({ server: { ...server, samples: later }, fleet });
  expect(run.server).toBeUndefined();
  expect(run.notes[0]).toStartWith('The logs of server and fleet do not overlap in time');
});

test('a silence, replaced workers and missing reports are said', () => {
  const odd = server.samples
    .filter((_, index) => index < 50 || index > 80)
    .map((sample, index) => ({
      ...sample,
      restarts: index > 200 ? 2 : 0,
      sessions: index === 7 ? [null, 5] : sample.sessions,
    }));
  expect(runOf({ server: { ...server, samples: odd } }).notes).toEqual([
    'The log of the server is silent for more than 5 s once, for at most 32 s from 0:49 on.',
    'Workers were replaced 2 times in the run.',
    '1 time a worker stopped reporting; until it does, it counts as empty.',
  ]);
});

test('clocks of two hosts are said to be two', () => {
  const machine = { ...fleet.header.machine, hostname: 'pier' };
  const run = runOf({ server, fleet: { ...fleet, header: { ...fleet.header, machine } } });
  expect(run.isOneHost).toBe(false);
  expect(run.notes).toEqual([
    'Server and fleet ran on different hosts; their times are compared by the clock of each.',
  ]);
});
