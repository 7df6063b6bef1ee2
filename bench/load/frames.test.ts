import { expect, test } from 'bun:test';
import { encodeFrame, FrameCursor, OPCODE_TEXT } from './frames.ts';

test('a client frame is masked and unmasks to its payload', () => {
  const frame = encodeFrame(OPCODE_TEXT, '3');
  expect(frame[0]).toBe(0x81);
  expect(frame[1]).toBe(0x81);
  expect((frame[6] ?? 0) ^ (frame[2] ?? 0)).toBe('3'.charCodeAt(0));
});

test('frames are found at their offsets; an unfinished one is incomplete', () => {
  const long = Buffer.alloc(300, 'x');
  const bytes = Buffer.concat([
    Buffer.from([0x81, 1, 0x32]),
    Buffer.from([0x81, 126, 1, 44]),
    long,
  ]);
  const cursor = new FrameCursor();
  expect(cursor.read(bytes, 0)).toBe('frame');
  expect([cursor.payloadStart, cursor.payloadEnd]).toEqual([2, 3]);
  expect(cursor.read(bytes, 3)).toBe('frame');
  expect([cursor.payloadStart, cursor.payloadEnd]).toEqual([7, 307]);
  for (let length = 3; length < bytes.length; length += 1) {
    expect(cursor.read(bytes.subarray(0, length), 3)).toBe('incomplete');
  }
});

test('fragments and 64-bit lengths are refused', () => {
  const cursor = new FrameCursor();
  expect(cursor.read(Buffer.from([0x01, 1, 0x32]), 0)).toBe('unsupported');
  expect(cursor.read(Buffer.from([0x81, 127, 0, 0]), 0)).toBe('unsupported');
});
