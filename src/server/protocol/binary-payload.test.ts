import { describe, expect, test } from 'bun:test';
import { encodeArguments, restoreArguments } from './binary-payload.ts';

const MAX_DEPTH = 8;
const BYTES = Buffer.from([1, 2, 3]);

const encode = (...values: unknown[]): { json: string; attachments: readonly Uint8Array[] } =>
  encodeArguments(values, MAX_DEPTH);

const placeholder = (num: unknown): object => ({ _placeholder: true, num });

/** A list in a list … `levels` deep, with the value inside. */
function nest(levels: number, value: unknown): unknown {
  return levels === 0 ? value : [nest(levels - 1, value)];
}

describe('encodeArguments', () => {
  test('numbers placeholders in the order of the attachments', () => {
    const other = Buffer.from([4]);
    const { json, attachments } = encode({ a: BYTES, b: [other] }, BYTES);
    expect(JSON.parse(json)).toEqual([{ a: placeholder(0), b: [placeholder(1)] }, placeholder(2)]);
    expect(attachments.map((bytes) => Buffer.from(bytes))).toEqual([BYTES, other, BYTES]);
  });

  test('copies what the app may fill anew before it has left for all', () => {
    const frame = Uint8Array.of(1, 2, 3);
    const { attachments } = encode(frame, frame.buffer);
    frame.fill(0);
    expect(attachments.map((bytes) => [...bytes])).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
  });

  test('takes every form of binary data, and of a view only what it shows', () => {
    const whole = Uint8Array.of(9, 1, 2, 3, 9);
    const view = new DataView(whole.buffer, 1, 3);
    const words = new Uint16Array([0x02_01]);
    const { attachments } = encode(whole.buffer, view, whole.subarray(1, 4), words);
    expect(attachments.map((bytes) => Buffer.from(bytes))).toEqual([
      Buffer.from(whole),
      BYTES,
      BYTES,
      Buffer.from([1, 2]),
    ]);
  });

  test('what JSON leaves out is left out beside binary data too', () => {
    const sparse: unknown[] = [];
    sparse[2] = BYTES;
    const plain = { a: undefined, f: () => 1, d: new Date(0), n: Number.NaN };
    const { json } = encode(plain, undefined, sparse);
    expect(json).toBe(JSON.stringify([plain, undefined, [null, null, placeholder(0)]]));
  });

  test('objects that say how they become JSON are asked', () => {
    const money = { cents: 5, toJSON: () => '0.05' };
    expect(encode(money).json).toBe('["0.05"]');
    expect(JSON.parse(encode(money, BYTES).json)).toEqual(['0.05', placeholder(0)]);
  });

  // Documents of database libraries refer to their parents and say how they become JSON.
  test('objects that say how they become JSON may refer to themselves', () => {
    class Document {
      readonly self: Document = this;
      toJSON(): object {
        return { id: 1 };
      }
    }
    expect(encode(new Document()).json).toBe('[{"id":1}]');
  });

  test('values nest as deep as the bound, and not one deeper', () => {
    expect(() => encode(nest(MAX_DEPTH - 1, 1))).not.toThrow();
    expect(() => encode(nest(MAX_DEPTH, 1))).toThrow(RangeError);
    expect(() => encode(nest(MAX_DEPTH, BYTES))).toThrow(RangeError);
  });

  test('cycles are refused', () => {
    const ring: { next?: unknown; bytes: Buffer } = { bytes: BYTES };
    ring.next = ring;
    expect(() => encode({ a: 1, ring: [ring.next] })).toThrow();
    const loop: unknown[] = [];
    loop.push(loop);
    expect(() => encode(loop)).toThrow(RangeError);
  });

  test('integers that JSON cannot hold are refused', () => {
    expect(() => encode(1n)).toThrow(TypeError);
    expect(() => encode({ big: 1n }, BYTES)).toThrow(TypeError);
  });

  test('a key named __proto__ is a key like any other', () => {
    const value: unknown = JSON.parse('{"__proto__":{"a":1}}');
    expect(encode(value).json).toBe('[{"__proto__":{"a":1}}]');
    expect(encode(value, BYTES).json).toStartWith('[{"__proto__":{"a":1}},');
  });

  test('does not change the values it is given', () => {
    const value = { list: [BYTES], inner: { BYTES } };
    encode(value);
    expect(value).toEqual({ list: [BYTES], inner: { BYTES } });
  });
});

describe('restoreArguments', () => {
  const restore = (json: string, attachments: Uint8Array[]): unknown[] | undefined =>
    restoreArguments(JSON.parse(json) as unknown[], attachments, MAX_DEPTH);

  test('puts attachments where they belong, also twice', () => {
    const twice = JSON.stringify([placeholder(0), { a: [placeholder(0)] }, 'x']);
    expect(restore(twice, [BYTES])).toEqual([BYTES, { a: [BYTES] }, 'x']);
  });

  test.each([
    ['names one that is not there', [placeholder(1)]],
    ['names one before the first', [placeholder(-1)]],
    ['names a half', [placeholder(0.5)]],
    ['names by text', [placeholder('0')]],
    ['names a property of lists', [placeholder('length')]],
    ['names none', [{ _placeholder: true }]],
    ['leaves an attachment out', ['x']],
    ['nests too deeply', nest(MAX_DEPTH, placeholder(0)) as unknown[]],
  ])('refuses a packet that %s', (_name, args) => {
    expect(restore(JSON.stringify(args), [BYTES])).toBeUndefined();
  });

  test('a placeholder under __proto__ changes nothing but its own object', () => {
    const args = restore(`[{"__proto__":${JSON.stringify(placeholder(0))}}]`, [BYTES]);
    expect(Object.entries(args?.[0] as object)).toEqual([['__proto__', BYTES]]);
    expect(({} as { byteLength?: number }).byteLength).toBeUndefined();
  });
});
