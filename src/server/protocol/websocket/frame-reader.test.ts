import { describe, expect, test } from 'bun:test';
import { type ClientFrameParts, clientFrame } from '../../../../test/support/client-frame.ts';
import { FrameLog, type LoggedFrame } from '../../../../test/support/frame-log.ts';
import { readFrames } from './frame-reader.ts';
import type { FrameRules, Next } from './frame-sink.ts';
import type { HalfMessage } from './half-message.ts';

const RULES: FrameRules = { maxPayloadBytes: 100_000, maxEmptyFragments: 50 };
const EMPTY = Buffer.alloc(0);
const FISH = 'é語🐟';

/** What is read of a stream that comes in pieces, each of them forgotten after its call. */
function readPieces(pieces: readonly Buffer[], rules: FrameRules = RULES): readonly LoggedFrame[] {
  const log = new FrameLog();
  let half: HalfMessage | undefined;
  for (const piece of pieces) {
    if (log.hasEnded) break;
    const chunk = Buffer.from(piece);
    half = readFrames(half, chunk, rules, log);
    chunk.fill(0xee);
  }
  return log.frames;
}

/** Whole, byte by byte and cut at every place; all of them must be the same. */
function read(stream: Buffer, rules: FrameRules = RULES): readonly LoggedFrame[] {
  const whole = readPieces([stream], rules);
  if (stream.length > 2_000) return whole;
  expect(
    readPieces(
      [...stream].map((byte) => Buffer.of(byte)),
      rules,
    ),
  ).toEqual(whole);
  for (let at = 1; at < stream.length; at++) {
    expect(readPieces([stream.subarray(0, at), stream.subarray(at)], rules)).toEqual(whole);
  }
  return whole;
}

const readFrame = (parts: ClientFrameParts): readonly LoggedFrame[] => read(clientFrame(parts));

function stream(...frames: readonly (readonly [number, string | Uint8Array])[]): Buffer {
  return Buffer.concat(frames.map(([first, payload]) => clientFrame({ first, payload })));
}

const hex = (payload: string | Uint8Array): string =>
  Buffer.from(payload as string).toString('hex');

describe('messages', () => {
  test.each([0, 1, 3, 4, 5, 125, 126, 127, 128, 129, 131, 200, 65_535, 65_536, 99_999])(
    'of %d bytes, as text and as bytes',
    (length) => {
      const text = 'abcdefghijk'.repeat(length / 11 + 1).slice(0, length);
      expect(readFrame({ first: 0x81, payload: text })).toEqual([['text', text]]);
      const bytes = Buffer.from(text).map((byte, index) => byte ^ index);
      expect(readFrame({ first: 0x82, payload: bytes })).toEqual([['binary', hex(bytes)]]);
    },
  );

  test.each(['é', FISH, `${FISH.repeat(40)}a`, `${'a'.repeat(130)}é`, '\ufeffbom', '\0'])(
    'beyond ASCII: %j',
    (payload) => {
      expect(readFrame({ first: 0x81, payload })).toEqual([['text', payload]]);
    },
  );

  test('unmasked wherever they stand in memory, with any mask', () => {
    const mask = Buffer.of(0xff, 0x80, 0x01, 0x7e);
    const payload = Buffer.from(Array.from({ length: 300 }, (_, index) => (index * 7) & 0xff));
    const frame = clientFrame({ first: 0x82, payload, mask });
    for (let offset = 0; offset < 9; offset++) {
      const memory = Buffer.alloc(frame.length + offset);
      frame.copy(memory, offset);
      const log = new FrameLog();
      expect(readFrames(undefined, memory.subarray(offset), RULES, log)).toBeUndefined();
      expect(log.frames).toEqual([['binary', hex(payload)]]);
    }
  });

  test('in fragments, with pings in between, and others behind them', () => {
    const fish = Buffer.from(FISH);
    const fragments = stream(
      [0x01, 'a'],
      [0x89, 'now'],
      [0x00, fish.subarray(0, 3)],
      [0x00, ''],
      [0x8a, ''],
      [0x80, fish.subarray(3)],
      [0x02, 'x'.repeat(10)],
      [0x80, ''],
      [0x81, 'next'],
    );
    expect(read(fragments)).toEqual([
      ['ping', hex('now')],
      ['pong', ''],
      ['text', `a${FISH}`],
      ['binary', hex('x'.repeat(10))],
      ['text', 'next'],
    ]);
  });

  test('in empty fragments only', () => {
    expect(read(stream([0x01, ''], [0x00, ''], [0x80, ''], [0x02, ''], [0x80, '']))).toEqual([
      ['text', ''],
      ['binary', ''],
    ]);
  });
});

