/** MessagePack between this node and what the published packages read and write. */

import { expect, test } from 'bun:test';
import { createRequire } from 'node:module';
import { decode, encode } from '@msgpack/msgpack';
import { encodeArguments } from '../../../protocol/binary-payload.ts';
import { ForeignFault } from './foreign-fault.ts';
import { MsgpackReader } from './msgpack-reader.ts';
import { MsgpackWriter } from './msgpack-writer.ts';

/** What the classic adapter and the emitter write with. */
const notepack = createRequire(import.meta.url)('notepack.io') as {
  encode(value: unknown): Buffer;
  decode(bytes: Uint8Array): unknown;
};

const DEPTH = 100;
const VALUES: Readonly<Record<string, unknown>> = {
  scalars: [null, true, false, 0, 1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32],
  negatives: [-1, -32, -33, -128, -129, -32_768, -32_769, -(2 ** 31), -(2 ** 31) - 1, -(2 ** 40)],
  fractions: [0.5, -0.5, 1e-7, 1e-300, 2 ** 53, 123.456],
  texts: ['', 'a', 'é', '漢字', '👍', 'with "quotes" and \\', 'line\nbreak\u0000', '\u2028'],
  lengths: [31, 32, 33, 48, 49, 255, 256, 65_535, 65_536].map((length) => 'x'.repeat(length)),
  wide: [31, 32, 33, 255, 256].map((length) => 'é'.repeat(length)),
  lists: [[], [[]], Array.from({ length: 15 }, String), Array.from({ length: 16 }, String)],
  long: Array.from({ length: 70_000 }, (_, i) => i),
  objects: { a: { b: { c: [{ d: 1 }] } }, '': 'empty', ключ: 1, __proto__x: 2 },
  many: Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`name-${i}`, { i }])),
  event: ['goal', { match: 42, score: [2, 1], by: 'Müller', at: 1_700_000_000_000 }],
};
const BINARY = ['file', new Uint8Array([1, 2, 3]), { more: new Uint8Array(300).fill(7) }];

function read(bytes: Uint8Array): { value: unknown; attachments: readonly Uint8Array[] } {
  const reader = new MsgpackReader(bytes, DEPTH);
  const value: unknown = JSON.parse(reader.jsonText());
  reader.end();
  return { value, attachments: reader.attachments };
}

for (const [name, value] of Object.entries(VALUES)) {
  test(`${name}: read as both packages write them`, () => {
    expect(read(notepack.encode(value)).value).toEqual(value);
    expect(read(encode(value)).value).toEqual(value);
  });

  test(`${name}: written as both packages read them`, () => {
    const written = new MsgpackWriter().encode(JSON.stringify(value), [], DEPTH);
    expect(notepack.decode(written)).toEqual(value);
    expect(decode(written)).toEqual(value);
  });
}

test('binary values stand in their places, and come out of them', () => {
  const { json, attachments } = encodeArguments(BINARY, DEPTH);
  const written = new MsgpackWriter().encode(json, attachments, DEPTH);
  expect(decode(written)).toEqual(BINARY);
  const found = read(notepack.encode(BINARY.map((one) => asBuffers(one))));
  expect(JSON.stringify(found.value)).toBe(json);
  expect(found.attachments).toEqual(attachments);
});

test('a placeholder is an object like others where nothing is binary', () => {
  const value = [{ _placeholder: true, num: 0 }];
  expect(decode(new MsgpackWriter().encode(JSON.stringify(value), [], DEPTH))).toEqual(value);
});

test('escapes in JSON become what they stand for', () => {
  const json = String.raw`["\u00e9\ud83d\ude00\n\t\/\\\"","\ud800"]`;
  const [first, half] = decode(new MsgpackWriter().encode(json, [], DEPTH)) as [string, string];
  expect(first).toBe('é😀\n\t/\\"');
  expect(half).toBe('\ufffd');
});

