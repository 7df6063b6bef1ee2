/** Packets for a namespace that the app has had a client leave, before that can know. */

import { beforeEach, expect, test } from 'bun:test';
import { FakeEngine, type FakeSocket, settle } from '../../../../test/support/fake-engine.ts';

let fake: FakeEngine;
let socket: FakeSocket;

beforeEach(async () => {
  const chat = { on: { kick: (session: { disconnect(): void }) => session.disconnect() } };
  fake = new FakeEngine({ on: { echo: () => 'echo' }, namespaces: { '/chat': chat } });
  socket = await fake.openSocket();
  socket.bring('40/chat,');
  await settle();
  socket.bring('42/chat,["kick"]');
  socket.news();
});

test.each<[string, (string | Buffer)[]]>([
  ['an event', ['42/chat,["say"]']],
  ['an ack', ['43/chat,1[]']],
  ['an event with bytes', ['451-/chat,["say",{"_placeholder":true,"num":0}]', Buffer.from('x')]],
  ['a disconnect', ['41/chat,']],
])('%s is passed over, and the client stays in its others', (_name, frames) => {
  socket.bring(...frames, '427["echo"]');
  expect([socket.news(), socket.closes]).toEqual([['437["echo"]'], []]);
  expect(fake.refusals.totals()).toEqual({ namespaceLeft: 1 });
});

test('it is a fault where the client left by itself', () => {
  socket.bring('42["echo"]');
  expect(socket.closes).toEqual([]);
  socket.bring('41', '42["echo"]');
  expect(socket.closes).toEqual([1008]);
});

test('a client that joins again is heard again', async () => {
  socket.bring('40/chat,');
  await settle();
  socket.news();
  socket.bring('41/chat,', '42/chat,["kick"]');
  expect(socket.closes).toEqual([1008]);
});
