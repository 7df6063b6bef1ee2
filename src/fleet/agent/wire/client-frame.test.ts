import { describe, expect, test } from 'bun:test';
import {
  encodeClientFrame,
  FRAME_BYTES_MAX,
  FrameCursor,
  OPCODE_BINARY,
  OPCODE_CLOSE,
  OPCODE_CONTINUATION,
  OPCODE_PING,
  OPCODE_PONG,
  OPCODE_TEXT,
} from './client-frame.ts';

/** Where the length changes its form (RFC 6455, 5.2). */
const LENGTHS = [0, 1, 3, 4, 5, 124, 125, 126, 127, 255, 256, 1_000, 65_534, 65_535];

describe('frames out', () => {
  test.each(LENGTHS)('a payload of %d bytes is masked, and unmasks to itself', (length) => {
    const payload = crypto.getRandomValues(new Uint8Array(length));
    expect(unmask(encodeClientFrame(OPCODE_BINARY, payload))).toEqual({
      opcode: OPCODE_BINARY,
      isFinal: true,
      payload,
    });
  });

  test('text goes out as UTF-8', () => {
    const { payload } = unmask(encodeClientFrame(OPCODE_TEXT, 'é語🐟'));
    expect(new TextDecoder().decode(payload)).toBe('é語🐟');
  });

  test('what does not fit the form is refused, not cut', () => {
    expect(() => encodeClientFrame(OPCODE_TEXT, 'x'.repeat(65_536))).toThrow('65536 bytes');
  });
});

describe('frames in', () => {
  test.each([...LENGTHS, 65_536, 200_000])('a payload of %d bytes is found', (length) => {
    const cursor = new FrameCursor();
    const bytes = serverFrame(OPCODE_TEXT, new Uint8Array(length).fill(0x61));
    expect(cursor.read(bytes, 0)).toBe('frame');
    expect(cursor).toMatchObject({ opcode: OPCODE_TEXT, isFinal: true, payloadEnd: bytes.length });
    expect(cursor.payloadEnd - cursor.payloadStart).toBe(length);
  });

  test.each([125, 126, 65_535, 65_536])(
    'every beginning of a frame with %d bytes is incomplete',
    (length) => {
      const cursor = new FrameCursor();
      const bytes = serverFrame(OPCODE_TEXT, new Uint8Array(length));
      const step = Math.max(1, Math.floor(length / 1_000));
      for (let end = 0; end < bytes.length; end += end < 20 ? 1 : step) {
        expect(cursor.read(bytes.subarray(0, end), 0)).toBe('incomplete');
      }
    },
  );

  test('it begins at an offset, and stops where the next one begins', () => {
    const cursor = new FrameCursor();
    const parts = [
      serverFrame(OPCODE_TEXT, Buffer.from('ab'), { isFinal: false }),
      serverFrame(OPCODE_PING, Buffer.from('p')),
      serverFrame(OPCODE_CONTINUATION, Buffer.from('c')),
    ];
    const bytes = Buffer.concat(parts);
    const seen: unknown[] = [];
    for (let offset = 0; offset < bytes.length; offset = cursor.payloadEnd) {
      expect(cursor.read(bytes, offset)).toBe('frame');
      const payload = bytes.toString('latin1', cursor.payloadStart, cursor.payloadEnd);
      seen.push([cursor.opcode, cursor.isFinal, payload]);
    }
    expect(seen).toEqual([
      [OPCODE_TEXT, false, 'ab'],
      [OPCODE_PING, true, 'p'],
      [OPCODE_CONTINUATION, true, 'c'],
    ]);
  });

  test('the longest frame allowed is only incomplete, one byte more is invalid', () => {
    const cursor = new FrameCursor();
    expect(cursor.read(header64(BigInt(FRAME_BYTES_MAX)), 0)).toBe('incomplete');
    expect(cursor.read(header64(BigInt(FRAME_BYTES_MAX + 1)), 0)).toBe('invalid');
    expect(cursor.read(header64(0x8000_0000_0000_0000n), 0)).toBe('invalid');
    expect(cursor.read(header64(0xffff_ffff_ffff_ffffn), 0)).toBe('invalid');
  });

  test.each([
    ['a mask (5.1: a server must not mask)', [0x81, 0x81, 1, 2, 3, 4, 5]],
    ['the first reserved bit', [0xc1, 0x00]],
    ['the second reserved bit', [0xa1, 0x00]],
    ['the third reserved bit', [0x91, 0x00]],
    ['a ping that is not final (5.5)', [0x09, 0x00]],
    ['a close that is not final (5.5)', [0x08, 0x00]],
    ['a ping of more than 125 bytes (5.5)', [0x89, 126, 0, 126]],
    ['a close of more than 125 bytes (5.5)', [0x88, 127, 0, 0, 0, 0, 0, 0, 1, 0]],
    ['the reserved opcode 3', [0x83, 0x00]],
    ['the reserved opcode 7', [0x87, 0x00]],
    ['the reserved opcode 11', [0x8b, 0x00]],
    ['the reserved opcode 15', [0x8f, 0x00]],
  ])('%s is invalid', (_what, bytes) => {
    expect(new FrameCursor().read(Uint8Array.from(bytes), 0)).toBe('invalid');
  });

  test.each([
    OPCODE_CONTINUATION,
    OPCODE_TEXT,
    OPCODE_BINARY,
    OPCODE_CLOSE,
    OPCODE_PING,
    OPCODE_PONG,
  ])('opcode %d is known', (opcode) => {
    const cursor = new FrameCursor();
    expect(cursor.read(serverFrame(opcode, new Uint8Array(2)), 0)).toBe('frame');
    expect(cursor.opcode).toBe(opcode);
  });
});

function unmask(frame: Uint8Array): { opcode: number; isFinal: boolean; payload: Uint8Array } {
  const first = frame[0]!;
  const second = frame[1]!;
  expect(first & 0x70).toBe(0);
  expect(second & 0x80).toBe(0x80);
  const isShort = (second & 0x7f) < 126;
  expect(second & 0x7f).not.toBe(127);
  const start = isShort ? 6 : 8;
  const length = isShort ? second & 0x7f : Buffer.from(frame).readUInt16BE(2);
  expect(frame.length).toBe(start + length);
  const key = frame.subarray(start - 4, start);
  const payload = frame.slice(start).map((byte, index) => byte ^ key[index % 4]!);
  return { opcode: first & 0x0f, isFinal: (first & 0x80) !== 0, payload };
}

function serverFrame(opcode: number, payload: Uint8Array, { isFinal = true } = {}): Buffer {
  const { length } = payload;
  const form = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const header = Buffer.alloc(2 + form);
  header[0] = (isFinal ? 0x80 : 0) | opcode;
  header[1] = [length, 0, 126, 0, 0, 0, 0, 0, 127][form]!;
  if (form === 2) header.writeUInt16BE(length, 2);
  if (form === 8) header.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([header, payload]);
}

function header64(length: bigint): Buffer {
  const header = Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 0, 0, 0]);
  header.writeBigUInt64BE(length, 2);
  return header;
}
