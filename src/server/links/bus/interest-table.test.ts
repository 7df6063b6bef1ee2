import { describe, expect, test } from 'bun:test';
import { Random } from '../../../../test/fuzz/random.ts';
import { InterestTable } from './interest-table.ts';

const WORKERS = 5;

function keysOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `r/\0room-${index}`);
}

function collected(table: InterestTable, key: string): Set<number> {
  const into = new Set<number>();
  table.collect(key, into);
  return into;
}

/** A table beside a Map of Sets that is told the same. */
class Twins {
  readonly table: InterestTable = new InterestTable();
  readonly model: Map<string, Set<number>>;

  constructor(keys: readonly string[]) {
    this.model = new Map(keys.map((key) => [key, new Set<number>()]));
  }

  add(key: string, worker: number): void {
    this.table.add(key, worker);
    this.model.get(key)?.add(worker);
  }

  remove(key: string, worker: number): void {
    this.table.remove(key, worker);
    this.model.get(key)?.delete(worker);
  }

  removeWorker(worker: number): void {
    this.table.removeWorker(worker);
    for (const workers of this.model.values()) workers.delete(worker);
  }

  get pairs(): number {
    return [...this.model.values()].reduce((sum, workers) => sum + workers.size, 0);
  }

  expectEqual(): void {
    for (const [key, workers] of this.model) expect(collected(this.table, key)).toEqual(workers);
    expect(this.table.entryCount).toBe(this.pairs);
  }
}

describe('agrees with a Map of Sets', () => {
  test('through a random life', () => {
    const random = Random.announced('interest table');
    const keys = keysOf(12);
    const twins = new Twins(keys);
    for (let step = 0; step < 10_000; step++) {
      const key = random.pick(keys);
      const worker = random.below(WORKERS);
      if (random.chance(0.02)) twins.removeWorker(worker);
      else if (random.chance(0.5)) twins.add(key, worker);
      else twins.remove(key, worker);
      expect(collected(twins.table, key)).toEqual(twins.model.get(key) as Set<number>);
    }
    twins.expectEqual();
    for (let worker = 0; worker < WORKERS; worker++) twins.removeWorker(worker);
    expect(twins.table.entryCount).toBe(0);
  });

  test('while it grows and shrinks by thousands', () => {
    const random = Random.announced('large interest table');
    const keys = keysOf(3_000);
    const twins = new Twins(keys);
    for (const adding of [0.9, 0.1, 0.7, 0.3]) {
      for (let step = 0; step < 20_000; step++) {
        const key = random.pick(keys);
        const worker = random.below(256);
        if (random.chance(adding)) twins.add(key, worker);
        else twins.remove(key, [...(twins.model.get(key) ?? [])][0] ?? worker);
      }
      twins.expectEqual();
      for (let round = 0; round < 20; round++) twins.removeWorker(random.below(256));
      twins.expectEqual();
    }
  });
});

test('collecting adds to what is there', () => {
  const table = new InterestTable();
  table.add('a', 1);
  table.add('b', 2);
  const into = new Set<number>([0]);
  table.collect('a', into);
  table.collect('b', into);
  table.collect('unknown', into);
  expect(into).toEqual(new Set([0, 1, 2]));
});

test('keys with the same start, or letters beyond ASCII, are told apart', () => {
  const table = new InterestTable();
  const long = 'x'.repeat(250);
  const keys = ['', 'u/\0ä', 'u/\0ö', 'u/\0\u{1f600}', `${long}1`, `${long}2`, 'u/\0', 'u/\0\0'];
  for (const [worker, key] of keys.entries()) table.add(key, worker);
  for (const [worker, key] of keys.entries()) {
    expect(collected(table, key)).toEqual(new Set([worker]));
  }
});

test('changes are counted, and what changes nothing is not', () => {
  const table = new InterestTable();
  table.add('a', 1);
  table.add('a', 1);
  table.remove('a', 2);
  expect(table.changes).toBe(1);
  table.add('b', 1);
  table.add('b', 2);
  table.removeWorker(1);
  expect(table.changes).toBe(5);
});

describe('memory', () => {
  test('is at most 40 bytes a key at any size, and is given back', () => {
    const table = new InterestTable();
    for (let count = 1; count <= 100_000; count++) {
      table.add(`u/\0user-${count}`, count % 50);
      if (count >= 100) expect(table.byteLength / count).toBeLessThanOrEqual(40);
    }
    for (let worker = 0; worker < 49; worker++) table.removeWorker(worker);
    expect(table.entryCount).toBe(2_000);
    expect(table.byteLength / 2_000).toBeLessThanOrEqual(60);
  });
});

test('a worker with a million keys is removed within a moment', () => {
  const table = new InterestTable();
  for (let index = 0; index < 1_000_000; index++) table.add(`u/\0user-${index}`, index & 1);
  const beganAtMs = performance.now();
  table.removeWorker(0);
  // 30 ms on a quiet machine of two cores.
  expect(performance.now() - beganAtMs).toBeLessThan(3_000);
  expect(table.entryCount).toBe(500_000);
  expect(collected(table, 'u/\0user-3')).toEqual(new Set([1]));
  expect(collected(table, 'u/\0user-4')).toEqual(new Set());
});
