import { expect, test } from 'bun:test';
import type { Column } from './columns.ts';
import { thin } from './thin.ts';

const LENGTH = 50_000;

function wave(peaks: Readonly<Record<number, number>>): Column {
  return Array.from({ length: LENGTH }, (_, index) => peaks[index] ?? Math.sin(index / 900));
}

test('few points stay as they are', () => {
  expect(thin([[1, null, 3]], 10)).toEqual([0, 1, 2]);
  expect(thin([], 10)).toEqual([]);
});

test('of many points, at most so many stay, in their order, with both ends', () => {
  const kept = thin([wave({}), wave({ 7: 2 })], 900);
  expect(kept.length).toBeLessThanOrEqual(900);
  expect(kept.length).toBeGreaterThan(400);
  expect(kept).toEqual([...new Set(kept)].sort((a, b) => a - b));
  expect([kept[0], kept.at(-1)]).toEqual([0, LENGTH - 1]);
});

test('a peak of one sample stays, in whichever column it is', () => {
  const kept = new Set(thin([wave({ 12_345: 9, 40_001: -9 }), wave({ 23_456: 5 })], 900));
  for (const peak of [12_345, 40_001, 23_456]) expect(kept.has(peak)).toBe(true);
});

test('what is not known is neither high nor low, and stays a gap', () => {
  const inGap = (index: number): boolean => index >= 20_000 && index < 30_000;
  const gaps = wave({}).map((value, index) => (inGap(index) ? null : value));
  const kept = thin([gaps], 900);
  expect(kept.length).toBeLessThanOrEqual(900);
  const steps = kept.filter(inGap).map((index) => gaps[index]);
  expect(steps.length).toBeGreaterThan(50);
  expect(new Set(steps)).toEqual(new Set([null]));
});
