import { expect, test } from 'bun:test';
import { forEachOne } from './for-each-one.ts';

test('each has its turn, and what failed is told', () => {
  const done: number[] = [];
  const faults: unknown[] = [];
  forEachOne(
    [1, 2, 3, 4],
    (number) => {
      if (number % 2 === 0) throw new Error(`${number} failed`);
      done.push(number);
    },
    (fault) => faults.push((fault as Error).message),
  );
  expect(done).toEqual([1, 3]);
  expect(faults).toEqual(['2 failed', '4 failed']);
});
