import { expect, test } from 'bun:test';
import { Random } from '../../test/fuzz/random.ts';
import { InterestTable } from './interest-table.ts';

const WORKERS = 5;
const KEYS = Array.from({ length: 12 }, (_, index) => `r/\0room-${index}`);

function collected(table: InterestTable, key: string): Set<number> {
  const into = new Set<number>();
  table.collect(key, into);
  return into;
}

test('agrees with a Map of Sets through a random life', () => {
  const random = Random.announced('interest table');
  const table = new InterestTable();
  const model = new Map<string, Set<number>>(KEYS.map((key) => [key, new Set<number>()]));
  for (let step = 0; step < 10_000; step++) {
    const key = random.pick(KEYS);
    const worker = random.below(WORKERS);
    if (random.chance(0.02)) {
      table.removeWorker(worker);
      for (const workers of model.values()) workers.delete(worker);
    } else if (random.chance(0.5)) {
      table.add(key, worker);
      model.get(key)?.add(worker);
    } else {
      table.remove(key, worker);
      model.get(key)?.delete(worker);
    }
    expect(collected(table, key)).toEqual(model.get(key) as Set<number>);
  }
  for (const key of KEYS) expect(collected(table, key)).toEqual(model.get(key) as Set<number>);
  const pairs = [...model.values()].reduce((sum, workers) => sum + workers.size, 0);
  expect(table.entryCount).toBe(pairs);
  for (let worker = 0; worker < WORKERS; worker++) table.removeWorker(worker);
  expect(table.entryCount).toBe(0);
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
