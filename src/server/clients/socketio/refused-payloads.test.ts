/** Payloads that would harm the worker: refused one by one, their senders told, and nobody cut. */

import { beforeEach, expect, test } from 'bun:test';
import { FakeEngine, type FakeSocket, settle } from '../../../../test/support/fake-engine.ts';
import { rapidhashNames } from '../../../../test/support/hostile-names.ts';

const HOSTILE = JSON.stringify(rapidhashNames(100));
const COLLIDES = 'the message has texts that are made to collide';
const PLACEHOLDER = '{"_placeholder":true,"num":0}';
const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

let fake: FakeEngine;
let socket: FakeSocket;

beforeEach(async () => {
  fake = new FakeEngine({ on: { echo: (_session, ...args: unknown[]) => args[0] } });
  socket = await fake.openSocket();
});

/** The session goes on. */
function expectAlive(): void {
  socket.bring('429["echo","still here"]');
  expect(socket.news()).toEqual(['439["still here"]']);
  expect(socket.closes).toEqual([]);
}

test('an event is answered with an error when it wants an ack', () => {
  socket.bring(`420["echo",${HOSTILE}]`, `42["echo",${HOSTILE}]`);
  expect(socket.news()).toEqual([`430[{"error":"${COLLIDES}"}]`]);
  expect(fake.refusals.totals()).toEqual({ stringsCollide: 2 });
  expectAlive();
});

test('a binary event has its attachments passed over', () => {
  socket.bring(`452-1["echo",${PLACEHOLDER},${HOSTILE}]`, Buffer.from([1]), Buffer.from([2]));
  expect(socket.news()).toEqual([`431[{"error":"${COLLIDES}"}]`]);
  socket.bring(`451-2["echo",${PLACEHOLDER}]`, Buffer.from([3]));
  expect(socket.news()).toEqual([`461-2[${PLACEHOLDER}]`, Buffer.from([3])]);
  expectAlive();
});

test('a CONNECT gets a CONNECT_ERROR, and the next is taken', async () => {
  const other = fake.openUnjoined(false, `40{"auth":${HOSTILE}}`);
  expect(other.news().at(-1)).toBe(`44{"message":"${COLLIDES}"}`);
  other.bring('40{"token":"x"}');
  await settle();
  expect(other.news()).toEqual(['40{"sid":…}']);
});

test('an ack is passed over, and the client told by an event', () => {
  socket.bring(`43007[${HOSTILE}]`, `461-7[${PLACEHOLDER},${HOSTILE}]`, Buffer.from([1]));
  expect(socket.news()).toEqual([`42["error",{"message":"${COLLIDES}","refused":1}]`]);
  expectAlive();
});

test('nesting is taken to a thousand levels, and refused beyond', () => {
  socket.bring(`420["echo",${deep(999)}]`);
  expect(socket.news()).toEqual([`430[${deep(999)}]`]);
  socket.bring(`421["echo",${deep(1_000)}]`);
  expect(socket.news()).toEqual(['431[{"error":"the message is nested too deeply"}]']);
  socket.bring(`451-2["echo",${deep(1_000)},${PLACEHOLDER}]`, Buffer.from([1]));
  expect(socket.news()).toEqual(['432[{"error":"the message is nested too deeply"}]']);
  expect(fake.refusals.totals()).toEqual({ nestedTooDeep: 2 });
  expectAlive();
});

test('brackets that are never closed stay broken JSON, and are not built', () => {
  socket.bring(`42["echo",${'['.repeat(200_000)}`);
  expect(socket.closes).toEqual([1008]);
});

test('many different keys are refused', () => {
  const many = Array.from({ length: 25_000 }, (_, i) => `"k${i}":1`).join();
  socket.bring(`420["echo",{${many}}]`);
  expect(socket.news()).toEqual(['430[{"error":"the message has too many different keys"}]']);
  expectAlive();
});

test('what is no packet of a client stays a violation of the protocol', () => {
  socket.bring(`4${4}{"message":${HOSTILE}}`);
  expect(socket.closes).toEqual([1008]);
});

test('an event for a namespace that was not joined stays one, too', () => {
  socket.bring(`42/other,["echo",${HOSTILE}]`);
  expect(socket.closes).toEqual([1008]);
});

test('an event that comes too often is refused in each namespace by its own limit', async () => {
  const on = { vote: () => 'counted', say: () => 'said' };
  fake = new FakeEngine({ on, limits: { vote: 2 }, namespaces: { '/chat': { on } } });
  socket = await fake.openSocket();
  socket.bring('40/chat,');
  await settle();
  socket.news();
  socket.bring('421["vote"]', '422["vote"]', '423["vote"]', '42["vote"]', '424["say"]');
  socket.bring('42/chat,5["vote"]', '42/chat,6["vote"]', '42/chat,7["vote"]');
  expect(socket.news()).toEqual([
    '431["counted"]',
    '432["counted"]',
    '433[{"error":"this event came too often"}]',
    '434["said"]',
    '43/chat,5["counted"]',
    '43/chat,6["counted"]',
    '43/chat,7["counted"]',
  ]);
  expect([fake.refusals.totals(), socket.closes]).toEqual([{ eventTooOften: 2 }, []]);
});
