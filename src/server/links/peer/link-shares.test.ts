import { expect, test } from 'bun:test';
import { LinkShares } from './link-shares.ts';

test('what waits of each goes as the queue is taken, in its order', () => {
  const link = { queuedBytes: 1_000, sentBytes: 50 };
  const shares = new LinkShares(link);
  const queue = (owner: number, bytes: number): void => {
    shares.add(owner, bytes);
    link.queuedBytes += bytes;
  };
  const take = (bytes: number): void => {
    link.queuedBytes -= bytes;
    link.sentBytes += bytes;
  };
  const waiting = (): number[] => [1, 2, 3].map((owner) => shares.waiting(owner));
  queue(1, 500);
  queue(2, 20);
  queue(1, 300);
  expect(waiting()).toEqual([800, 20, 0]);
  take(1_000);
  expect(waiting()).toEqual([800, 20, 0]);
  take(510);
  expect(waiting()).toEqual([310, 10, 0]);
  queue(2, 5);
  expect(waiting()).toEqual([310, 15, 0]);
  take(310);
  expect(waiting()).toEqual([0, 5, 0]);
  queue(3, 7);
  take(12);
  expect(waiting()).toEqual([0, 0, 0]);
  queue(3, 7);
  shares.clear();
  expect(waiting()).toEqual([0, 0, 0]);
});
