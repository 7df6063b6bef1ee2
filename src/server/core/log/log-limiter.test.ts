import { expect, test } from 'bun:test';
import { LogLimiter } from './log-limiter.ts';

test('lets twenty lines a second through and says how many it held back', () => {
  const limiter = new LogLimiter();
  const passed = Array.from({ length: 100 }, () => limiter.pass(5_000)).filter((n) => n === 0);
  expect(passed).toHaveLength(20);
  expect(limiter.pass(5_999)).toBeUndefined();
  expect(limiter.pass(6_000)).toBe(81);
  expect(limiter.pass(6_001)).toBe(0);
});