describe('what RFC 6455 forbids', () => {
  const protocolError: readonly LoggedFrame[] = [['fault', 1002]];

  test.each<[string, ClientFrameParts]>([
    ['no mask', { first: 0x81, payload: 'a', isMasked: false }],
    ['no mask and empty', { first: 0x81, payload: '', isMasked: false }],
    ['RSV1 without compression', { first: 0xc1, payload: 'a' }],
    ['RSV2', { first: 0xa1, payload: 'a' }],
    ['RSV3', { first: 0x91, payload: 'a' }],
    ['RSV1 on a ping', { first: 0xc9, payload: 'a' }],
    ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): [string, ClientFrameParts] => [
      `opcode ${opcode}`,
      { first: 0x80 | opcode, payload: '' },
    ]),
    ['a ping in fragments', { first: 0x09, payload: '' }],
    ['a close in fragments', { first: 0x08, payload: '' }],
    ['a ping of 126 bytes', { first: 0x89, payload: 'x'.repeat(126) }],
    ['a ping that says its length in 8 bytes', { first: 0x89, payload: '', lengthBytes: 8 }],
    ['a continuation of nothing', { first: 0x80, payload: '' }],
    ['a continuation of nothing, not the last', { first: 0x00, payload: 'a' }],
    ['a short length in 2 bytes', { first: 0x81, payload: 'x'.repeat(125), lengthBytes: 2 }],
    ['a short length in 8 bytes', { first: 0x81, payload: 'x', lengthBytes: 8 }],
    [
      'a 16-bit length in 8 bytes',
      { first: 0x82, payload: '', saidLength: 65_535n, lengthBytes: 8 },
    ],
    ['a length with its top bit', { first: 0x82, payload: '', saidLength: 2n ** 63n }],
  ])('%s', (_name, parts) => {
    expect(readFrame(parts)).toEqual(protocolError);
  });

  test('a new message inside of one in fragments', () => {
    expect(read(stream([0x01, 'a'], [0x81, 'b']))).toEqual(protocolError);
    expect(read(stream([0x01, ''], [0x02, 'b']))).toEqual(protocolError);
  });

  test('what came before the fault is handed out, what comes behind it is not', () => {
    const frames = read(stream([0x81, 'a'], [0x80, 'b'], [0x81, 'c']));
    expect(frames).toEqual([['text', 'a'], ...protocolError]);
  });

  test('is seen as soon as the bytes that tell are there', () => {
    expect(readPieces([Buffer.of(0x83, 0x80)])).toEqual(protocolError);
    expect(readPieces([Buffer.of(0x81, 0x05)])).toEqual(protocolError);
    expect(readPieces([Buffer.of(0x89), Buffer.of(0xfe)])).toEqual(protocolError);
  });
});

