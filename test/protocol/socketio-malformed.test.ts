/**
 * Socket.IO v5: packets that break the protocol end the connection they came on, and nothing else.
 * The app hears `parse error`.
 */

import { describe, expect, test } from 'bun:test';
import { joinWebSocket } from '../support/raw-joined.ts';
import type { Endpoint } from '../support/raw-polling.ts';
import {
  expectAlive,
  openSession,
  openWire,
  placeholder,
  Watcher,
  WIRE_KINDS,
  type WireKind,
} from '../support/raw-socketio.ts';
import type { Frame } from '../support/raw-websocket.ts';
import { describeOnTargets, expectServing, isReference } from './target.ts';

const BYTES = Uint8Array.of(1, 2, 3);
const RESERVED = [
  'connect',
  'connect_error',
  'disconnect',
  'disconnecting',
  'newListener',
  'removeListener',
] as const;

/** Packets that are wrong in a session that has joined the main namespace. */
const MALFORMED: readonly (readonly [string, ...Frame[]])[] = [
  ['nothing at all', ''],
  ['an unknown type', '7'],
  ['a type that is no number', 'abc'],
  ['a type with a sign', '-2["message",1]'],
  ['a space before the type', ' 2["message",1]'],
  ['an event of broken JSON', '2["message",'],
  ['an event with something after its JSON', '2["message",1]]'],
  ['an event that is an object', '2{}'],
  ['an event that is a string', '2"message"'],
  ['an event that is null', '2null'],
  ['an event that is an empty array', '2[]'],
  ['an event named null', '2[null]'],
  ['an event named by an object', '2[{"a":1}]'],
  ['an event named by an array', '2[["message"]]'],
  ['an event named true', '2[true]'],
  ['an ack id that is no number', '2abc["message-with-ack",1]'],
  ['an ack id that is negative', '2-1["message-with-ack",1]'],
  ['an ack of broken JSON', '31['],
  ['an ack that is an object', '31{"a":1}'],
  ['an ack that is a string', '31"x"'],
  ['a DISCONNECT with a payload', '1"x"'],
  ['a DISCONNECT with an object', '1{}'],
  ['a CONNECT_ERROR from a client', '4{"message":"x"}'],
  ['a CONNECT whose auth is a string', '0/custom,"token"'],
  ['a CONNECT whose auth is an array', '0/custom,[]'],
  ['a CONNECT whose auth is null', '0/custom,null'],
  ['a CONNECT whose auth is broken JSON', '0/custom,{"token":'],
  ['JSON nested deeper than any parser recurses', `2["message",${'['.repeat(200_000)}`],
];

/** The same for binary packets; a text frame stands where bytes are due, or the reverse. */
const MALFORMED_BINARY: readonly (readonly [string, ...Frame[]])[] = [
  ['bytes without a header', BYTES],
  ['bytes after all attachments came', `51-["message",${placeholder(0)}]`, BYTES, BYTES],
  ['bytes after a plain event', '2["message",1]', BYTES],
  ['text for an attachment', `51-["message",${placeholder(0)}]`, '2["message",1]'],
  [
    'text for the second attachment',
    `52-["message",${placeholder(0)},${placeholder(1)}]`,
    BYTES,
    '2["message",1]',
  ],
  ['a header after a header', `51-["message",${placeholder(0)}]`, `51-["x",${placeholder(0)}]`],
  ['no count of attachments', '5["message"]'],
  ['a count without its dash', '51["message"]'],
  ['a count of zero', '50-["message"]'],
  ['a count that is negative', `5-1-["message",${placeholder(0)}]`],
  ['a count that is no integer', `51.5-["message",${placeholder(0)}]`],
  ['a count that is no number', `5x-["message",${placeholder(0)}]`],
  ['a count beyond any bound', `5999999999-["message",${placeholder(0)}]`],
  ['a count beyond what a number holds', `5${'9'.repeat(400)}-["message"]`],
  ['a header of broken JSON', '51-["message",'],
  ['a header that is an object', '51-{}'],
  ['an ack header of broken JSON', '61-1['],
  ['an ack header that is an object', '61-1{}'],
  ['a placeholder beyond the last attachment', `51-["message",${placeholder(1)}]`, BYTES],
  ['a placeholder of a negative number', `51-["message",${placeholder(-1)}]`, BYTES],
  ['a placeholder of a string', '51-["message",{"_placeholder":true,"num":"0"}]', BYTES],
  ['a placeholder without a number', '51-["message",{"_placeholder":true}]', BYTES],
];

