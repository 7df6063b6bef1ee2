/** Whose requests may be open, and when they settle. */

import { expect, test } from 'bun:test';
import { LIMITS } from '../../core/limits/limits.ts';
import { PendingRequests } from './pending-requests.ts';

const TIMEOUT_MS = 60_000;

/** Opens as many as it may. @returns how many */
function openAll(requests: PendingRequests, speaker: string | undefined, most = 1_000): number {
  let count = 0;
  for (; count < most && requests.admits(speaker); count++) requests.open(TIMEOUT_MS, speaker);
  return count;
}

test('a session that asks a thousand times leaves others theirs', () => {
  const requests = new PendingRequests(0, 3);
  expect(openAll(requests, 'flooder')).toBe(1_000);
  expect(openAll(requests, 'flooder', 100_000)).toBeLessThan(LIMITS.requestsOfSessions);
  expect(openAll(requests, 'honest', 100)).toBe(100);
  for (let i = 0; i < 1_000; i++) openAll(requests, `flooder ${i}`);
  expect(openAll(requests, 'latecomer')).toBe(LIMITS.requestsPerSessionMin);
  expect(openAll(requests, undefined)).toBe(1_000);
  requests.lostAll();
});

test('what is settled counts no more', () => {
  const requests = new PendingRequests(0, 3);
  for (let round = 0; round < 3; round++) {
    expect(openAll(requests, 'one', 100_000)).toBe(Math.ceil(LIMITS.requestsOfSessions / 3));
    requests.lostAll();
  }
});

test('who answers in pieces gets the time of the request anew, and no more', async () => {
  const requests = new PendingRequests(0, 3);
  const { id, answers } = requests.open(40, undefined);
  requests.asked(id, [1, 2]);
  requests.take(id, 1, { items: ['a'], missing: 0, isLast: false, isWhole: false });
  const startMs = performance.now();
  expect(await answers).toEqual({ items: ['a'], missing: 0, silent: [1, 2] });
  expect(performance.now() - startMs).toBeLessThan(2_000);
});