describe('too much', () => {
  const rules: FrameRules = { maxPayloadBytes: 1_000, maxEmptyFragments: 5 };

  test('as long as allowed, and a byte more', () => {
    const bytes = 'x'.repeat(1_000);
    expect(read(stream([0x82, bytes]), rules)).toEqual([['binary', hex(bytes)]]);
    expect(read(stream([0x82, `${bytes}y`]), rules)).toEqual([['fault', 1009]]);
    expect(read(stream([0x02, bytes], [0x80, 'y']), rules)).toEqual([['fault', 1009]]);
  });

  test.each([1_001n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 63n - 1n])(
    '%d bytes are refused by their head alone',
    (saidLength) => {
      const parts = { first: 0x82, payload: '', saidLength };
      expect(readPieces([clientFrame(parts)], rules)).toEqual([['fault', 1009]]);
    },
  );

  test('fragments without end that bring nothing', () => {
    const first: [number, string] = [0x01, ''];
    const more = (count: number): [number, string][] => Array(count).fill([0x00, '']);
    const last: [number, string] = [0x80, ''];
    expect(read(stream(first, ...more(3), last), rules)).toEqual([['text', '']]);
    expect(read(stream(first, ...more(5)), rules)).toEqual([['fault', 1008]]);
    expect(read(stream([0x01, 'a'], ...more(6)), rules)).toEqual([['fault', 1008]]);
    // Counted anew with each message.
    const two = [first, ...more(3), last, first, ...more(3), last];
    expect(read(stream(...two), rules)).toHaveLength(2);
  });

  // Autobahn 9.3.1 and 9.4.1: 4 MiB in fragments of 64 bytes, and an empty one behind them.
  test('fragments that bring a byte each are as many as a message may have bytes', () => {
    const more = (count: number): [number, string][] => Array(count).fill([0x00, 'a']);
    const whole = stream([0x01, 'a'], ...more(999), [0x80, '']);
    expect(read(whole, rules)).toEqual([['text', 'a'.repeat(1_000)]]);
    expect(read(stream([0x01, 'a'], ...more(1_000)), rules)).toEqual([['fault', 1009]]);
  });
});

describe('text that is no UTF-8', () => {
  const invalid: readonly (readonly number[])[] = [
    [0xff],
    [0x80],
    [0xc0, 0x80],
    [0xc1, 0xbf],
    [0xe0, 0x80, 0x80],
    [0xe0, 0x9f, 0xbf],
    [0xed, 0xa0, 0x80],
    [0xed, 0xbf, 0xbf],
    [0xf0, 0x8f, 0xbf, 0xbf],
    [0xf4, 0x90, 0x80, 0x80],
    [0xf5, 0x80, 0x80, 0x80],
    [0xc3, 0x28],
    [0xe2, 0x82, 0x28],
    [0xf0, 0x9f, 0x90, 0x28],
    [0xe2, 0x82],
    [0xc3],
    [0xf0, 0x9f, 0x90],
  ];

  test.each(invalid.map((bytes) => [Buffer.from(bytes).toString('hex'), bytes] as const))(
    '%s, alone, at the end, in the middle, in fragments',
    (_name, bytes) => {
      const fault: readonly LoggedFrame[] = [['fault', 1007]];
      const parts = Buffer.from(bytes);
      expect(readFrame({ first: 0x81, payload: parts })).toEqual(fault);
      expect(
        readFrame({ first: 0x81, payload: Buffer.concat([Buffer.from('aé'), parts]) }),
      ).toEqual(fault);
      const long = Buffer.concat([Buffer.alloc(150, 'a'), parts, Buffer.from('b')]);
      expect(readFrame({ first: 0x81, payload: long })).toEqual(fault);
      expect(read(stream([0x01, 'é'], [0x00, parts], [0x80, 'b']))).toEqual(fault);
      // As bytes they are as good as any.
      expect(readFrame({ first: 0x82, payload: parts })).toEqual([['binary', hex(parts)]]);
    },
  );

  // Autobahn 6.4.1 to 6.4.4: refused with the byte that cannot be mended, not with the last one.
  test.each<[string, boolean]>([
    ['f4', false],
    ['f490', true],
    ['f48f', false],
    ['e0', false],
    ['e09f', true],
    ['e0a0', false],
    ['eda0', true],
    ['ed9f', false],
    ['f08f', true],
    ['f090', false],
    ['f09f90', false],
    ['c0', true],
    ['c1', true],
    ['c2', false],
    ['f5', true],
    ['80', true],
  ])('%s is refused before the message ends: %p', (bytes, isRefused) => {
    const bad = Buffer.from(bytes, 'hex');
    const expected: readonly LoggedFrame[] = isRefused ? [['fault', 1007]] : [];
    expect(readPieces([stream([0x01, 'κόσμε']), stream([0x00, bad])])).toEqual(expected);
    const payload = Buffer.concat([Buffer.from('κόσμε'), bad]);
    const frame = clientFrame({ first: 0x81, payload });
    frame[1] = 0x80 | 100;
    expect(readPieces([frame])).toEqual(expected);
    expect(readPieces([...frame].map((byte) => Buffer.of(byte)))).toEqual(expected);
  });
});

