import { expect, jest, test } from 'bun:test';
import { knownCounts, Refusals } from './refusals.ts';

function recorder(): { refusals: Refusals; said: unknown[] } {
  const said: unknown[] = [];
  const ignore = (): void => {};
  const refusals = new Refusals({
    debug: ignore,
    info: ignore,
    warn: (text, fields) => said.push([text.slice(0, text.indexOf(':')), fields]),
    error: ignore,
  });
  return { refusals, said };
}

test('counts by reason and says each reason once a second', () => {
  jest.useFakeTimers();
  try {
    const { refusals, said } = recorder();
    for (let i = 0; i < 1_000; i++) refusals.count('slowReader', `10.0.0.${i}`);
    refusals.count('atCapacity');
    expect(said).toEqual([]);
    jest.advanceTimersByTime(1_000);
    expect(said).toEqual([
      ['cut, 1000 in the last second', { reason: 'slowReader', count: 1_000, detail: '10.0.0.0' }],
      ['refused, 1 in the last second', { reason: 'atCapacity', count: 1 }],
    ]);
    jest.advanceTimersByTime(10_000);
    expect(said).toHaveLength(2);
    refusals.count('atCapacity');
    jest.advanceTimersByTime(1_000);
    expect(said).toHaveLength(3);
    expect(refusals.totals()).toEqual({ slowReader: 1_000, atCapacity: 2 });
  } finally {
    jest.useRealTimers();
  }
});

test('a detail that a client chose is cut', () => {
  jest.useFakeTimers();
  try {
    const { refusals, said } = recorder();
    refusals.count('badRequest', 'x'.repeat(1_000_000));
    jest.advanceTimersByTime(1_000);
    expect(JSON.stringify(said).length).toBeLessThan(400);
  } finally {
    jest.useRealTimers();
  }
});

test('of what another process says only counts of known reasons are taken', () => {
  expect(knownCounts({ slowReader: 2, made: 3, atCapacity: 'many', badRequest: null })).toEqual({
    slowReader: 2,
  });
  expect(knownCounts(undefined)).toEqual({});
  expect(knownCounts('x')).toEqual({});
});
