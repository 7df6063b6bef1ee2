/** What Engine.IO's WebSockets tell whoever looks for half-sent messages. */

import { beforeEach, expect, test } from 'bun:test';
import { FakeEngine, type FakeSocket, settle } from '../../../../test/support/fake-engine.ts';
import { FRAME_BYTES, type Incoming } from '../../core/contracts/incoming.ts';

/** The connections of the fake's sockets: of a session's own, and of one that is offered. */
const OWN = 2;
const OFFERED = 3;

let fake: FakeEngine;

beforeEach(() => {
  fake = new FakeEngine({});
});

const incoming = (connection?: number): Incoming[] => [
  ...fake.context.incoming((one) => connection === undefined || one === connection),
];

const bytesOf = (...frames: readonly string[]): number =>
  frames.reduce((sum, { length }) => sum + length + FRAME_BYTES, 0);

test('a session counts its messages, and no pings', async () => {
  const socket = await fake.openSocket();
  const [found] = incoming(OWN) as [Incoming];
  expect([found.takenBytes, found.isClosed]).toEqual([bytesOf('40'), false]);
  socket.bringPing(100);
  socket.bring('3', '42["é"]');
  expect(found.takenBytes).toBe(bytesOf('40', '3', '42["é"]'));
  found.takenBytes = 2 ** 32 - 1;
  socket.bring('3');
  expect(found.takenBytes).toBe(bytesOf('3') - 1);
  expect(incoming(OFFERED)).toEqual([]);
});

test('a session that is asked pings its client, and one that lets go ends', async () => {
  const socket = await fake.openSocket();
  const [found] = incoming() as [Incoming];
  found.ask();
  expect(socket.news()).toEqual(['2']);
  found.letGo();
  await settle();
  expect([found.isClosed, socket.closes, fake.ended]).toEqual([
    true,
    [undefined],
    ['transport error'],
  ]);
});

test('a socket on offer is seen until it has taken over or given up', async () => {
  const poller = await fake.openPoller();
  expect(incoming()).toEqual([]);
  const socket: FakeSocket = poller.offer();
  const [probe] = incoming(OFFERED) as [Incoming];
  socket.bring('2probe');
  probe.ask();
  expect([probe.takenBytes, probe.isClosed]).toEqual([0, false]);
  socket.bring('5');
  expect(probe.isClosed).toBe(true);
  const [session] = incoming(OFFERED) as [Incoming];
  expect([session.takenBytes, session.isClosed]).toEqual([0, false]);
});

test('a socket on offer that lets go is cut, and its session polls on', async () => {
  const poller = await fake.openPoller();
  const socket = poller.offer();
  (incoming()[0] as Incoming).letGo();
  expect([socket.closes, incoming(), fake.ended]).toEqual([[undefined], [], []]);
  poller.offer();
  expect(incoming().length).toBe(1);
});

test('a socket on offer is seen also when its session has ended', async () => {
  const poller = await fake.openPoller();
  poller.offer();
  poller.post('1');
  expect(fake.ended).toEqual(['transport close']);
  expect(incoming().length).toBe(1);
});
