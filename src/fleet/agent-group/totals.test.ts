import { expect, test } from 'bun:test';
import type { AgentSample } from '../agent/contract.ts';
import { Histogram } from '../agent/histogram.ts';
import { Totals } from './totals.ts';

function sampleOf(open: number, connects: readonly number[]): AgentSample {
  const connect = new Histogram();
  for (const value of connects) connect.record(value);
  return {
    run: 'r',
    beginning: 'b',
    pid: 1,
    atMs: 0,
    open,
    connecting: 1,
    counters: {
      attempts: 0,
      established: open,
      left: 0,
      dropped: 0,
      failures: { closed: 1 },
      losses: {},
      deliveries: 0,
      deliveryBytes: 0,
      duplicates: 0,
      heartbeats: 0,
      echoesSent: 0,
      echoesAnswered: 0,
    },
    broadcasts: [{ sequence: 3, received: open }],
    latencies: { connect: connect.toData(), delivery: [], echo: [] },
    usage: { cpuSeconds: 0, rssBytes: 0, loopLagMs: 0, openFileLimit: 0, capacity: 0 },
  };
}

test('adds up what agents hold, count and received', () => {
  const totals = new Totals(2);
  totals.update(0, sampleOf(5, [10]), false);
  expect([totals.open, totals.connecting, totals.sum('established')]).toEqual([5, 1, 5]);
  totals.update(1, sampleOf(7, [20]), false);
  expect([totals.open, totals.connecting, totals.sum('established')]).toEqual([12, 2, 12]);
  expect(totals.failures()).toEqual({ closed: 2 });
  expect([...totals.receipts()]).toEqual([[3, 12]]);
});

test('what a lost agent held is gone, what it counted stays', () => {
  const totals = new Totals(2);
  totals.update(0, sampleOf(5, []), false);
  totals.update(1, sampleOf(7, []), false);
  totals.update(1, sampleOf(7, []), true);
  expect([totals.open, totals.sum('established')]).toEqual([5, 12]);
});

test('tells the latencies of the second apart from those of the run', () => {
  const totals = new Totals(1);
  totals.update(0, sampleOf(1, [10, 10]), false);
  expect(totals.takeSecond().connect).toMatchObject({ count: 2, max: 10 });
  const next = sampleOf(2, [10, 10, 50]);
  totals.update(0, next, false);
  totals.update(0, next, false);
  expect(totals.takeSecond().connect).toMatchObject({ count: 1, p50: 50 });
  expect(totals.takeSecond().connect).toBeUndefined();
  expect(totals.latencies().connect).toMatchObject({ count: 3, p50: 10, max: 50 });
  expect(totals.latencies().echo).toBeUndefined();
});

test('names that objects have by themselves are added up like any other', () => {
  const totals = new Totals(2);
  const failures = JSON.parse('{"constructor":2,"__proto__":3}');
  for (const agent of [0, 1]) {
    const sample = sampleOf(1, []);
    totals.update(agent, { ...sample, counters: { ...sample.counters, failures } }, false);
  }
  expect(JSON.stringify(totals.failures())).toBe('{"constructor":4,"__proto__":6}');
});
