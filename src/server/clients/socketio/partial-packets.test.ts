/** Events whose attachments come later, or never: what is kept of them, and what is refused. */

import { beforeEach, describe, expect, test } from 'bun:test';
import {
  ENGINE_SETTINGS,
  FakeEngine,
  type FakeSocket,
  settle,
} from '../../../../test/support/fake-engine.ts';
import { LIMITS } from '../../core/limits/limits.ts';

const { maxPayloadBytes, memoryBudgetBytes } = ENGINE_SETTINGS;
const PLACEHOLDER = '{"_placeholder":true,"num":0}';

let fake: FakeEngine;
let socket: FakeSocket;

beforeEach(async () => {
  fake = new FakeEngine({
    on: {
      sizes: (_session, ...args: Uint8Array[]) => args.map((bytes) => bytes.byteLength),
      echo: (_session, value: unknown) => value,
    },
  });
  socket = await fake.openSocket();
});

/** An event with so many attachments in its arguments, as text. */
function event(count: number, name: string, ack = ''): string {
  const places = Array.from({ length: count }, (_, num) => `{"_placeholder":true,"num":${num}}`);
  return `45${count}-${ack}["${name}",${places.join()}]`;
}

test('each attachment may be as large as a message', () => {
  const attachment = Buffer.alloc(maxPayloadBytes);
  socket.bring(event(3, 'sizes', '7'), attachment, attachment, attachment);
  const sizes = Array(3).fill(maxPayloadBytes).join();
  expect([socket.news(), fake.ended]).toEqual([[`437[[${sizes}]]`], []]);
  expect(fake.budget.heldBytes).toBe(0);
});

test('there may be many', () => {
  socket.bring(event(200, 'sizes', '7'), ...Array(200).fill(Buffer.alloc(1)));
  expect(socket.news()).toEqual([`437[[${Array(200).fill(1).join()}]]`]);
});

test('what has come is kept as text, counts, and is forgotten with the session', () => {
  const text = `451-["echo",${'['.repeat(2_000)}${PLACEHOLDER}${']'.repeat(2_000)}]`;
  socket.bring(text);
  const overhead = LIMITS.attachmentOverheadBytes;
  expect(fake.budget.heldBytes).toBe(text.length - 1 + overhead);
  socket.lose();
  expect([fake.ended, fake.budget.heldBytes]).toEqual([['transport close'], 0]);
});

test.each([
  ['no JSON', '451-hello'],
  ['JSON that ends early', '451-["echo",{"_placeholder":true'],
  ['an object', '451-{"a":1}'],
  ['nothing', '451-'],
])('%s in front of attachments ends the connection at once', async (_name, text) => {
  socket.bring(text);
  await settle();
  expect(fake.ended).toEqual(['parse error']);
});

test('JSON that is broken inside does so when it is complete', async () => {
  socket.bring(`451-["echo",,${PLACEHOLDER}]`);
  expect(fake.ended).toEqual([]);
  socket.bring(Buffer.from('x'));
  expect([fake.ended, fake.budget.heldBytes]).toEqual([['parse error'], 0]);
});

test.each(['42["echo",1]', '3', event(1, 'echo')])(
  'only a pong may come in between, not %p',
  (text) => {
    socket.bring(event(1, 'echo'), text);
    expect(fake.ended).toEqual(text === '3' ? [] : ['parse error']);
  },
);

describe('an event that is refused', () => {
  const sweepLater = (): void => {
    const { performance } = globalThis;
    const now = performance.now.bind(performance);
    performance.now = () => now() + LIMITS.partialPacketMs + 1;
    try {
      fake.router.sweep();
    } finally {
      performance.now = now;
    }
  };

  test('since it is too large in all: its rest is passed over, the client goes on', async () => {
    const count = LIMITS.payloadsPerPacket + 2;
    // The budget of these tests is smaller than what they send.
    const attachment = Buffer.alloc(maxPayloadBytes);
    fake = new FakeEngine({ on: { echo: (_session, value: unknown) => value } }, 1_000_000);
    socket = await fake.openSocket();
    socket.bring(event(count, 'echo', '7'), ...Array(count).fill(attachment), '428["echo",1]');
    expect(socket.news()).toEqual(['437[{"error":"too many bytes in one packet"}]', '438[1]']);
    expect([fake.ended, fake.budget.heldBytes]).toEqual([[], 0]);
    expect(fake.refusals.totals()).toEqual({ partialPacket: 1 });
  });

  test('since its attachments do not come: told, and those that come late are passed over', () => {
    socket.bring(event(2, 'sizes', '7'), Buffer.from('x'));
    fake.context.sweep();
    expect(fake.budget.heldBytes).toBeGreaterThan(0);
    sweepLater();
    expect(fake.budget.heldBytes).toBe(0);
    expect(socket.news()).toEqual(['437[{"error":"attachments did not come in time"}]']);
    socket.bring(Buffer.from('late'), '428["echo",1]');
    expect([socket.news(), fake.ended]).toEqual([['438[1]'], []]);
  });

  test('is told in an event where no ack was asked for', () => {
    socket.bring(event(1, 'echo'));
    sweepLater();
    const told = { message: 'attachments did not come in time', refused: 1 };
    expect(socket.news()).toEqual([`42${JSON.stringify(['error', told])}`]);
  });
});

test('of many half-sent ones the largest go when memory is short', async () => {
  const sockets = [
    socket,
    ...(await Promise.all(Array.from({ length: 30 }, () => fake.openSocket()))),
  ];
  socket.bring(event(1, 'sizes', '1'));
  for (const hog of sockets.slice(1)) {
    hog.bring(`451-["echo",${'['.repeat(9_000)}${PLACEHOLDER}]`);
  }
  expect(fake.budget.heldBytes).toBeLessThanOrEqual(memoryBudgetBytes);
  await settle();
  expect(fake.ended.length).toBeGreaterThan(15);
  socket.bring(Buffer.from('x'));
  expect(socket.news()).toEqual(['431[[1]]']);
});
