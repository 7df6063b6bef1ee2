/** What clients are told: JSON that reads back as it was meant, each message in one line. */

import { expect, test } from 'bun:test';
import { encodeArguments } from '../binary-payload.ts';
import { compileSchema } from './json-schema.ts';
import { SERVER_MESSAGES } from './message-schema.ts';
import {
  encodeConnected,
  encodeError,
  encodeFarewell,
  encodePlainAck,
  encodePlainEvent,
  encodePollAnswer,
  PONG,
} from './server-message.ts';

function read(text: string): unknown {
  expect(text).not.toContain('\n');
  const message = JSON.parse(text) as { type: string };
  expect(compileSchema(SERVER_MESSAGES[message.type] ?? { const: 'unknown' })(message)).toBe(
    undefined,
  );
  return message;
}

test.each<[string, unknown[]]>([
  ['goal', [2]],
  ['goal', []],
  ['', ['']],
  ['a"b\\', ['"]', { a: [1] }, null]],
  ['line\n\u2028', ['\n']],
  ['\ud800', ['\udfff']],
])('an event %j with %j', (event, args) => {
  const { json, attachments } = encodeArguments([event, ...args], 10);
  const content = { json, attachments, ackId: undefined };
  expect(read(encodePlainEvent(content))).toEqual({ type: 'event', event, args });
  expect(read(encodePlainEvent({ ...content, ackId: 7 }))).toEqual({
    type: 'event',
    event,
    args,
    id: 7,
  });
});

test('bytes travel as base64, in events and acks', () => {
  const values = ['b', new Uint8Array([1, 2]), { deep: [new Uint8Array()] }];
  const { json, attachments } = encodeArguments(values, 10);
  const args = [{ $binary: 'AQI=' }, { deep: [{ $binary: '' }] }];
  expect(read(encodePlainEvent({ json, attachments, ackId: undefined }))).toEqual({
    type: 'event',
    event: 'b',
    args,
  });
  const ack = encodeArguments(values.slice(1), 10);
  expect(read(encodePlainAck(3, ack.json, ack.attachments))).toEqual({ type: 'ack', id: 3, args });
});

test('the other messages', () => {
  const facts = {
    session: undefined,
    id: 'i',
    namespace: '/',
    user: undefined,
    rooms: ['a'],
    recovered: false,
    pingInterval: 1,
    pingTimeout: 2,
    maxPayload: 3,
  };
  expect(read(encodeConnected(facts))).toEqual({ type: 'connect', ...facts });
  expect(read(encodeConnected({ ...facts, session: 's', user: 'u' }))).toMatchObject({
    session: 's',
    user: 'u',
  });
  expect(read(encodeError({ reason: 'r', message: 'm', id: 0, data: { a: 1 } }))).toEqual({
    type: 'error',
    reason: 'r',
    message: 'm',
    id: 0,
    data: { a: 1 },
  });
  expect(encodeFarewell('x', undefined)).toBe('{"type":"disconnect","reason":"x"}');
  expect(read(encodeFarewell('x', 5))).toEqual({ type: 'disconnect', reason: 'x', retry: 5 });
  expect(read(PONG)).toEqual({ type: 'pong' });
  expect(JSON.parse(encodePollAnswer('s', 3, undefined, [PONG, PONG]))).toEqual({
    session: 's',
    position: 's.3',
    messages: [{ type: 'pong' }, { type: 'pong' }],
  });
});
