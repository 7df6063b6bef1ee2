/** What clients hear of packets that are refused since they send far more than they may. */

import { beforeEach, expect, test } from 'bun:test';
import { FakeEngine, type FakeSocket, settle } from '../../../../test/support/fake-engine.ts';

const PLACEHOLDER = '{"_placeholder":true,"num":0}';

let fake: FakeEngine;
let socket: FakeSocket;

beforeEach(async () => {
  fake = new FakeEngine({ on: { echo: () => 'echo' } }, 1 << 28, { maxMessagesPerSecond: 10 });
  socket = await fake.openSocket();
  // Past what a client may send, and past what is kept of it.
  const event = `42["echo","${'x'.repeat(9_000)}"]`;
  for (let sent = 0; sent < 600; sent++) socket.bring(event);
  await settle();
  socket.news();
});

test('an event is refused in its ack, or by an event `error` now and then', () => {
  socket.bring('427["echo"]', '42["echo"]', '42["echo"]');
  expect(socket.news()).toEqual(['437[{"error":"too many messages"}]']);
  expect(fake.refusals.totals().inputOverflow).toBeGreaterThan(3);
  expect(fake.ended).toEqual([]);
});

test('attachments of an event that is refused are passed over', () => {
  socket.bring(`451-8["echo",${PLACEHOLDER}]`, Buffer.from('x'), '429["echo"]');
  expect(socket.news()).toEqual([
    '438[{"error":"too many messages"}]',
    '439[{"error":"too many messages"}]',
  ]);
  expect(fake.ended).toEqual([]);
});

test('a CONNECT is refused by its error, and the protocol holds as ever', async () => {
  socket.bring('40/other,', '2', '3');
  expect(socket.news()).toEqual(['44/other,{"message":"too many messages"}']);
  socket.bring('4x');
  await settle();
  expect([fake.ended, fake.budget.heldBytes]).toEqual([['parse error'], 0]);
});

test('whoever leaves is heard, and what is kept of it goes', () => {
  socket.bring('41');
  expect(fake.ended).toEqual(['client namespace disconnect']);
  socket.lose();
  expect([fake.budget.heldBytes, socket.isPaused]).toEqual([0, false]);
});
