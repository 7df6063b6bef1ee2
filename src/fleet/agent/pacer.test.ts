import { describe, expect, test } from 'bun:test';
import { Pacer } from './pacer.ts';

const MANY = 1e9;

describe('pacer', () => {
  test.each([
    [1, 20],
    [7, 20],
    [1_000, 20],
    [333.3, 17],
    [20_000, 20],
    [0.5, 20],
    [3, 200],
  ])('%d a second, asked every %d ms, gives that many', (perSecond, everyMs) => {
    const pacer = new Pacer(0);
    const seconds = 30;
    let done = 0;
    for (let nowMs = everyMs; nowMs <= seconds * 1_000; nowMs += everyMs) {
      pacer.refill(perSecond, nowMs);
      done += pacer.take(MANY);
    }
    expect(Math.abs(done - perSecond * seconds)).toBeLessThanOrEqual(1 + perSecond * 0.02);
  });

  test('grants whole actions only, and no more than are wanted', () => {
    const pacer = new Pacer(0);
    pacer.refill(100, 55);
    expect(pacer.take(2)).toBe(2);
    expect(pacer.take(0)).toBe(0);
    expect(pacer.take(MANY)).toBe(3);
    expect(pacer.take(MANY)).toBe(0);
    pacer.refill(100, 60);
    expect(pacer.take(MANY)).toBe(1);
  });

  test('saves nothing up while nobody asks, beyond one and a quarter of a second', () => {
    const pacer = new Pacer(0);
    pacer.refill(1_000, 60_000);
    expect(pacer.take(MANY)).toBe(251);
  });

  test('what is rare comes all the same', () => {
    const pacer = new Pacer(0);
    pacer.refill(0.1, 9_000);
    expect(pacer.take(MANY)).toBe(0);
    pacer.refill(0.1, 10_001);
    expect(pacer.take(MANY)).toBe(1);
  });

  test('a rate that falls does not let the old one be spent', () => {
    const pacer = new Pacer(0);
    pacer.refill(1_000, 250);
    pacer.refill(4, 251);
    expect(pacer.take(MANY)).toBe(2);
  });
});
