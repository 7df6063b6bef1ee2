import { expect, test } from 'bun:test';
import { heatsOf, type KeepaliveSample } from './heat.ts';
import { KEEPALIVE_ROWS } from './rows.ts';
import { keepaliveDoubts, keepaliveTable, summarizeKeepalive } from './table.ts';

const row = { name: 'slots', server: 'bare', keepalive: 'slots', pingIntervalSeconds: 25 };
const sample: KeepaliveSample = {
  row: 'slots',
  round: 1,
  sessions: 10_000,
  wallSeconds: 50,
  serverCpuSeconds: 0.5,
  clientCpuSeconds: 1,
  foreignCpuSeconds: 1,
  emptyBytes: 40_000_000,
  filledBytes: 60_000_000,
  lost: 0,
};

test('figures are medians of what a session used, and of a ping', () => {
  const second = { ...sample, round: 2, serverCpuSeconds: 0.7, filledBytes: 62_000_000 };
  const other = { ...sample, row: 'timers', serverCpuSeconds: 9 };
  const figures = summarizeKeepalive(row, [sample, other, second]);
  // 0.5 s and 0.7 s of CPU over 10,000 sessions and 50 s are 1.0 and 1.4 µs a second.
  expect(figures).toMatchObject({ rounds: 2, cpuRange: [1, 1.4], lost: 0, foreignCores: 0.02 });
  expect(figures?.cpuMicrosPerSecond).toBeCloseTo(1.2, 9);
  expect(figures?.cpuMicrosPerPing).toBeCloseTo(30, 9);
  expect(figures?.bytesPerSession).toBe(2_100);
  expect(summarizeKeepalive(row, [other])).toBeUndefined();
});

test('the table has the measured rows only, in their order', () => {
  const figures = summarizeKeepalive(row, [sample]);
  const table = keepaliveTable([{ ...row, name: 'timers' }, row], figures ? [figures] : []);
  const lines = table.split('\n');
  expect(lines).toHaveLength(3);
  expect(lines[2]).toBe('| bare | slots | 25 s | 1.00 | 1.00 to 1.00 | 25.0 | 2,000 | 0.02 |');
});

test('a short watch, a busy machine and lost sessions are doubts', () => {
  const quiet = summarizeKeepalive(row, [sample]);
  const busy = summarizeKeepalive(row, [{ ...sample, foreignCpuSeconds: 10, lost: 3 }]);
  expect(keepaliveDoubts(quiet ? [quiet] : [], 50, 25)).toEqual([]);
  expect(keepaliveDoubts(busy ? [busy] : [], 49, 25)).toEqual([
    '49 s hold less than two pings of 25 s: a trial, no figure.',
    'slots: others used 0.20 cores meanwhile; run it again.',
    'slots: 3 sessions ended unasked.',
  ]);
});

test('each round runs every row once, beside other neighbours', () => {
  const names = (round: number): string[][] =>
    heatsOf(KEEPALIVE_ROWS, round).map((heat) => heat.map(({ name }) => name));
  const all = KEEPALIVE_ROWS.map(({ name }) => name);
  for (const round of [1, 2]) expect(new Set(names(round).flat())).toEqual(new Set(all));
  expect(names(1).flat()).toHaveLength(all.length);
  const pairs = (round: number): string[] =>
    names(round).flatMap((heat) => heat.slice(1).map((name, index) => `${heat[index]}+${name}`));
  expect(pairs(2)).not.toEqual(pairs(1));
});
