import { expect, test } from 'bun:test';
import { ChunkedBody, type ChunkLimits, type ChunkProgress } from './chunked-body.ts';

const LIMITS: ChunkLimits = { lineBytesMax: 20, trailerBytesMax: 40, excessBytesMax: 100 };
const BODY = '5\r\nhello\r\n6;a="b c"\r\n world\r\n00\r\nVary: *\r\nEmpty:\r\n\r\n';

interface Outcome {
  progress: ChunkProgress;
  data: Buffer[];
}

function read(text: string, limits: ChunkLimits = LIMITS): Outcome {
  const bytes = Buffer.from(text, 'latin1');
  const data: Buffer[] = [];
  const body = new ChunkedBody(limits);
  const progress = body.read(bytes, 0, bytes.byteLength, (piece) => data.push(piece));
  return { progress, data };
}

test('data comes in views, and the end says where the next request begins', () => {
  const bytes = Buffer.from(`xx${BODY}GET /`);
  const data: Buffer[] = [];
  const progress = new ChunkedBody(LIMITS).read(bytes, 2, bytes.byteLength, (piece) => {
    data.push(piece);
  });
  expect(progress).toEqual({ kind: 'done', end: 2 + BODY.length });
  expect(data.map(String)).toEqual(['hello', ' world']);
  expect(data.every((piece) => piece.buffer === bytes.buffer)).toBeTrue();
});

test('what comes byte by byte is the same', () => {
  const bytes = Buffer.from(BODY);
  const body = new ChunkedBody(LIMITS);
  let text = '';
  for (let at = 0; at < bytes.byteLength; at++) {
    const progress = body.read(bytes, at, at + 1, (piece) => {
      text += String(piece);
    });
    const isLast = at + 1 === bytes.byteLength;
    expect(progress).toEqual(isLast ? { kind: 'done', end: at + 1 } : { kind: 'more' });
  }
  expect(text).toBe('hello world');
});

test('nothing is taken after the end, and none after a fault', () => {
  const bytes = Buffer.from('0\r\n\r\n5\r\nhello\r\n');
  const body = new ChunkedBody(LIMITS);
  const fail = (): void => expect.unreachable();
  expect(body.read(bytes, 0, bytes.byteLength, fail)).toEqual({ kind: 'done', end: 5 });
  expect(body.read(bytes, 5, bytes.byteLength, fail)).toEqual({ kind: 'done', end: 5 });
  const broken = new ChunkedBody(LIMITS);
  expect(broken.read(Buffer.from('x'), 0, 1, fail).kind).toBe('fault');
  expect(broken.read(bytes, 0, bytes.byteLength, fail).kind).toBe('fault');
});

test.each([
  ['the line', `${'0'.repeat(19)}1\r\n`, 'more'],
  ['the line', `${'0'.repeat(20)}1\r\n`, 'fault'],
  ['the line with an extension', `1;${'a'.repeat(18)}\r\n`, 'more'],
  ['the line with an extension', `1;${'a'.repeat(19)}\r\n`, 'fault'],
  ['a size', '1fffffffffffff\r\n', 'more'],
  ['a size', '20000000000000\r\n', 'fault'],
  ['trailers', `0\r\n${'a: b\r\n'.repeat(6)}\r\n`, 'done'],
  ['trailers', `0\r\n${'a: b\r\n'.repeat(7)}\r\n`, 'fault'],
  ['framing', '1;0123456789abcdefg\r\na\r\n'.repeat(101), 'fault'],
  ['framing', '1;0123456789abcdef\r\na\r\n'.repeat(101), 'more'],
])('%s is bounded: %j', (_name, text, kind) => {
  expect(read(text).progress.kind).toBe(kind as ChunkProgress['kind']);
});
