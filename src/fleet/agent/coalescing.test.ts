import { expect, test } from 'bun:test';
import { Coalescing } from './coalescing.ts';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('rests once for all that came in a turn, and again for what comes later', async () => {
  const rests: number[] = [];
  const coalescing = new Coalescing((ms) => rests.push(ms));
  coalescing.ms = 20;
  for (let i = 0; i < 3; i++) coalescing.noted();
  expect(rests).toEqual([]);
  await nextTurn();
  expect(rests).toEqual([20]);
  await nextTurn();
  expect(rests).toEqual([20]);
  coalescing.noted();
  await nextTurn();
  expect(rests).toEqual([20, 20]);
});

test('does not rest when messages are to be read at once', async () => {
  const rests: number[] = [];
  const coalescing = new Coalescing((ms) => rests.push(ms));
  coalescing.noted();
  await nextTurn();
  expect(rests).toEqual([]);
});
