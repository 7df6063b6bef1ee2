/**
 * The WebSocket codec under random streams, without sockets: however they are cut, fragmented and
 * read in slices, the same messages come out; whatever is changed in them, nothing throws; and
 * what is kept never outgrows what came.
 *
 * `HOLDFAST_FUZZ_SEED` repeats a run, in as many rounds as fit in the time of each test.
 */

import { expect, test } from 'bun:test';
import * as zlib from 'node:zlib';
import { readFrames } from '../../src/server/protocol/websocket/frame-reader.ts';
import type { FrameRules } from '../../src/server/protocol/websocket/frame-sink.ts';
import type { HalfMessage } from '../../src/server/protocol/websocket/half-message.ts';
import { messageDeflate } from '../../src/server/protocol/websocket/message-deflate.ts';
import { clientFrame } from '../support/client-frame.ts';
import { FrameLog, type LoggedFrame } from '../support/frame-log.ts';
import { mutate } from './mutation.ts';
import { Random } from './random.ts';

const { compress, inflate } = messageDeflate(zlib);

const ROUND_MS = 500;
const RULES: FrameRules = { maxPayloadBytes: 200_000, maxEmptyFragments: 1_000, inflate };
/** What a half message may hold however little has come: its first allocations. */
const SMALL_BYTES = 256;

const random = Random.announced('WebSocket codec');

function forAWhile(round: () => void): void {
  const endsAtMs = performance.now() + ROUND_MS;
  while (performance.now() < endsAtMs) round();
}

/** Long ones now and then: words and doubling begin there. */
function randomText(): string {
  const text = random.text(30).toWellFormed();
  return random.chance(0.1) ? text.repeat(random.below(500)) : text;
}

interface Sample {
  readonly frames: readonly Buffer[];
  readonly expected: readonly LoggedFrame[];
}

/** A message, maybe compressed, in one frame or several, with control frames in between. */
function randomMessage(): Sample {
  const isText = random.chance(0.6);
  const text = randomText();
  const plain = isText ? Buffer.from(text) : random.bytes(random.chance(0.1) ? 9_000 : 150);
  const packed = random.chance(0.3) ? compress(plain, { windowBits: 15, fromBytes: 1 }) : undefined;
  const payload = packed ?? plain;
  const frames: Buffer[] = [];
  const expected: LoggedFrame[] = [];
  const count = random.chance(0.6) ? 1 : 1 + random.below(6);
  const cuts = Array.from({ length: count - 1 }, () => random.below(payload.length + 1));
  const ends = [...cuts.toSorted((a, b) => a - b), payload.length];
  ends.forEach((end, index) => {
    const start = index === 0 ? 0 : (ends[index - 1] as number);
    const kind = index === 0 ? (isText ? 1 : 2) | (packed === undefined ? 0 : 0x40) : 0;
    const first = kind | (index === count - 1 ? 0x80 : 0);
    frames.push(clientFrame({ first, payload: payload.subarray(start, end), mask: randomMask() }));
    if (index === count - 1 || !random.chance(0.3)) return;
    const control = random.bytes(125);
    const isPing = random.chance(0.5);
    frames.push(clientFrame({ first: isPing ? 0x89 : 0x8a, payload: control }));
    expected.push([isPing ? 'ping' : 'pong', control.toString('hex')]);
  });
  expected.push(isText ? ['text', text] : ['binary', plain.toString('hex')]);
  return { frames, expected };
}

function randomMask(): Buffer {
  return Buffer.from(Array.from({ length: 4 }, () => random.below(256)));
}

function randomSample(): Sample {
  const messages = Array.from({ length: 1 + random.below(8) }, randomMessage);
  return {
    frames: messages.flatMap(({ frames }) => frames),
    expected: messages.flatMap(({ expected }) => expected),
  };
}

/** Pieces that are mostly small or mostly large, some of them empty. */
function randomPieces(stream: Buffer): Buffer[] {
  const most = random.pick([2, 20, 300, 5_000, stream.length + 1]);
  const pieces: Buffer[] = [];
  for (let at = 0; at < stream.length; ) {
    const to = at + random.below(most + 1);
    pieces.push(stream.subarray(at, to));
    at = to;
  }
  return pieces;
}

/** Reads all pieces, and looks after each of them at what is kept. */
function readAll(pieces: readonly Buffer[], log: FrameLog): HalfMessage | undefined {
  let half: HalfMessage | undefined;
  let received = 0;
  for (const piece of pieces) {
    if (log.hasEnded) return undefined;
    received += piece.length;
    const chunk = Buffer.from(piece);
    half = readFrames(half, chunk, RULES, log);
    // Nothing may be read of a chunk that was handed back.
    chunk.fill(0xee);
    for (let slices = random.below(4); slices > 0 && half?.hasUnread; slices--) {
      half = readFrames(half, Buffer.alloc(0), RULES, log);
    }
    expect(half?.heldBytes ?? 0).toBeLessThanOrEqual(5 * received + SMALL_BYTES);
  }
  while (half?.hasUnread) half = readFrames(half, Buffer.alloc(0), RULES, log);
  return half;
}

test('cut and sliced at random, streams give the same messages', () => {
  forAWhile(() => {
    const { frames, expected } = randomSample();
    const log = new FrameLog(() => (random.chance(0.3) ? 'pause' : 'read'));
    const half = readAll(randomPieces(Buffer.concat(frames)), log);
    expect(log.frames).toEqual([...expected]);
    expect(half).toBeUndefined();
  });
});

test('damaged streams throw nothing, and fail the same way however they are cut', () => {
  forAWhile(() => {
    const stream = mutate(random, Buffer.concat(randomSample().frames));
    const whole = new FrameLog();
    readAll([stream], whole);
    const cut = new FrameLog(() => (random.chance(0.3) ? 'pause' : 'read'));
    readAll(randomPieces(stream), cut);
    expect(cut.frames).toEqual(whole.frames);
  });
});

test('bytes without meaning throw nothing', () => {
  forAWhile(() => {
    const stream = Buffer.concat([
      Buffer.of(random.pick([0x01, 0x02, 0x81, 0x82, 0xc1, 0x88, 0x89]), 0x80 | random.below(128)),
      random.bytes(200),
    ]);
    const whole = new FrameLog();
    readAll([stream], whole);
    const cut = new FrameLog();
    readAll(randomPieces(stream), cut);
    expect(cut.frames).toEqual(whole.frames);
    const inflated = inflate(random.bytes(100), 1_000);
    if (Buffer.isBuffer(inflated)) expect(inflated.length).toBeLessThanOrEqual(1_000);
  });
});
