import { heapStats } from 'bun:jsc';
import { expect, test } from 'bun:test';
import type { WholeBody } from '../../core/contracts/exchange.ts';
import { readRequestHead } from '../../protocol/http/head-reader.ts';
import type { RequestHead } from '../../protocol/http/request-head.ts';
import { RequestBody } from './request-body.ts';

const LIMITS = { headBytesMax: 1_000, requestLineBytesMax: 1_000, headerLinesMax: 10 };
const MAX_BYTES = 1_000_000;

function createBody(framing: string): { body: RequestBody; done: WholeBody[] } {
  const head = Buffer.from(`POST / HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n`);
  const body = new RequestBody(readRequestHead(head, 0, head.byteLength, LIMITS) as RequestHead);
  const done: WholeBody[] = [];
  body.want(MAX_BYTES, (whole) => done.push(whole));
  return { body, done };
}

const buffers = (): number => {
  Bun.gc(true);
  const { Uint8Array: count = 0 } = heapStats().objectTypeCounts;
  return count;
};

test.each([
  ['Content-Length: 100001', 'x', ''],
  ['Transfer-Encoding: chunked', '1\r\nx\r\n', '0\r\n\r\n'],
])('many small pieces of a body by %s hold what they say', (framing, piece, end) => {
  const count = 100_000;
  const { body, done } = createBody(framing);
  const before = buffers();
  for (let i = 0; i < count; i++) body.push(Buffer.from(piece), 0);
  expect(buffers() - before).toBeLessThan(1_000);
  expect(body.heldBytes).toBeGreaterThanOrEqual(count);
  expect(body.heldBytes).toBeLessThanOrEqual(2 * count);
  body.push(Buffer.from(end === '' ? 'x' : end), 0);
  const expected = 'x'.repeat(end === '' ? count + 1 : count);
  expect(done.map((whole) => 'bytes' in whole && whole.bytes.toString())).toEqual([expected]);
  expect(body.heldBytes).toBe(0);
});

test('what is only announced takes no memory', () => {
  const { body } = createBody(`Content-Length: ${MAX_BYTES}`);
  body.push(Buffer.from('x'), 0);
  expect(body.heldBytes).toBeLessThan(1_000);
});

test('a body that is there at once is not copied, and the next request is left alone', () => {
  const { body, done } = createBody('Content-Length: 4');
  const bytes = Buffer.from('..body..');
  expect(body.push(bytes, 2)).toBe(6);
  const [whole] = done;
  if (whole === undefined || !('bytes' in whole)) throw new Error('there is no body');
  expect(whole.bytes.toString()).toBe('body');
  expect(whole.bytes.buffer).toBe(bytes.buffer);
});

test('a body in chunks is too long with the first byte that is', () => {
  const { body, done } = createBody('Transfer-Encoding: chunked');
  const size = MAX_BYTES.toString(16);
  body.push(Buffer.concat([Buffer.from(`${size}\r\n`), Buffer.alloc(MAX_BYTES)]), 0);
  expect(done).toEqual([]);
  body.push(Buffer.from('\r\n1\r\nx'), 0);
  expect(done).toEqual([{ fault: 'tooLong' }]);
  expect(body.heldBytes).toBe(0);
});
