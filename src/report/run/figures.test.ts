import { describe, expect, test } from 'bun:test';
import {
  fleetRecords,
  type MadeRun,
  MILLION,
  serverRecords,
  verdictOf,
} from '../../../test/support/made-run.ts';
import type { Recording } from '../recording/read.ts';
import type { FleetSample, ServerHeader, ServerSample } from '../recording/record.ts';
import type { Figure, FigureName } from './figure.ts';
import { computeFigures } from './figures.ts';
import { createRun } from './run.ts';

type Changes = (recording: Recording) => Recording;

function recordingOf(run: MadeRun): Recording {
  const [header, ...samples] = serverRecords(run);
  const records = fleetRecords(run);
  return {
    path: 'made',
    memory: [],
    notes: [],
    server: { header: header as ServerHeader, samples: samples as readonly ServerSample[] },
    fleet: {
      header: records[0] as never,
      samples: records.filter((record): record is FleetSample => record.record === 'fleet-sample'),
      events: [],
      verdict: verdictOf(run),
    },
  };
}

function figuresOf(
  changes: Partial<MadeRun> = {},
  change: Changes = (recording) => recording,
): Readonly<Record<FigureName, Figure>> {
  const run = createRun('made', change(recordingOf({ ...MILLION, ...changes })));
  const figures = computeFigures(run);
  return Object.fromEntries(figures.map((figure) => [figure.name, figure])) as never;
}

const withoutFleet: Changes = ({ fleet: _, ...recording }) => recording;
const withoutServer: Changes = ({ server: _, ...recording }) => recording;

describe('of a run whose costs are known', () => {
  const figures = figuresOf();

  test('what it held', () => {
    expect(figures.connectionsHeld.value).toBe(1_000_000);
    expect(figures.heldSeconds.value).toBe(80);
  });

  test('memory for each session is what each session was given', () => {
    expect(figures.workerBytesPerSession.value).toBeCloseTo(2_400, 3);
    expect(figures.heapBytesPerSession.value).toBeCloseTo(850, 3);
    expect(figures.serverBytesPerSession.value).toBeCloseTo(2_400 + 53 * 62 + 96, 3);
  });

  test('the kernel is counted for both ends on one host, and for each socket', () => {
    expect(figures.kernelBytesPerSession.value).toBeCloseTo(6_600, 3);
    expect(figures.kernelBytesPerSession.how).toStartWith('Slab of the host: median of 81 samples');
    expect(figures.kernelBytesPerSession.how).toEndWith('for both ends of each connection.');
    expect(figures.kernelBytesPerSocket.value).toBeCloseTo(3_300, 3);
  });

  test('CPU of what is idle, delivered and shaken hands with are told apart', () => {
    expect(figures.idleMicrosPerSessionSecond.value).toBeCloseTo(0.75, 4);
    expect(figures.microsPerDelivery.value).toBeCloseTo(9, 3);
    expect(figures.microsPerHandshake.value).toBeCloseTo(90, 2);
  });

  test('handshakes per second are those of the climb', () => {
    expect(figures.handshakesPerSecond.value).toBeCloseTo(5_000, 3);
    expect(figures.handshakesPerSecondBest.value).toBeCloseTo(5_000, 3);
  });

  test('the words say which samples were taken', () => {
    expect(figures.workerBytesPerSession.how).toBe(
      'Resident memory of all workers: median of 81 samples of the hold, less that of 5 samples ' +
        'with no session yet, over 1,000,000 sessions.',
    );
    expect(figures.idleMicrosPerSessionSecond.how).toContain('over 1 min 5 s of the hold');
  });
});

