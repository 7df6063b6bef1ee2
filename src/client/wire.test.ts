import { describe, expect, test } from 'bun:test';
import { decode, encode } from './wire.ts';

const ONES = [1, 255];

describe('bytes', () => {
  test.each([
    ['Uint8Array', new Uint8Array(ONES)],
    ['Buffer', Buffer.from(ONES)],
    ['ArrayBuffer', new Uint8Array(ONES).buffer],
    ['DataView', new DataView(new Uint8Array([0, ...ONES, 0]).buffer, 1, 2)],
    ['part of an array', new Uint8Array([0, ...ONES, 0]).subarray(1, 3)],
  ])('of a %s are base64', (_, bytes) => {
    expect(encode({ deep: [bytes, 1] })).toBe('{"deep":[{"$binary":"Af8="},1]}');
  });

  test('come back as they were, also many', () => {
    const bytes = crypto.getRandomValues(new Uint8Array(65_536));
    expect(decode(encode({ args: [{ bytes }] }))).toEqual({ args: [{ bytes }] });
  });

  test('are what the page of the protocol calls so, and nothing else', () => {
    expect(decode('{"a":{"$binary":1},"b":null,"c":"$binary"}')).toEqual({
      a: { $binary: 1 },
      b: null,
      c: '$binary',
    });
  });
});

test('what JSON cannot say throws', () => {
  expect(() => encode({ a: 1n })).toThrow(TypeError);
});