test('a large text after a small one is written whole', () => {
  const writer = new MsgpackWriter();
  for (const value of [['small'], ['é'.repeat(2_000_000)], ['small again']]) {
    expect(decode(writer.encode(JSON.stringify(value), [], DEPTH))).toEqual(value);
  }
});

test('times become texts, what notepack wrote for undefined and buffers is understood', () => {
  const time = new Date(1_700_000_000_123);
  expect(read(notepack.encode([time])).value).toEqual([time.toISOString()]);
  expect(read(encode([new Date(-5_000)])).value).toEqual([new Date(-5_000).toISOString()]);
  expect(read(Buffer.from([0x91, 0xd4, 0x00, 0x00])).value).toEqual([null]);
  const buffer = read(Buffer.from([0x91, 0xc7, 2, 0, 8, 9]));
  expect(buffer.attachments).toEqual([new Uint8Array([8, 9])]);
});

test('what is no JSON is not written', () => {
  for (const json of ['', '[', '[1', '["a]', '{"a"', '{1:2}', '[1]]', 'undefined', '[nul]']) {
    expect(() => new MsgpackWriter().encode(json, [], DEPTH)).toThrow(ForeignFault);
  }
  const deep = '['.repeat(DEPTH + 1) + ']'.repeat(DEPTH + 1);
  expect(() => new MsgpackWriter().encode(deep, [], DEPTH)).toThrow(ForeignFault);
});

const HOSTILE: Readonly<Record<string, Buffer>> = {
  nothing: Buffer.of(),
  'a count of four thousand millions': Buffer.of(0xdd, 0xff, 0xff, 0xff, 0xff, 1),
  'a map of four thousand millions': Buffer.of(0xdf, 0xff, 0xff, 0xff, 0xff, 1),
  'a text beyond the end': Buffer.of(0xdb, 0xff, 0xff, 0xff, 0xff, 1),
  'binary beyond the end': Buffer.of(0xc6, 0x7f, 0xff, 0xff, 0xff, 1),
  'a byte that begins nothing': Buffer.of(0xc1),
  'half a number': Buffer.of(0xcb, 1, 2),
  'an unknown extension': Buffer.of(0xd4, 0x05, 0x00),
  'a list as a name': Buffer.of(0x81, 0x90, 0x01),
};

for (const [name, bytes] of Object.entries(HOSTILE)) {
  test(`${name} is refused`, () => {
    expect(() => new MsgpackReader(bytes, DEPTH).jsonText()).toThrow(ForeignFault);
    expect(() => new MsgpackReader(bytes, DEPTH).array()).toThrow(ForeignFault);
  });
}

test('numbers that notepack cannot write go both ways all the same', () => {
  const value = [1e21, 1.7976931348623157e308, -1e21];
  expect(read(encode(value)).value).toEqual(value);
  expect(notepack.decode(new MsgpackWriter().encode(JSON.stringify(value), [], DEPTH))).toEqual(
    value,
  );
});

test('deep nesting is refused, and passed over without a stack', () => {
  const deep = Buffer.concat([Buffer.alloc(1_000_000, 0x91), Buffer.of(0x90)]);
  expect(() => new MsgpackReader(deep, DEPTH).jsonText()).toThrow('nests more than 100 levels');
  const reader = new MsgpackReader(deep, DEPTH);
  reader.skip();
  reader.end();
});

test('random bytes are read or refused, and passed over as they are read', () => {
  for (let round = 0; round < 20_000; round++) {
    const bytes = crypto.getRandomValues(new Uint8Array(1 + (round % 40)));
    const outcome = (read: (reader: MsgpackReader) => unknown): boolean => {
      const reader = new MsgpackReader(bytes, DEPTH);
      try {
        read(reader);
        return true;
      } catch (error) {
        if (!(error instanceof ForeignFault)) throw error;
        return false;
      }
    };
    if (outcome((reader) => JSON.parse(reader.jsonText()))) {
      expect(outcome((reader) => reader.skip())).toBe(true);
    }
  }
});

function asBuffers(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, asBuffers(one)]));
}
