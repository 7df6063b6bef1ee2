import { describe, expect, test } from 'bun:test';
import { decodeBase64Packet, decodePayload, encodePayload } from './engine-packet.ts';

describe('decodePayload', () => {
  test.each([
    ['an empty body', ''],
    ['an empty packet at the end', '4a\x1e'],
    ['an empty packet in front', '\x1e4a'],
    ['an empty packet between', '4a\x1e\x1e4b'],
    ['an unknown type', '4a\x1e7'],
    ['a type that is no digit', 'x'],
    ['base64 with a stray character', 'b%%%%'],
    ['base64 cut short', 'bA'],
  ])('refuses %s', (_name, body) => {
    expect(decodePayload(body, 10)).toBeUndefined();
  });

  test('takes as many packets as allowed, and not one more', () => {
    const body = Array.from({ length: 5 }, () => '4').join('\x1e');
    expect(decodePayload(body, 5)).toHaveLength(5);
    expect(decodePayload(body, 4)).toBeUndefined();
  });

  test('takes empty binary data', () => {
    expect(decodePayload('b', 1)).toEqual([Buffer.alloc(0)]);
  });
});

test('binary data alone in a payload is base64, not a frame', () => {
  expect(encodePayload([Uint8Array.of(1, 2, 3)])).toBe('bAQID');
});

test('a view into a larger buffer is encoded alone', () => {
  const whole = Uint8Array.of(9, 1, 2, 3, 9);
  expect(encodePayload(['4a', whole.subarray(1, 4)])).toBe('4a\x1ebAQID');
});

test('decoded bytes are those of the text', () => {
  expect(decodeBase64Packet('bAQID')).toEqual(Buffer.from([1, 2, 3]));
});
