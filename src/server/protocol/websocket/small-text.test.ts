import { expect, test } from 'bun:test';
import { clientFrame } from '../../../../test/support/client-frame.ts';
import { FrameLog } from '../../../../test/support/frame-log.ts';
import { readFrames } from './frame-reader.ts';
import { readSmallText } from './small-text.ts';

const RULES = { maxPayloadBytes: 100, maxEmptyFragments: 10 };

test.each(['3', 'a', '42["x"]', 'x'.repeat(100)])(
  'the text %p is read as the reader does',
  (text) => {
    const frame = clientFrame({ first: 0x81, payload: text });
    const log = new FrameLog();
    readFrames(undefined, Buffer.from(frame), RULES, log);
    expect(log.frames).toEqual([['text', text]]);
    expect(readSmallText(frame, RULES.maxPayloadBytes)).toBe(text);
  },
);

test.each([
  ['an empty one', clientFrame({ first: 0x81, payload: '' })],
  ['beyond ASCII', clientFrame({ first: 0x81, payload: 'é' })],
  ['a byte that is no text', clientFrame({ first: 0x81, payload: Buffer.of(0xff) })],
  ['bytes', clientFrame({ first: 0x82, payload: 'a' })],
  ['a ping', clientFrame({ first: 0x89, payload: 'a' })],
  ['a fragment', clientFrame({ first: 0x01, payload: 'a' })],
  ['reserved bits', clientFrame({ first: 0xc1, payload: 'a' })],
  ['without a mask', clientFrame({ first: 0x81, payload: 'abcdef', isMasked: false })],
  ['too long', clientFrame({ first: 0x81, payload: 'x'.repeat(101) })],
  ['half there', clientFrame({ first: 0x81, payload: 'abc' }).subarray(0, 8)],
  ['more behind it', Buffer.concat([clientFrame({ first: 0x81, payload: 'a' }), Buffer.of(0x81)])],
  ['of a length not as it must be', clientFrame({ first: 0x81, payload: 'a', lengthBytes: 2 })],
  ['nothing', Buffer.alloc(0)],
])('left to the reader, as it was: %s', (_what, chunk) => {
  const before = Buffer.from(chunk);
  expect(readSmallText(chunk, RULES.maxPayloadBytes)).toBeUndefined();
  expect(chunk.equals(before)).toBe(true);
});