describeOnTargets('Socket.IO malformed packets', (endpoint) => {
  for (const kind of WIRE_KINDS) {
    describe(`over ${kind}`, () => {
      test.each(MALFORMED)('%s', async (_name, ...messages) => {
        await expectEnd(endpoint, kind, messages);
      });

      test.each(MALFORMED_BINARY)('%s', async (_name, ...messages) => {
        await expectEnd(endpoint, kind, messages);
      });

      test.each(RESERVED)('the reserved event name %s', async (name) => {
        await expectEnd(endpoint, kind, [`2["${name}",1]`]);
        await expectEnd(endpoint, kind, [`51-["${name}",${placeholder(0)}]`, BYTES]);
      });

      // The text demands a payload; the reference takes an event without one for an empty one.
      test.skipIf(isReference)('an event without a payload', async () => {
        await expectEnd(endpoint, kind, ['2']);
        await expectEnd(endpoint, kind, ['212']);
      });

      declareHarmless(endpoint, kind);
    });
  }

  test('the app hears of a parse error', async () => {
    const watcher = await Watcher.open(endpoint);
    for (const kind of WIRE_KINDS) {
      for (const packet of ['2{}', 'abc', '2["connect"]', '50-["message"]']) {
        const { wire, sid } = await openSession(endpoint, kind);
        await wire.send(packet);
        // Without a poll the reference waits for one before it tells the app.
        await wire.ended();
        const reason = await watcher.reason(sid);
        // The reference keeps that word for broken Engine.IO packets.
        expect([packet, reason]).toEqual([packet, isReference ? 'forced close' : 'parse error']);
      }
    }
    await watcher.close();
  });

  test('the app hears of a parse error in Engine.IO', async () => {
    const watcher = await Watcher.open(endpoint);
    const { socket, sid } = await joinWebSocket(endpoint.url);
    socket.send('abc');
    expect(await watcher.reason(sid)).toBe('parse error');
    await watcher.close();
  });
});

/** What looks wrong and is not, or waits for more. */
function declareHarmless(endpoint: Endpoint, kind: WireKind): void {
  test('an attachment that never comes harms nobody', async () => {
    const { wire } = await openSession(endpoint, kind);
    await wire.send(`52-["message",${placeholder(0)},${placeholder(1)}]`, BYTES);
    await wire.close();
    await expectServing(endpoint);
  });

  // Valid JSON, so it may be answered or refused; deep recursion ends the reference's process.
  test.skipIf(isReference).each([1_000, 20_000, 200_000])(
    'JSON nested %d deep harms nobody',
    async (depth) => {
      const nested = (inner: string): string => '['.repeat(depth) + inner + ']'.repeat(depth);
      const { wire } = await openSession(endpoint, kind);
      await wire.send(`2["message",${nested('1')}]`);
      await expectServing(endpoint);
      const other = await openSession(endpoint, kind);
      await other.wire.send(`51-["message",${nested(placeholder(0))}]`, BYTES);
      await expectServing(endpoint);
      const third = await openSession(endpoint, kind);
      await expectAlive(third.wire);
      await Promise.all([wire, other.wire, third.wire].map((each) => each.close()));
    },
  );

  test('a payload that pollutes prototypes pollutes none', async () => {
    const { wire } = await openSession(endpoint, kind);
    await wire.send('2["message",{"__proto__":{"polluted":true}}]');
    await wire.next();
    await expectAlive(wire);
    await wire.close();
    const other = await openWire(endpoint, kind);
    await other.send('0');
    expect(await other.next()).not.toContain('polluted');
    expect(await other.next()).toBe('2["auth",{}]');
    await other.close();
  });
}

async function expectEnd(
  endpoint: Endpoint,
  kind: WireKind,
  messages: readonly Frame[],
): Promise<void> {
  const { wire } = await openSession(endpoint, kind);
  await wire.send(...messages);
  await wire.ended();
}
