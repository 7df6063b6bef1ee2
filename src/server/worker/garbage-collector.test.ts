import { afterEach, describe, expect, spyOn, test } from 'bun:test';
import type { Config } from '../../host/config/schema.ts';
import { GarbageCollector } from './garbage-collector.ts';

let collect: { mockRestore(): void } | undefined;
afterEach(() => {
  collect?.mockRestore();
  collect = undefined;
});

class FakeBudget {
  letGoBytes = 0;
  mostBytes = 0;
  #heldBytes = 0;

  get heldBytes(): number {
    return this.#heldBytes;
  }

  set heldBytes(bytes: number) {
    this.#heldBytes = bytes;
    this.mostBytes = Math.max(this.mostBytes, bytes);
  }

  forgetMost(): void {
    this.mostBytes = this.#heldBytes;
  }
}

/** A worker whose time, work and sessions a test moves on, 250 ms from check to check. */
class FakeWorker {
  readonly counters = { sessionsOpened: 0, sessionsClosed: 0, requestsAnswered: 0 };
  readonly budget = new FakeBudget();
  readonly collector: GarbageCollector;
  /** How long a collection takes; no real one is made. */
  pauseMs = 0;
  #nowMs = 1_000;
  #cpuMs = 100;

  constructor(schedule: Config['gc']) {
    const clock = { nowMs: () => this.#nowMs, cpuMs: () => this.#cpuMs };
    const { counters, budget } = this;
    this.collector = new GarbageCollector({ schedule, counters, budget, clock });
    collect = spyOn(Bun, 'gc').mockImplementation(() => {
      this.#nowMs += this.pauseMs;
    });
  }

  /** @param share of a core that the worker uses meanwhile */
  pass(seconds: number, share = 0): void {
    for (let check = 0; check < seconds * 4; check++) {
      this.#nowMs += 250;
      this.#cpuMs += 250 * share;
      this.collector.check();
    }
  }

  get collections(): number {
    return this.collector.collections;
  }
}

describe('turnover', () => {
  test('collects when many have come or gone, in proportion to those who are there', () => {
    const worker = new FakeWorker('turnover');
    worker.counters.sessionsOpened = 1_999;
    worker.pass(10);
    expect(worker.collections).toBe(0);
    worker.counters.sessionsOpened = 2_000;
    worker.pass(10);
    expect(worker.collections).toBe(1);
    worker.counters.sessionsOpened = 19_000;
    worker.pass(10);
    expect(worker.collections).toBe(2);
    worker.counters.sessionsClosed = 2_000;
    worker.pass(10);
    expect(worker.collections).toBe(2);
    worker.counters.sessionsClosed = 2_200;
    worker.pass(10);
    expect(worker.collections).toBe(3);
  });

  test('counts polls for what they leave behind', () => {
    const worker = new FakeWorker('turnover');
    worker.counters.sessionsOpened = 1_000;
    worker.counters.requestsAnswered = 7_999;
    worker.pass(10);
    expect(worker.collections).toBe(0);
    worker.counters.requestsAnswered = 8_000;
    worker.pass(10);
    expect(worker.collections).toBe(1);
  });
});

describe('idle', () => {
  test('waits for a pause of the work', () => {
    const worker = new FakeWorker('idle');
    worker.counters.sessionsOpened = 5_000;
    worker.pass(20, 0.9);
    expect(worker.collections).toBe(0);
    worker.pass(0.25, 0.1);
    expect(worker.collections).toBe(0);
    worker.pass(0.25, 0.1);
    expect(worker.collections).toBe(1);
  });

  test('does not wait for ever for a worker that never rests', () => {
    const worker = new FakeWorker('idle');
    worker.counters.sessionsOpened = 7_999;
    worker.pass(60, 0.9);
    expect(worker.collections).toBe(0);
    worker.counters.sessionsOpened = 8_000;
    worker.pass(60, 0.9);
    expect(worker.collections).toBe(1);
    worker.counters.sessionsClosed = 7_999;
    worker.pass(60, 0.9);
    expect(worker.collections).toBe(1);
    worker.counters.sessionsClosed = 8_000;
    worker.pass(60, 0.9);
    expect(worker.collections).toBe(2);
  });

  test('collects no more until somebody has come or gone', () => {
    const worker = new FakeWorker('idle');
    worker.counters.sessionsOpened = 5;
    worker.pass(60);
    expect(worker.collections).toBe(1);
    worker.counters.sessionsClosed = 1;
    worker.pass(60);
    expect(worker.collections).toBe(2);
  });

  test('does not collect at every pause of a trickle', () => {
    const worker = new FakeWorker('idle');
    for (let second = 0; second < 20; second++) {
      worker.counters.sessionsOpened++;
      worker.pass(1, 0.02);
    }
    expect(worker.collections).toBe(4);
  });
});

describe('a number', () => {
  test('collects every so many seconds, whatever else happens', () => {
    const worker = new FakeWorker(3);
    worker.pass(2.75, 1);
    expect(worker.collections).toBe(0);
    worker.pass(0.25, 1);
    expect(worker.collections).toBe(1);
    worker.pass(9);
    expect(worker.collections).toBe(4);
  });
});

test('a number waits for 20 times as long as its last collection took', () => {
  const worker = new FakeWorker(1);
  worker.pauseMs = 100;
  worker.pass(1);
  expect(worker.collections).toBe(1);
  worker.pass(1.75);
  expect(worker.collections).toBe(1);
  worker.pass(0.25);
  expect(worker.collections).toBe(2);
});

describe('off', () => {
  test('never collects', () => {
    const worker = new FakeWorker('off');
    worker.counters.sessionsOpened = 1_000_000;
    worker.pass(60);
    expect(worker.collections).toBe(0);
  });
});

describe('what waited for clients', () => {
  test.each(['turnover', 'idle', 3_600] as const)(
    'is collected when it is gone: %p',
    (schedule) => {
      const worker = new FakeWorker(schedule);
      worker.budget.heldBytes = 60_000_000;
      worker.pass(60);
      worker.budget.heldBytes = 40_000_000;
      worker.pass(60);
      expect(worker.collections).toBe(0);
      worker.budget.heldBytes = 0;
      worker.pass(60);
      expect(worker.collections).toBe(1);
    },
  );

  test('is collected though it came and went between two looks', () => {
    const worker = new FakeWorker('turnover');
    worker.budget.heldBytes = 60_000_000;
    worker.budget.heldBytes = 0;
    worker.pass(60);
    expect(worker.collections).toBe(1);
  });

  test('is collected when it was let go of, however much there is again', () => {
    const worker = new FakeWorker('turnover');
    worker.budget.heldBytes = 60_000_000;
    for (let second = 0; second < 4; second++) {
      worker.budget.letGoBytes += 20_000_000;
      worker.pass(1);
    }
    expect(worker.collections).toBe(2);
  });
});

test('collections collect, are timed, and the longest is told once', async () => {
  const counters = { sessionsOpened: 2_000, sessionsClosed: 0, requestsAnswered: 0 };
  const budget = new FakeBudget();
  const collector = new GarbageCollector({ schedule: 'turnover', counters, budget });
  const garbage = Array.from({ length: 1_000 }, (_, index) => new WeakRef({ index }));
  // What a WeakRef was made for lives to the end of the turn.
  await Bun.sleep(0);
  collector.check();
  // What the stack seems to point to stays.
  expect(garbage.filter((one) => one.deref() !== undefined).length).toBeLessThan(100);
  expect(collector.collections).toBe(1);
  const pauseMs = collector.takePauseMaxMs();
  expect(pauseMs).toBeGreaterThan(0);
  expect(collector.totalMs).toBe(pauseMs);
  expect(collector.takePauseMaxMs()).toBe(0);
  counters.sessionsClosed = 2_000;
  collector.check();
  expect(collector.totalMs).toBeGreaterThan(pauseMs);
});