describe('of a recording with less in it', () => {
  test('on two hosts, the kernel holds one end', () => {
    const figures = figuresOf({ hostname: { server: 'harbour', fleet: 'pier' } });
    expect(figures.kernelBytesPerSession.value).toBeCloseTo(3_300, 3);
    expect(figures.kernelBytesPerSession.how).not.toContain('both ends');
  });

  test("without the fleet's log, the server's own counters serve", () => {
    const figures = figuresOf({}, withoutFleet);
    expect(figures.connectionsHeld.value).toBe(1_000_000);
    expect(figures.workerBytesPerSession.value).toBeCloseTo(2_400, 0);
    expect(figures.handshakesPerSecond.value).toBeCloseTo(5_000, 3);
    expect(figures.microsPerDelivery.value).toBeCloseTo(9, 3);
    expect(figures.heldSeconds.value).toBeUndefined();
  });

  test("without the server's log, its figures have no value and say why", () => {
    const figures = figuresOf({}, withoutServer);
    expect(figures.workerBytesPerSession.value).toBeUndefined();
    expect(figures.workerBytesPerSession.how).toBe('The server has no log in this recording.');
    expect(figures.handshakesPerSecond.value).toBeCloseTo(5_000, 3);
    expect(figures.microsPerHandshake.value).toBeUndefined();
  });

  test('that begins when all sessions are there, memory has nothing to be compared with', () => {
    const figures = figuresOf({}, (recording) => ({
      ...withoutFleet(recording),
      server: {
        ...recording.server!,
        samples: recording.server!.samples.slice(230, 275),
      },
    }));
    expect(figures.workerBytesPerSession.value).toBeUndefined();
    expect(figures.workerBytesPerSession.how).toContain('were there already');
    expect(figures.serverBytesPerSession.value).toBeGreaterThan(2_400);
    expect(figures.idleMicrosPerSessionSecond.value).toBeCloseTo(0.75, 4);
  });

  test('that held no session at all, no figure speaks of one', () => {
    const { workerBytesPerSession, serverBytesPerSession } = figuresOf({ sessions: 0 });
    for (const { value, how } of [workerBytesPerSession, serverBytesPerSession]) {
      expect([value, how]).toEqual([undefined, 'No session was held.']);
    }
  });

  test('with messages all the time, no CPU counts as idle', () => {
    const figures = figuresOf({ holdSeconds: 80, broadcastSeconds: 77 });
    expect(figures.idleMicrosPerSessionSecond.value).toBeUndefined();
    expect(figures.idleMicrosPerSessionSecond.how).toContain('No 5 s of the hold');
    // With nothing to take off, a delivery carries the heartbeats of its time.
    expect(figures.microsPerDelivery.value).toBeGreaterThan(60);
  });

  test('with echoes in the hold, the server was not idle', () => {
    const figures = figuresOf({}, (recording) => ({
      ...recording,
      fleet: {
        ...recording.fleet!,
        samples: recording.fleet!.samples.map((sample, index) => ({
          ...sample,
          echoesSent: index * 10,
        })),
      },
    }));
    expect(figures.idleMicrosPerSessionSecond.value).toBeUndefined();
  });

  test('in which workers were replaced, their CPU time goes on', () => {
    const figures = figuresOf({}, (recording) => ({
      ...recording,
      server: {
        ...recording.server!,
        samples: recording.server!.samples.map((sample, index) => ({
          ...sample,
          cpuMs: sample.cpuMs.map((value) => (index >= 100 ? value! - 300 : value)),
        })),
      },
    }));
    expect(figures.idleMicrosPerSessionSecond.value).toBeCloseTo(0.75, 4);
  });
});

test('seconds in which no worker reported are not taken for idle ones', () => {
  const SILENT_SAMPLES = 15;
  const { idleMicrosPerSessionSecond: idle } = figuresOf({}, (recording) => {
    const samples = recording.server?.samples ?? [];
    const sent = samples.findIndex(({ counters }) => counters.deliveries > 0);
    const last = samples[sent - SILENT_SAMPLES];
    if (recording.server === undefined || last === undefined) throw new Error('no broadcast');
    const silenced = samples.map((sample, index) =>
      index > sent - SILENT_SAMPLES && index < sent ? { ...sample, cpuMs: last.cpuMs } : sample,
    );
    return { ...recording, server: { ...recording.server, samples: silenced } };
  });
  expect(idle.value).toBeCloseTo(0.75, 2);
});
