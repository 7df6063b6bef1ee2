import { describe, expect, test } from 'bun:test';
import { Histogram } from './histogram.ts';

const SHARES = [0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1];
const RELATIVE_ERROR_MAX = 0.032;

describe('percentiles', () => {
  test.each([
    ['1 to 200', 1, 200],
    ['1 to 10^6', 1, 1e6],
    ['10^6 to 10^9', 1e6, 1e9],
    ['1 to 2^40', 1, 2 ** 40 - 1],
  ])('values spread from %s are right to within 3.2 %%', (_range, lowest, highest) => {
    const random = randomOf(7);
    const histogram = new Histogram();
    // Evenly over the orders of magnitude, so that each kind of bucket gets its share.
    const values = Array.from({ length: 20_000 }, () =>
      Math.floor(lowest * (highest / lowest) ** random()),
    );
    for (const value of values) histogram.record(value);
    values.sort((one, other) => one - other);
    for (const share of SHARES) {
      const exact = values[Math.max(0, Math.ceil(share * values.length) - 1)]!;
      const found = histogram.percentile(share)!;
      expect(found).toBeGreaterThanOrEqual(exact);
      expect((found - exact) / exact).toBeLessThan(RELATIVE_ERROR_MAX);
    }
  });

  test('around every power of two a single value comes back to within 3.2 %', () => {
    for (let exponent = 0; exponent < 40; exponent++) {
      for (const value of [2 ** exponent - 1, 2 ** exponent, 2 ** exponent + 1]) {
        const found = of([value]).percentile(1)!;
        expect(found).toBeGreaterThanOrEqual(value);
        expect(found - value).toBeLessThanOrEqual(value * RELATIVE_ERROR_MAX);
      }
    }
  });

  test('values below 64 are exact', () => {
    for (let value = 0; value < 64; value++) expect(of([value]).percentile(0.5)).toBe(value);
  });

  test('none of nothing, the smallest for 0, the largest for 1', () => {
    expect(new Histogram().percentile(0.5)).toBeUndefined();
    expect(of([3, 5, 9]).percentile(0)).toBe(3);
    expect(of([3, 5, 9]).percentile(1)).toBe(9);
  });

  test('what is out of range counts as the nearest in it', () => {
    const histogram = of([-5, Number.NaN, 0.4, 2 ** 41, Number.POSITIVE_INFINITY]);
    expect(histogram.total).toBe(5);
    expect(histogram.percentile(0.6)).toBe(0);
    expect(histogram.percentile(1)).toBe(2 ** 40 - 1);
  });
});

describe('as data', () => {
  test('it passes through JSON', () => {
    const values = [0, 1, 63, 64, 1_000, 1_000, 2 ** 39];
    const copy = new Histogram();
    copy.merge(JSON.parse(JSON.stringify(of(values).toData())));
    expect(copy.total).toBe(values.length);
    expect(copy.toData()).toEqual(of(values).toData());
  });

  test('merged ones are as if all had been recorded in one', () => {
    const merged = of([1, 500, 70]);
    merged.merge(of([500, 2]).toData());
    expect(merged.toData()).toEqual(of([1, 500, 70, 500, 2]).toData());
    expect(merged.total).toBe(5);
  });

  test('the part since an earlier copy is what was recorded since', () => {
    const histogram = of([1, 1_000, 40]);
    const earlier = histogram.toData();
    for (const value of [40, 5_000]) histogram.record(value);
    const since = new Histogram();
    since.merge(histogram.toData());
    since.merge(earlier, -1);
    expect(since.toData()).toEqual(of([40, 5_000]).toData());
    expect(since.total).toBe(2);
  });

  test('all of it taken away leaves nothing', () => {
    const histogram = of([7, 7, 90_000]);
    histogram.merge(histogram.toData(), -1);
    expect(histogram.toData()).toEqual([]);
    expect(histogram.percentile(0.5)).toBeUndefined();
  });

  test('buckets that do not exist are passed over', () => {
    const histogram = of([7]);
    histogram.merge([-1, 3, 1e9, 3, Number.NaN, 3, 7]);
    expect(histogram.total).toBe(1);
    expect(histogram.toData()).toEqual(of([7]).toData());
  });

  test('cleared, it is as new', () => {
    const histogram = of([1, 2]);
    histogram.clear();
    expect(histogram.total).toBe(0);
    expect(histogram.toData()).toEqual([]);
  });
});

function of(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

/** The same numbers from 0 to 1 in each run (a linear congruential generator). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}
