/**
 * The reader of requests under random bytes, for a second or two: valid requests are the same
 * however they are cut, damaged ones never throw, and no byte behind the end is ever looked at.
 */

import { expect, test } from 'bun:test';
import { readRequestHead } from '../../src/server/protocol/http/head-reader.ts';
import { HEAD_LIMITS, HttpRequests, type Seen } from '../support/http-requests.ts';
import { cut, mutate } from './mutation.ts';
import { Random } from './random.ts';

const DURATION_MS = 700;
const PIPELINED_MAX = 4;

const random = Random.announced('http requests');

/** Requests as they go over the wire, and what a reader must see of them. */
interface Traffic {
  readonly bytes: Buffer;
  readonly expected: Seen[];
}

function bodyText(): string {
  return random.bytes(60).toString('latin1');
}

function request(): { text: string; seen: Seen } {
  const method = random.pick(['GET', 'POST', 'OPTIONS', 'X-Y']);
  const target = random.pick(['/', '/a?b=c', '//x', 'http://x/a', '/%00|"']);
  const headers: [string, string][] = [['Host', 'x']];
  for (let more = random.below(4); more > 0; more--) {
    headers.push([
      random.pick(['A', 'Cookie', 'Expects', 'X-Hosts']),
      random.pick(['', 'b', '\xe9']),
    ]);
  }
  let wire = '';
  let body = '';
  const kind = random.below(3);
  if (kind > 0) body = bodyText();
  if (kind === 1) {
    headers.push([random.pick(['Content-Length', 'CONTENT-LENGTH']), String(body.length)]);
    wire = body;
  } else if (kind === 2) {
    headers.push(['Transfer-Encoding', random.pick(['chunked', 'Chunked'])]);
    for (const chunk of cut(random, Buffer.from(body, 'latin1'))) {
      const size = chunk.length.toString(16) + random.pick(['', ';a', ';a="b"']);
      wire += `${size}\r\n${Buffer.from(chunk).toString('latin1')}\r\n`;
    }
    wire += `0\r\n${random.pick(['', 'A: b\r\n', 'Content-Length: 5\r\n'])}\r\n`;
  }
  const blank = random.pick(['', ' ', '\t ']);
  const lines = headers.map(([name, value]) => `${name}:${blank}${value}${blank}\r\n`).join('');
  const text = `${random.pick(['', '\r\n'])}${method} ${target} HTTP/1.1\r\n${lines}\r\n${wire}`;
  const lower = headers.map(([name, value]): [string, string] => [name.toLowerCase(), value]);
  return { text, seen: { method, target, headers: lower, body } };
}

function traffic(): Traffic {
  const requests = Array.from({ length: 1 + random.below(PIPELINED_MAX) }, request);
  const text = requests.map((one) => one.text).join('');
  return {
    bytes: Buffer.from(text, 'latin1'),
    expected: [...requests.map((one) => one.seen), 'end'],
  };
}

function seenInPieces(pieces: readonly Uint8Array[]): Seen[] {
  const requests = new HttpRequests();
  for (const piece of pieces) requests.push(piece);
  return requests.end();
}

/** What became of it; in pieces, another fault of the same bytes may be found first. */
function outline(seen: readonly Seen[]): unknown[] {
  return seen.map((one) => (typeof one === 'object' && 'fault' in one ? 'fault' : one));
}

/** All of an answer, for comparison: what is private in a head is seen by no matcher. */
function content(answer: ReturnType<typeof readRequestHead>): unknown {
  if (answer.kind !== 'head') return answer;
  const { method, target, bytes, bodyKind, contentLength, keepsAlive } = answer;
  return [method, target, bytes, bodyKind, contentLength, keepsAlive, ...answer.headerLines()];
}

function repeat(run: () => void): void {
  const end = performance.now() + DURATION_MS;
  while (performance.now() < end) run();
}

test('requests are split exactly, however they are cut', () => {
  repeat(() => {
    const { bytes, expected } = traffic();
    expect(HttpRequests.of(bytes)).toEqual(expected);
    expect(seenInPieces(cut(random, bytes))).toEqual(expected);
  });
  const { bytes, expected } = traffic();
  const single = Array.from(bytes, (_byte, at) => bytes.subarray(at, at + 1));
  expect(seenInPieces(single)).toEqual(expected);
});

test('damaged requests never throw, and are the same however they are cut', () => {
  repeat(() => {
    const bytes = mutate(random, traffic().bytes);
    const whole = outline(HttpRequests.of(bytes));
    expect(outline(seenInPieces(cut(random, bytes)))).toEqual(whole);
  });
});

test('bytes outside of what is to be read change nothing', () => {
  repeat(() => {
    const bytes = random.chance(0.5) ? traffic().bytes : mutate(random, traffic().bytes);
    const [before, after] = [random.bytes(20), random.pick([traffic().bytes, random.bytes(20)])];
    const around = Buffer.concat([before, bytes, after]);
    const end = random.below(bytes.byteLength + 1);
    const alone = readRequestHead(bytes.subarray(0, end), 0, end, HEAD_LIMITS);
    const [from, to] = [before.byteLength, before.byteLength + end];
    expect(content(readRequestHead(around, from, to, HEAD_LIMITS))).toEqual(content(alone));
  });
});

test('time grows with the bytes, whatever they are', () => {
  const limits = { headBytesMax: 2 ** 22, requestLineBytesMax: 2 ** 22, headerLinesMax: 2 ** 22 };
  for (const piece of ['A: b\r\n', 'Connection: , , ,\r\n', `Connection:${' '.repeat(500)}x\r\n`]) {
    const text = `GET / HTTP/1.1\r\nHost: x\r\n${piece.repeat(2 ** 20 / piece.length)}\r\n`;
    const bytes = Buffer.from(text);
    const start = performance.now();
    const head = readRequestHead(bytes, 0, bytes.byteLength, limits);
    if (head.kind === 'head') head.get('connection');
    expect(head.kind).toBe('head');
    // A megabyte takes some ten milliseconds; squared it would be many minutes.
    expect(performance.now() - start).toBeLessThan(5000);
  }
});
