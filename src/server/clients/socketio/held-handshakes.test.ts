/** What first requests hold of those who take their time, and of those of whom much is kept. */

import { expect, test } from 'bun:test';
import { FakeEngine, type FakeSocket, settle } from '../../../../test/support/fake-engine.ts';
import type { App } from '../../core/app/app.ts';
import { LIMITS } from '../../core/limits/limits.ts';

const COOKIE_BYTES = 10_000;
const TWO_NAMESPACES: App = { namespaces: { '/chat': {} } };

const large = (): { headers: Headers } => ({
  headers: new Headers({ cookie: 'x'.repeat(COOKIE_BYTES) }),
});

/** A heartbeat tick, after clients have had the time to join. */
async function dawdle(fake: FakeEngine): Promise<void> {
  const untilMs = fake.heartbeat.clockMs + LIMITS.handshakeFreeMs;
  while (fake.heartbeat.clockMs < untilMs) fake.heartbeat.beat(performance.now());
  fake.context.sweep();
  await settle();
}

/** Says nothing of its own. */
const silent = (fake: FakeEngine): FakeSocket => fake.openUnjoined(false, '3', large());

test('counts while a client dawdles, until it joins or ends', async () => {
  const fake = new FakeEngine({});
  const socket = silent(fake);
  const other = silent(fake);
  fake.context.sweep();
  expect(fake.budget.heldBytes).toBe(0);
  await dawdle(fake);
  fake.context.sweep();
  expect(fake.budget.heldBytes).toBeWithin(2 * COOKIE_BYTES, 2 * COOKIE_BYTES + 100);
  socket.bring('40');
  await settle();
  expect(fake.budget.heldBytes).toBeLessThan(COOKIE_BYTES + 100);
  other.lose();
  expect(fake.budget.heldBytes).toBe(0);
});

test('counts for as long as much of it is kept for joining again', async () => {
  const reading = new FakeEngine({ authenticate: ({ headers }) => void headers['cookie'] });
  for (const fake of [new FakeEngine(TWO_NAMESPACES), reading]) {
    const small = fake.openUnjoined();
    const socket = fake.openUnjoined(false, '40', large());
    await settle();
    expect(fake.budget.heldBytes).toBeWithin(COOKIE_BYTES, COOKIE_BYTES + 100);
    socket.lose();
    expect(fake.budget.heldBytes).toBe(0);
    small.lose();
  }
});

test('those who hold most of it go when there is too much', async () => {
  const fake = new FakeEngine({}, 5 * COOKIE_BYTES);
  const sockets = Array.from({ length: 10 }, () => silent(fake));
  const small = fake.openUnjoined(false, '3');
  await dawdle(fake);
  const isCut = (socket: FakeSocket): boolean => socket.closes.length > 0;
  expect(sockets.filter(isCut).length).toBeWithin(5, 8);
  expect([isCut(small), fake.budget.heldBytes <= 5 * COOKIE_BYTES]).toEqual([false, true]);
});