describe('close', () => {
  const closing = (code: number, reason: string | Buffer = ''): Buffer =>
    Buffer.concat([Buffer.of(code >> 8, code & 0xff), Buffer.from(reason as string)]);

  test('with a code, with a reason, with none', () => {
    expect(readFrame({ first: 0x88, payload: '' })).toEqual([['close', undefined, '']]);
    expect(readFrame({ first: 0x88, payload: closing(1000) })).toEqual([['close', 1000, '']]);
    const reason = FISH.repeat(13);
    const payload = closing(4999, reason);
    expect(readFrame({ first: 0x88, payload })).toEqual([['close', 4999, reason]]);
  });

  test.each([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1014, 3000, 3999, 4000, 4999])(
    'code %d may be sent',
    (code) => {
      expect(readFrame({ first: 0x88, payload: closing(code) })).toEqual([['close', code, '']]);
    },
  );

  test.each([0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535])(
    'code %d may not',
    (code) => {
      expect(readFrame({ first: 0x88, payload: closing(code) })).toEqual([['fault', 1002]]);
    },
  );

  test('half a code, and a reason that is no text', () => {
    expect(readFrame({ first: 0x88, payload: 'a' })).toEqual([['fault', 1002]]);
    const payload = closing(1000, Buffer.of(0xed, 0xa0, 0x80));
    expect(readFrame({ first: 0x88, payload })).toEqual([['fault', 1007]]);
  });

  test('nothing is read behind it, be it inside of a message', () => {
    const closed = read(stream([0x01, 'a'], [0x88, ''], [0x80, 'b'], [0x83, '']));
    expect(closed).toEqual([['close', undefined, '']]);
  });
});

describe('compressed messages', () => {
  const rules = (inflated: Buffer | 'too long' | 'malformed'): FrameRules => ({
    ...RULES,
    inflate: (message) => (message.toString() === 'packed' ? inflated : 'malformed'),
  });

  test('are handed to what undoes it, whole or in fragments', () => {
    const unpacked = rules(Buffer.from(FISH));
    const packed = stream([0xc1, 'packed'], [0x41, 'pac'], [0x89, ''], [0x80, 'ked'], [0x81, 'no']);
    expect(read(packed, unpacked)).toEqual([
      ['text', FISH],
      ['ping', ''],
      ['text', FISH],
      ['text', 'no'],
    ]);
    expect(read(stream([0xc2, 'packed']), unpacked)).toEqual([['binary', hex(FISH)]]);
  });

  // Compressed bytes are no text themselves.
  test('may come in any bytes', () => {
    const any: FrameRules = { ...RULES, inflate: () => Buffer.from('a') };
    const bytes = Buffer.of(0xff, 0xc0, 0x80, 0xed);
    expect(read(stream([0xc1, bytes], [0x41, bytes], [0x80, bytes]), any)).toHaveLength(2);
  });

  test('that cannot be had, or are no text, are faults', () => {
    expect(read(stream([0xc1, 'packed']), rules('too long'))).toEqual([['fault', 1009]]);
    expect(read(stream([0xc1, 'packed']), rules('malformed'))).toEqual([['fault', 1007]]);
    expect(read(stream([0xc1, 'packed']), rules(Buffer.of(0xff)))).toEqual([['fault', 1007]]);
  });

  test('are marked by their first frame only', () => {
    const unpacked = rules(Buffer.from('a'));
    expect(read(stream([0x41, 'pac'], [0xc0, 'ked']), unpacked)).toEqual([['fault', 1002]]);
    expect(read(stream([0xc9, 'a']), unpacked)).toEqual([['fault', 1002]]);
  });
});

