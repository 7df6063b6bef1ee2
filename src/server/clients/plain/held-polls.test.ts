/** When polls that wait are due: by the time that they have waited, whatever came before. */

import { beforeEach, expect, test } from 'bun:test';
import { HeldPolls, type PolledQueue } from './held-polls.ts';

const TICK_MS = 100;
const HOLD_MS = 1_000;

class Queue implements PolledQueue {
  isOnWheel = false;
  polledSinceMs: number | undefined;
  readonly dueAtMs: number[] = [];

  poll(): void {
    this.polledSinceMs = nowMs;
    held.add(this, nowMs);
  }

  pollIsDue(): void {
    this.dueAtMs.push(nowMs);
    this.polledSinceMs = undefined;
  }
}

let nowMs: number;
let held: HeldPolls;

beforeEach(() => {
  nowMs = 0;
  held = new HeldPolls(HOLD_MS, TICK_MS, nowMs);
});

function pass(durationMs: number): void {
  for (const untilMs = nowMs + durationMs; nowMs < untilMs; ) {
    nowMs += TICK_MS;
    held.sweep(nowMs);
  }
}

test('a poll is due once it has waited', () => {
  const queue = new Queue();
  queue.poll();
  pass(HOLD_MS - TICK_MS);
  expect(queue.dueAtMs).toEqual([]);
  pass(5 * HOLD_MS);
  expect(queue.dueAtMs).toEqual([HOLD_MS]);
});

test('one that was answered is not due, and the next has its own time', () => {
  const queue = new Queue();
  queue.poll();
  pass(400);
  queue.polledSinceMs = undefined;
  pass(300);
  queue.poll();
  pass(5 * HOLD_MS);
  expect(queue.dueAtMs).toEqual([700 + HOLD_MS]);
});

test('who asks again and again stands on the wheel once', () => {
  const queue = new Queue();
  for (let round = 0; round < 50; round++) {
    queue.poll();
    pass(TICK_MS);
  }
  expect(queue.dueAtMs).toEqual([]);
  pass(3 * HOLD_MS);
  expect(queue.dueAtMs).toEqual([49 * TICK_MS + HOLD_MS]);
});

test('those of many are due in their order, also after the wheel has gone round', () => {
  const queues = Array.from({ length: 30 }, () => new Queue());
  for (const queue of queues) {
    queue.poll();
    pass(TICK_MS);
  }
  pass(2 * HOLD_MS);
  queues.forEach(({ dueAtMs }, at) => expect(dueAtMs).toEqual([at * TICK_MS + HOLD_MS]));
});

test('a hold shorter than a tick is over at the next one', () => {
  held = new HeldPolls(10, TICK_MS, nowMs);
  const queue = new Queue();
  queue.poll();
  pass(TICK_MS);
  expect(queue.dueAtMs).toEqual([TICK_MS]);
});

test('a worker whose ticks come late answers in time all the same', () => {
  const queues = Array.from({ length: 10 }, () => new Queue());
  for (const queue of queues) {
    queue.poll();
    pass(TICK_MS);
  }
  // Half of the ticks are left out, and then many at once.
  for (const lateMs of [200, 200, 200, 350]) {
    nowMs += lateMs;
    held.sweep(nowMs);
  }
  queues.forEach(({ dueAtMs }, at) => {
    const [dueMs = 0] = dueAtMs;
    expect(dueAtMs).toHaveLength(1);
    expect(dueMs - (at * TICK_MS + HOLD_MS)).toBeLessThanOrEqual(350);
  });
  const [queue] = queues as [Queue];
  queue.poll();
  nowMs += 50 * HOLD_MS;
  held.sweep(nowMs);
  expect(queue.dueAtMs).toHaveLength(2);
});
