import { expect, test } from 'bun:test';
import { EventLimits } from './event-limits.ts';

/** How many events of a client pass at a time. */
function passing(limits: EventLimits, event: string, nowMs: number, client: object = limits) {
  let count = 0;
  while (count < 1_000 && limits.take(client, event, nowMs)) count++;
  return count;
}

test.each([1, 3, 5, 7, 100, 999])('%d may come at once, and so many in a second after', (most) => {
  const limits = new EventLimits({ vote: most });
  expect(passing(limits, 'vote', 12_345.678)).toBe(most);
  expect(limits.take(limits, 'vote', 12_345.678 + 900 / most)).toBe(false);
  let passed = 0;
  for (let step = 1; step <= 10 * most; step++) {
    if (limits.take(limits, 'vote', 12_345.678 + (step * 100) / most)) passed++;
  }
  expect(passed).toBe(most);
  expect(passing(limits, 'vote', 20_000)).toBe(most);
});

test('less than one in a second is one in several', () => {
  const limits = new EventLimits({ vote: 0.1 });
  expect(
    [0, 5_000, 9_000, 10_000, 15_000, 20_000].map((ms) => passing(limits, 'vote', ms)),
  ).toEqual([1, 0, 0, 1, 0, 1]);
});

test('clients and events have shares of their own, and other events no limit', () => {
  const limits = new EventLimits({ vote: 1, say: 2 });
  expect(passing(limits, 'vote', 0)).toBe(1);
  expect(passing(limits, 'say', 0)).toBe(2);
  expect(passing(limits, 'vote', 0, {})).toBe(1);
  expect(passing(limits, 'other', 0)).toBe(1_000);
});

test('one that has gone is forgotten at once, however seldom it may send', () => {
  const limits = new EventLimits({ signUp: 1 / 3_600 });
  const clients = Array.from({ length: 10 }, () => ({}));
  for (const client of clients) expect(limits.take(client, 'signUp', 0)).toBe(true);
  limits.forgetOld();
  expect(limits.take(clients[0] as object, 'signUp', 100)).toBe(false);
  for (const client of clients) limits.forget(client);
  expect(limits.known).toBe(0);
});

test('a client is forgotten when it has not been heard for a while, and not before', () => {
  const limits = new EventLimits({ vote: 5 });
  passing(limits, 'vote', 0);
  limits.forgetOld();
  expect([limits.take(limits, 'vote', 100), limits.known]).toEqual([false, 1]);
  limits.forgetOld();
  limits.forgetOld();
  expect(limits.known).toBe(0);
});