describe('a reader that is stopped', () => {
  const messages = Array.from({ length: 20 }, (_, index): [number, string] => [0x81, `m${index}`]);
  const texts = messages.map(([, text]): LoggedFrame => ['text', text]);

  test('goes on where it stopped, with nothing lost or twice', () => {
    for (const [at, end] of [
      [9, 0],
      [9, 3],
      [30, 5],
    ] as const) {
      const log = new FrameLog(() => 'pause');
      const bytes = stream(...messages);
      const chunk = bytes.subarray(0, bytes.length - end);
      let half = readFrames(undefined, Buffer.from(chunk), RULES, log);
      for (let calls = 1; half?.hasUnread; calls++) {
        expect(log.frames).toHaveLength(calls);
        const next = calls === at ? Buffer.from(bytes.subarray(chunk.length)) : EMPTY;
        half = readFrames(half, next, RULES, log);
      }
      if (at > messages.length) {
        half = readFrames(half, Buffer.from(bytes.subarray(chunk.length)), RULES, log);
      }
      expect(half).toBeUndefined();
      expect(log.frames).toEqual(texts);
    }
  });

  test('in the middle of a message, and after a frame that came in pieces', () => {
    const log = new FrameLog(() => 'pause');
    const bytes = stream([0x01, 'a'], [0x89, 'p'], [0x80, 'b'], [0x81, 'c']);
    const first = readFrames(undefined, Buffer.from(bytes.subarray(0, 9)), RULES, log);
    const second = readFrames(first, Buffer.from(bytes.subarray(9)), RULES, log);
    expect(log.frames).toEqual([['ping', hex('p')]]);
    const third = readFrames(second, EMPTY, RULES, log);
    expect(log.frames.at(-1)).toEqual(['text', 'ab']);
    expect(readFrames(third, EMPTY, RULES, log)).toBeUndefined();
    expect(log.frames.at(-1)).toEqual(['text', 'c']);
  });

  test('keeps one copy, and lets go of it at the end', () => {
    const log = new FrameLog(() => 'pause');
    const bytes = stream(...messages);
    let half = readFrames(undefined, Buffer.from(bytes), RULES, log);
    const held = half?.heldBytes;
    expect(held).toBe(bytes.length - 8);
    while (half !== undefined) {
      expect(half.heldBytes).toBe(held as number);
      half = readFrames(half, EMPTY, RULES, log);
    }
  });

  test('for good keeps nothing', () => {
    const answers: Next[] = ['read', 'end'];
    const log = new FrameLog(() => answers.shift() ?? 'read');
    expect(readFrames(undefined, stream(...messages), RULES, log)).toBeUndefined();
    expect(log.frames).toEqual(texts.slice(0, 2));
  });
});

describe('memory', () => {
  const rules: FrameRules = { maxPayloadBytes: 1_000_000, maxEmptyFragments: 100_000 };

  test('a length that is only announced costs nothing', () => {
    const head = clientFrame({ first: 0x82, payload: '', saidLength: 1_000_000n });
    const half = readFrames(undefined, head, rules, new FrameLog());
    expect(half?.heldBytes).toBe(0);
    expect(readFrames(half, Buffer.of(1), rules, new FrameLog())?.heldBytes).toBeLessThan(100);
  });

  test('grows with what has come, to the length of the message and no further', () => {
    const frame = clientFrame({ first: 0x82, payload: Buffer.alloc(100_000) });
    let half: HalfMessage | undefined;
    for (let at = 0; at + 1_000 < frame.length; at += 1_000) {
      half = readFrames(half, Buffer.from(frame.subarray(at, at + 1_000)), rules, new FrameLog());
      expect(half?.heldBytes).toBeLessThanOrEqual(Math.min(100_000, (at + 1_000) * 4));
    }
  });

  test('fragments of a byte cost as many bytes as they hold', () => {
    const pieces = [clientFrame({ first: 0x02, payload: 'a' })];
    pieces.push(...Array(50_000).fill(clientFrame({ first: 0x00, payload: 'a' })));
    const half = readFrames(undefined, Buffer.concat(pieces), rules, new FrameLog());
    expect(half?.heldBytes).toBeLessThanOrEqual(2 * 50_001);
  });

  test('nothing is left where a chunk ends with a frame', () => {
    const bytes = stream([0x01, 'a'], [0x80, 'b'], [0x89, ''], [0x81, 'c']);
    for (let at = 0; at <= bytes.length; at++) {
      const log = new FrameLog();
      const half = readFrames(undefined, Buffer.from(bytes.subarray(0, at)), RULES, log);
      expect(readFrames(half, Buffer.from(bytes.subarray(at)), RULES, log)).toBeUndefined();
    }
  });
});
