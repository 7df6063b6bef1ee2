import { describe, expect, test } from 'bun:test';
import {
  binaryFrame,
  closeFrame,
  compressedFrame,
  frameHead,
  pongFrame,
  textFrame,
} from './frame-writer.ts';
import { OPCODE } from './opcode.ts';

const FISH = 'é語🐟';

/** First byte, length as its field has it, and payload of a frame. */
function parts(frame: Buffer): readonly [number, number, Buffer] {
  const field = frame[1] as number;
  if (field < 126) return [frame[0] as number, field, frame.subarray(2)];
  if (field === 126) return [frame[0] as number, frame.readUInt16BE(2), frame.subarray(4)];
  return [frame[0] as number, Number(frame.readBigUInt64BE(2)), frame.subarray(10)];
}

describe('frames', () => {
  test.each([0, 1, 125, 126, 127, 65_535, 65_536, 200_000])('of %d bytes', (length) => {
    const text = 'x'.repeat(length);
    const payload = Buffer.from(text);
    expect(parts(textFrame(text))).toEqual([0x81, length, payload]);
    expect(parts(binaryFrame(payload))).toEqual([0x82, length, payload]);
    expect(parts(compressedFrame(OPCODE.text, payload))).toEqual([0xc1, length, payload]);
    const head = frameHead(OPCODE.binary, length);
    expect(Buffer.concat([head, payload]).equals(binaryFrame(payload))).toBe(true);
    // The shortest form of the length, and nothing besides.
    expect(head.length).toBe(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  });

  test('a length beyond 32 bits', () => {
    const head = frameHead(OPCODE.binary, 2 ** 32 + 5);
    expect(head).toEqual(Buffer.of(0x82, 127, 0, 0, 0, 1, 0, 0, 0, 5));
  });

  test.each([FISH, FISH.repeat(30), '\0', '\ufeffa'])('text beyond ASCII: %j', (text) => {
    const payload = Buffer.from(text);
    expect(parts(textFrame(text))).toEqual([0x81, payload.length, payload]);
  });

  // The length is reckoned apart from the writing; where they differ, the stream is lost.
  test.each(['\ud83d', '\ude00a', 'a\ud83d', '\ud83d\ud83d\ude00'])(
    'no valid Unicode: %j',
    (text) => {
      const payload = Buffer.from(text.toWellFormed());
      expect(parts(textFrame(text))).toEqual([0x81, payload.length, payload]);
    },
  );

  test('a view of bytes, wherever it lies', () => {
    const memory = new Uint8Array([9, 9, 1, 2, 3, 9]);
    expect(binaryFrame(memory.subarray(2, 5))).toEqual(Buffer.of(0x82, 3, 1, 2, 3));
  });

  test('pings and pongs', () => {
    expect(pongFrame(Buffer.from('abc'))).toEqual(Buffer.from('\x8a\x03abc', 'latin1'));
    expect(pongFrame(Buffer.alloc(200))).toHaveLength(127);
  });
});

describe('close', () => {
  test('with a code, with a reason, with none', () => {
    expect(closeFrame()).toEqual(Buffer.of(0x88, 0));
    expect(closeFrame(1000)).toEqual(Buffer.of(0x88, 2, 3, 232));
    expect(closeFrame(4999, FISH)).toEqual(
      Buffer.concat([Buffer.of(0x88, 11, 0x13, 0x87), Buffer.from(FISH)]),
    );
  });

  test.each([
    ['x'.repeat(123), 123],
    ['x'.repeat(124), 123],
    [`${'x'.repeat(122)}é`, 122],
    [`${'x'.repeat(121)}é`, 123],
    ['🐟'.repeat(31), 120],
    [`${'x'.repeat(121)}語`, 121],
  ])('a reason too long ends with a whole character: %s', (reason, bytes) => {
    const [first, length, payload] = parts(closeFrame(1000, reason));
    expect([first, length, payload.length]).toEqual([0x88, bytes + 2, bytes + 2]);
    expect(reason.startsWith(payload.toString('utf8', 2))).toBe(true);
  });
});
