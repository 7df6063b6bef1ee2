import { expect, test } from 'bun:test';
import { runInLanes } from './lanes.ts';

test('each item is worked on once, so many at a time', async () => {
  const done: number[] = [];
  let busy = 0;
  let busiest = 0;
  const items = Array.from({ length: 10 }, (_, item) => item);
  const isWhole = await runInLanes(items, 3, async (item) => {
    busy++;
    busiest = Math.max(busiest, busy);
    await Bun.sleep(0);
    busy--;
    done.push(item);
    return true;
  });
  expect(isWhole).toBe(true);
  expect(busiest).toBe(3);
  expect(done).toEqual(items);
});

test('nothing more is begun once that was said', async () => {
  const begun: number[] = [];
  const isWhole = await runInLanes([1, 2, 3, 4, 5], 2, async (item) => {
    begun.push(item);
    await Bun.sleep(0);
    return item !== 2;
  });
  expect(isWhole).toBe(false);
  expect(begun).toEqual([1, 2, 3]);
});
