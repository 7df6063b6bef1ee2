/** What clients send: taken by its schema, or refused with what is wrong with it. */

import { describe, expect, test } from 'bun:test';
import { schemaPage, schemaPath } from '../../../../scripts/protocol-docs.ts';
import { ForeignJson } from '../../../host/runtime/foreign-json.ts';
import { type ClientMessage, readClientMessage, type UnreadMessage } from './client-message.ts';
import { compileSchema } from './json-schema.ts';
import { CLIENT_MESSAGES, SERVER_MESSAGES } from './message-schema.ts';

const json = new ForeignJson({ maxKeys: 100, maxDepth: 1_000 });
const read = (text: string): ClientMessage | UnreadMessage => readClientMessage(text, json, {});

test.each<[string, ClientMessage]>([
  [
    '{"type":"event","event":"vote","args":["red",1],"id":1}',
    { type: 'event', event: 'vote', args: ['red', 1], id: 1 },
  ],
  ['{"type":"event","event":""}', { type: 'event', event: '', args: [], id: undefined }],
  [
    '{"id":9007199254740991,"room":"a","type":"join"}',
    { type: 'join', room: 'a', id: Number.MAX_SAFE_INTEGER },
  ],
  ['{"type":"leave","room":"a","more":1}', { type: 'leave', room: 'a', id: undefined }],
  ['{"type":"ack","id":0}', { type: 'ack', id: 0, args: [] }],
  ['{"type":"connect"}', { type: 'connect', auth: {} }],
  ['{"type":"connect","auth":{"token":"t"}}', { type: 'connect', auth: { token: 't' } }],
  [' {"type":"ping"} ', { type: 'ping' }],
  ['{"type":"disconnect","args":3}', { type: 'disconnect' }],
])('%s is taken', (text, message) => {
  expect(read(text)).toEqual(message);
});

test.each<[string, string, number | undefined]>([
  ['', 'it is no JSON', undefined],
  ['{"type":"ping"', 'it is no JSON', undefined],
  ['[]', "its 'type' is not known", undefined],
  ['null', 'it is no JSON object', undefined],
  ['"ping"', 'it is no JSON object', undefined],
  ['{"id":4}', "its 'type' is not known", 4],
  ['{"type":"__proto__","id":4}', "its 'type' is not known", 4],
  ['{"type":"toString"}', "its 'type' is not known", undefined],
  ['{"type":["event"],"event":"a"}', "its 'type' is not known", undefined],
  ['{"type":"event","id":3}', "it is no 'event': lacks 'event'", 3],
  ['{"type":"event","event":1,"id":-1}', "it is no 'event': 'event' must be a text", undefined],
  [
    '{"type":"event","event":"a","args":{}}',
    "it is no 'event': 'args' must be an array",
    undefined,
  ],
  [
    '{"type":"event","event":"a","id":9007199254740992}',
    "it is no 'event': 'id' must be from 0 to 9007199254740991",
    undefined,
  ],
  ['{"type":"ack","args":[]}', "it is no 'ack': lacks 'id'", undefined],
  ['{"type":"ack","id":1.5}', "it is no 'ack': 'id' must be a whole number", undefined],
  [
    '{"type":"join","room":""}',
    "it is no 'join': 'room' must have from 1 to 256 characters",
    undefined,
  ],
  ['{"type":"connect","auth":[]}', "it is no 'connect': 'auth' must be an object", undefined],
  [
    '{"type":"event","event":"a","args":[{"$binary":"%"}],"id":2}',
    'a binary value is no base64',
    2,
  ],
])('%s is refused: %s', (text, message, id) => {
  expect(read(text)).toEqual({ type: 'fault', message, id });
});

test('bytes stand where their base64 stood, at any depth', () => {
  const args = '[{"$binary":"AQI="},[{"a":{"$binary":""}}],{"$binary":"AQI=","b":1},{"$binary":1}]';
  const message = read(`{"type":"event","event":"a","args":${args}}`);
  expect((message as { args: unknown[] }).args).toEqual([
    Buffer.from([1, 2]),
    [{ a: Buffer.alloc(0) }],
    { $binary: 'AQI=', b: 1 },
    { $binary: 1 },
  ]);
});

test('a name of the prototype is a name like any other', () => {
  const message = read('{"type":"event","event":"a","args":[{"__proto__":{"$binary":"AQ=="}}]}');
  const [value] = (message as { args: unknown[] }).args as [object];
  expect(Object.getOwnPropertyNames(value)).toEqual(['__proto__']);
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
});

test('what would harm the worker is not parsed', () => {
  const keys = Array.from({ length: 300 }, (_, at) => `"k${at}":0`).join(',');
  expect(read(`{"type":"event","event":"a","args":[{${keys}}]}`)).toEqual({
    type: 'harmful',
    fault: 'tooManyKeys',
  });
  const deep = `${'['.repeat(1_001)}${']'.repeat(1_001)}`;
  expect(read(`{"type":"event","event":"a","args":${deep}}`)).toEqual({
    type: 'harmful',
    fault: 'nestedTooDeep',
  });
});

describe('the schema', () => {
  test('that others are given is the one that messages are judged by', async () => {
    // Its layout is the formatter's.
    expect(await Bun.file(schemaPath).json()).toEqual(JSON.parse(schemaPage()));
  });

  test('is understood in every word', () => {
    for (const schema of Object.values({ ...CLIENT_MESSAGES, ...SERVER_MESSAGES })) {
      expect(compileSchema(schema)).toBeFunction();
    }
    expect(() => compileSchema({ pattern: '^a' } as object)).toThrow("'pattern'");
    expect(() => compileSchema({ type: 'date' } as object)).toThrow("'date'");
    expect(() => compileSchema({ properties: { a: { enum: [] } as object } })).toThrow("'enum'");
  });

  test('bounds numbers, texts and items', () => {
    const judge = compileSchema({ type: 'array', items: { type: 'boolean' } });
    expect([judge([true]), judge([1]), judge({})]).toEqual([
      undefined,
      'an item must be true or false',
      'must be an array',
    ]);
    expect(compileSchema({ const: 'a' })('b')).toBe("must be 'a'");
  });
});
