import { expect, test } from 'bun:test';
import { ControllerCollector } from './controller-collector.ts';

test('collects when much interest has come or gone, and once after the last of it', () => {
  const interest = { changes: 0 };
  let nowMs = 500;
  const collector = new ControllerCollector(interest, () => nowMs);
  /** @returns collections meanwhile */
  const pass = (seconds: number): number => {
    const before = collector.collections;
    for (let second = 0; second < seconds; second++) {
      nowMs += 1_000;
      collector.check();
    }
    return collector.collections - before;
  };
  expect(pass(100)).toBe(0);
  interest.changes = 50_000;
  expect(pass(20)).toBe(1);
  interest.changes = 50_001;
  expect(pass(5)).toBe(0);
  expect(pass(100)).toBe(1);
  interest.changes = 150_001;
  expect(pass(100)).toBe(1);
});
