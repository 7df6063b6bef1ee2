import { describe, expect, test } from 'bun:test';
import * as zlib from 'node:zlib';
import { readOffers } from './extension-offers.ts';
import { agreeOnDeflate, COMPRESS_FROM_BYTES, messageDeflate } from './message-deflate.ts';

const { constants, deflateRawSync, inflateRawSync } = zlib;
const { compress, inflate } = messageDeflate(zlib);

const BOTH = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';
const MAX_BYTES = 1_000_000;
const WINDOW = { windowBits: 15 };

describe('offers', () => {
  test.each<[string, string, number]>([
    ['permessage-deflate', BOTH, 15],
    ['permessage-deflate; client_max_window_bits', BOTH, 15],
    ['permessage-deflate;client_max_window_bits=8', BOTH, 15],
    ['permessage-deflate; client_no_context_takeover; server_no_context_takeover', BOTH, 15],
    ['permessage-deflate; server_max_window_bits=10', `${BOTH}; server_max_window_bits=10`, 10],
    ['permessage-deflate ; server_max_window_bits = "9"', `${BOTH}; server_max_window_bits=9`, 9],
    ['x-webkit-deflate-frame, permessage-deflate', BOTH, 15],
    ['foo; bar="baz"; x,, permessage-deflate ,', BOTH, 15],
    // The first that can be kept.
    ['permessage-deflate; foo, permessage-deflate', BOTH, 15],
    [
      'permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=12',
      `${BOTH}; server_max_window_bits=12`,
      12,
    ],
  ])('%s', (header, answer, windowBits) => {
    expect(agreeOnDeflate(header)).toEqual({ answer, windowBits });
  });

  test.each([
    undefined,
    '',
    'foo',
    'permessage-deflates',
    'permessage-deflate; foo',
    'permessage-deflate; server_no_context_takeover=1',
    'permessage-deflate; client_no_context_takeover=""',
    'permessage-deflate; server_no_context_takeover; server_no_context_takeover',
    'permessage-deflate; client_max_window_bits; client_max_window_bits=10',
    'permessage-deflate; client_max_window_bits=7',
    'permessage-deflate; client_max_window_bits=16',
    'permessage-deflate; client_max_window_bits=010',
    'permessage-deflate; server_max_window_bits',
    'permessage-deflate; server_max_window_bits=8',
    'permessage-deflate; server_max_window_bits=16',
    'permessage-deflate; server_max_window_bits=09',
    'permessage-deflate; server_max_window_bits=1e1',
    'permessage-deflate; server_max_window_bits=+9',
    'permessage-deflate; constructor',
  ])('%p is not taken', (header) => {
    expect(agreeOnDeflate(header)).toBeUndefined();
  });

  test.each(['a b', 'a;', 'a; b=', 'a; b="', 'a; b="c', 'a; b=c d', 'a/b', '=', ';', 'a; b="c\\"'])(
    '%j is no list of extensions',
    (header) => {
      expect(readOffers(header)).toBeUndefined();
      expect(agreeOnDeflate(`permessage-deflate, ${header}`)).toBeUndefined();
    },
  );

  test('a long header costs no more than its length', () => {
    const startedAtMs = performance.now();
    readOffers(`${'a; b=c, '.repeat(5_000)}!`);
    readOffers(`a${' '.repeat(50_000)}/`);
    readOffers(`${', '.repeat(50_000)}/`);
    expect(performance.now() - startedAtMs).toBeLessThan(500);
  });
});

const text = (bytes: number): Buffer =>
  Buffer.from('some words, and more. '.repeat(bytes / 22 + 1));

/** As any client has it: the tail put back, and no more known than the window agreed on. */
function readAsClient(message: Buffer, windowBits: number): Buffer {
  const whole = Buffer.concat([message, Buffer.of(0, 0, 0xff, 0xff)]);
  return inflateRawSync(whole, { finishFlush: constants.Z_SYNC_FLUSH, windowBits });
}

describe('messages', () => {
  test.each([9, 10, 12, 13, 14, 15])('fit a window of %d bits', (windowBits) => {
    for (const bytes of [2_000, 8_192, 8_193, 100_000]) {
      // What repeats only far apart shows whether the window is kept.
      const message = Buffer.alloc(bytes).map((_, index) => (index * index) >>> 7);
      for (const level of [1, 6, 9]) {
        const packed = compress(message, { windowBits, level, fromBytes: 0 });
        if (packed === undefined) continue;
        expect(readAsClient(packed, windowBits).equals(message)).toBe(true);
      }
      const words = text(bytes);
      const packed = compress(words, { windowBits });
      expect(readAsClient(packed ?? Buffer.alloc(0), windowBits).equals(words)).toBe(true);
      expect(inflate(packed as Buffer, MAX_BYTES)).toEqual(words);
    }
  });

  test('stay plain where compression gains nothing', () => {
    expect(compress(text(COMPRESS_FROM_BYTES).subarray(0, COMPRESS_FROM_BYTES - 1), WINDOW)).toBe(
      undefined,
    );
    expect(compress(Buffer.from('ab'), { ...WINDOW, fromBytes: 0 })).toBeUndefined();
    const noise = crypto.getRandomValues(new Uint8Array(5_000));
    expect(compress(noise, WINDOW)).toBeUndefined();
  });

  // RFC 7692, section 7.2.3: the same "Hello" in all ways that a sender may choose.
  test.each([
    ['one block', 'f248cdc9c90700'],
    ['a block without compression', '000500faff48656c6c6f00'],
    ['a last block', 'f348cdc9c9070000'],
    ['two blocks', 'f248050000 00ffff cac9c90700'],
  ])('as the RFC has them: %s', (_name, hex) => {
    const message = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    expect(inflate(message, MAX_BYTES)).toEqual(Buffer.from('Hello'));
  });

  test('may be empty', () => {
    expect(inflate(Buffer.of(0x00), MAX_BYTES)).toHaveLength(0);
    expect(inflate(Buffer.alloc(0), MAX_BYTES)).toHaveLength(0);
  });

  test('are unpacked as far as allowed and not a byte further', () => {
    const packed = compress(Buffer.alloc(2_000), WINDOW) as Buffer;
    expect(inflate(packed, 2_000)).toHaveLength(2_000);
    expect(inflate(packed, 1_999)).toBe('too long');
    const bomb = compress(Buffer.alloc(50_000_000), WINDOW) as Buffer;
    const msFor = (maxBytes: number): number => {
      const startedAtMs = performance.now();
      inflate(bomb, maxBytes);
      return performance.now() - startedAtMs;
    };
    expect(inflate(bomb, 100_000)).toBe('too long');
    const shortest = Math.min(...Array.from({ length: 5 }, () => msFor(100_000)));
    expect(shortest).toBeLessThan(msFor(50_000_000) / 5);
  });

  test.each(['ff', 'f7', '0700', '05ffffffffff', 'deadbeef'.repeat(20)])(
    'no DEFLATE data: %s',
    (hex) => {
      expect(inflate(Buffer.from(hex, 'hex'), MAX_BYTES)).toBe('malformed');
    },
  );

  test('with more behind their last block are refused, for it would be lost', () => {
    const last = deflateRawSync(text(100));
    expect(inflate(last, MAX_BYTES)).toEqual(text(100));
    expect(inflate(Buffer.concat([last, last]), MAX_BYTES)).toBe('malformed');
    expect(inflate(Buffer.concat([last, Buffer.from('abc')]), MAX_BYTES)).toBe('malformed');
  });
});
