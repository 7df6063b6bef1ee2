import { describe, expect, test } from 'bun:test';
import { readPayload } from '../../../test/support/read-payload.ts';
import { decodeBase64Packet, encodePayload, PayloadReader } from './engine-packet.ts';
import { MALFORMED } from './wire-packet.ts';

describe('PayloadReader', () => {
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
    expect(readPayload(body)).toBeUndefined();
  });

  test('reads one packet after another, up to the first that is malformed', () => {
    const reader = new PayloadReader('4a\x1e4b\x1e\x1e4c');
    const read = Array.from({ length: 4 }, () => {
      const packet = reader.peek();
      reader.skip();
      return packet;
    });
    expect(read).toEqual(['4a', '4b', MALFORMED, '4c']);
    expect([reader.peek(), reader.isDone]).toEqual([undefined, true]);
  });

  test('takes empty binary data', () => {
    expect(readPayload('b')).toEqual([Buffer.alloc(0)]);
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
