import { describe, expect, test } from 'bun:test';
import { DueQueue } from './due-queue.ts';

const DELAY_MS = 100;

describe('due queue', () => {
  test('gives what is due, in order, once', () => {
    const queue = new DueQueue<string>(DELAY_MS);
    queue.push('a', 0);
    queue.push('b', 0);
    queue.push('c', 5);
    expect(queue.take(99.9)).toBeUndefined();
    expect([queue.take(100), queue.take(100), queue.take(100)]).toEqual(['a', 'b', undefined]);
    expect([queue.take(1e9), queue.take(1e9)]).toEqual(['c', undefined]);
  });

  test('keeps its order over many, taken while others come', () => {
    const queue = new DueQueue<number>(DELAY_MS);
    let taken = 0;
    for (let number = 0; number < 10_000; number++) {
      queue.push(number, number);
      const next = queue.take(number);
      if (next !== undefined) expect(next).toBe(taken++);
    }
    for (let next = queue.take(1e9); next !== undefined; next = queue.take(1e9)) {
      expect(next).toBe(taken++);
    }
    expect(taken).toBe(10_000);
  });

  test('cleared, it holds nothing and takes new things', () => {
    const queue = new DueQueue<string>(DELAY_MS);
    queue.push('a', 0);
    queue.push('b', 0);
    queue.take(100);
    queue.clear();
    expect(queue.take(1e9)).toBeUndefined();
    queue.push('c', 0);
    expect(queue.take(100)).toBe('c');
  });

  test('does not hold on to what was taken', async () => {
    const queue = new DueQueue<object>(DELAY_MS);
    const taken = Array.from({ length: 500 }, () => pass(queue));
    await Bun.sleep(0);
    Bun.gc(true);
    // The stack may show one or the other to a conservative collector.
    expect(taken.filter((weak) => weak.deref() !== undefined).length).toBeLessThan(50);
    expect(queue.take(1e9)).toBeUndefined();
  });
});

function pass(queue: DueQueue<object>): WeakRef<object> {
  const item = {};
  queue.push(item, 0);
  expect(queue.take(DELAY_MS)).toBe(item);
  return new WeakRef(item);
}
