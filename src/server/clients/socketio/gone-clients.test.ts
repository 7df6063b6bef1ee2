/** Clients that leave while something that they have sent waits to be taken. */

import { beforeEach, expect, test } from 'bun:test';
import { FakeEngine } from '../../../../test/support/fake-engine.ts';
import type { PlaceHolder } from '../../core/contracts/place-holder.ts';

const COUNT = 700;
const NOBODY = { polling: 0, websocket: 0, sse: 0, stream: 0 };

let fake: FakeEngine;
let taken: number;

beforeEach(() => {
  taken = 0;
  const on = { count: () => ++taken };
  fake = new FakeEngine({ on }, undefined, { maxMessagesPerSecond: 500 });
});

test('they make place, and do not count for their address', async () => {
  const gone = await fake.openSocket();
  await fake.openSocket();
  gone.bring(...events());
  gone.lose();
  expect(fake.context.present).toEqual({ polling: 0, websocket: 1, sse: 0, stream: 0 });
  let ofAddress = 0;
  fake.context.visitAll(() => void ofAddress++);
  const found: PlaceHolder[] = [];
  fake.context.visitUnproven((holder) => void found.push(holder));
  expect([ofAddress, found.length, found[0]?.holdsFile]).toEqual([1, 1, false]);
  expect(found[0]?.unprovenSinceMs).toBeDefined();
  found[0]?.giveUpPlace();
  expect([fake.ended, fake.context.size]).toEqual([['transport close'], 1]);
  expect(found[0]?.unprovenSinceMs).toBeUndefined();
});

const events = (): string[] => Array.from({ length: COUNT }, (_, id) => `42${id}["count"]`);

/** Until the session has ended. */
async function ended(): Promise<void> {
  while (fake.context.size > 0) await Bun.sleep(10);
}

test('all is taken of one that closes its WebSocket, and nothing sent to it', async () => {
  const socket = await fake.openSocket();
  socket.news();
  socket.bring(...events());
  const before = socket.sent.length;
  expect([before, taken]).toEqual([taken, expect.any(Number)]);
  socket.isFull = true;
  socket.lose();
  expect([fake.ended, taken < COUNT]).toEqual([[], true]);
  expect([fake.context.size, fake.context.present]).toEqual([1, NOBODY]);
  await ended();
  expect(fake.context.present).toEqual(NOBODY);
  expect([taken, socket.sent.length]).toEqual([COUNT, before]);
  expect([fake.ended, fake.budget.heldBytes]).toEqual([['transport close'], 0]);
  expect(fake.refusals.totals()).toEqual({ tooManyMessages: 1 });
});

test('and of one that gives up its poll, for whom nothing is kept any more', async () => {
  const poller = await fake.openPoller();
  const poll = poller.poll();
  // The first are taken at once, and would answer that poll.
  const silent = Array.from({ length: 100 }, () => '42["count"]');
  poller.post([...silent, ...events()].join('\x1e'));
  fake.owner.abandonPoll(poller.sessionId, poll);
  expect([fake.ended, taken < COUNT]).toEqual([[], true]);
  expect([fake.context.size, fake.context.present]).toEqual([1, NOBODY]);
  await ended();
  expect([taken, poller.news()]).toEqual([100 + COUNT, []]);
  expect([fake.ended, fake.budget.heldBytes]).toEqual([['transport close'], 0]);
});
