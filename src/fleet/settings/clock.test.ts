import { expect, test } from 'bun:test';
import { ClockOffset } from './clock.ts';

test('the shortest round trip tells how far a clock is behind', () => {
  const clock = new ClockOffset();
  clock.observe(1_000, 1_100, 50);
  expect(clock.offsetMs).toBe(1_000);
  clock.observe(2_000, 2_010, 1_010);
  expect(clock.offsetMs).toBe(995);
  // A slower one tells less.
  clock.observe(3_000, 3_080, 2_020);
  expect(clock.offsetMs).toBe(995);
});

test('an old measurement gives way in time', () => {
  const clock = new ClockOffset();
  clock.observe(0, 10, 5);
  let rounds = 0;
  for (; clock.offsetMs === 0; rounds++) clock.observe(1_000, 1_020, 0);
  expect(rounds).toBeGreaterThan(30);
  expect(rounds).toBeLessThan(120);
});
