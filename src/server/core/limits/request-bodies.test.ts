import { beforeEach, expect, test } from 'bun:test';
import { MemoryBudget } from './memory-budget.ts';
import { Refusals } from './refusals.ts';
import { RequestBodies } from './request-bodies.ts';

const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const MAX_BYTES = 100_000;

let refusals: Refusals;
let budget: MemoryBudget;
let bodies: RequestBodies;

beforeEach(() => {
  refusals = new Refusals(SILENT);
  budget = new MemoryBudget(150_000, refusals);
  bodies = new RequestBodies(MAX_BYTES, budget);
});

/** A POST whose body comes when the test says so. */
function postInPieces(headers: Record<string, string> = {}) {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let isCancelled = false;
  const body = new ReadableStream<Uint8Array>({
    start: (given) => {
      controller = given;
    },
    cancel: () => {
      isCancelled = true;
    },
  });
  const request = new Request('http://a/', { method: 'POST', headers, body });
  const bring = async (piece: Uint8Array | string): Promise<void> => {
    controller?.enqueue(typeof piece === 'string' ? Buffer.from(piece) : piece);
    await Bun.sleep(1);
  };
  const end = (): void => controller?.close();
  const breakOff = (): void => controller?.error(new Error('gone'));
  return { request, bring, end, breakOff, isCancelled: () => isCancelled };
}

test('a body in pieces that cut a character is read whole, and counts meanwhile', async () => {
  const post = postInPieces();
  const read = bodies.text(post.request);
  const whole = Buffer.from(`${'x'.repeat(50_000)}😀`);
  await post.bring(whole.subarray(0, 50_002));
  expect(budget.heldBytes).toBe(50_002);
  await post.bring(whole.subarray(50_002));
  post.end();
  expect([await read, budget.heldBytes]).toEqual([{ text: whole.toString() }, 0]);
});

test('one that is too long is refused by what it says, or as soon as it is', async () => {
  const said = new Request('http://a/', {
    method: 'POST',
    headers: { 'content-length': `${MAX_BYTES + 1}` },
    body: 'x',
  });
  expect([bodies.isTooLong(said), await bodies.text(said)]).toEqual([true, { fault: 'tooLong' }]);
  const post = postInPieces();
  const read = bodies.text(post.request);
  for (let sent = 0; sent <= MAX_BYTES; sent += 10_000) await post.bring(new Uint8Array(10_000));
  expect([await read, post.isCancelled()]).toEqual([{ fault: 'tooLong' }, true]);
  expect([budget.heldBytes, bodies.isTooLong(post.request)]).toEqual([0, false]);
});

test('one that breaks off holds nothing any more', async () => {
  const post = postInPieces({ 'content-length': '50000' });
  const read = bodies.text(post.request);
  await post.bring('x'.repeat(20_000));
  post.breakOff();
  expect([await read, budget.heldBytes]).toEqual([{ fault: 'brokenOff' }, 0]);
});

test('over the budget the longest makes place', async () => {
  const posts = [postInPieces(), postInPieces(), postInPieces()];
  const reads = posts.map(({ request }) => bodies.text(request));
  for (const [index, post] of posts.entries()) {
    await post.bring('x'.repeat(40_000 + 20_000 * index));
  }
  for (const post of posts.slice(0, 2)) post.end();
  const texts = await Promise.all(reads);
  expect(texts.map((body) => ('text' in body ? body.text.length : body.fault))).toEqual([
    40_000,
    60_000,
    'letGo',
  ]);
  expect([budget.heldBytes, refusals.totals()]).toEqual([0, { memoryBudget: 1 }]);
});

test("an app's request breaks off where it gets longer than it may be", async () => {
  const isTooLong: number[] = [];
  const post = postInPieces();
  const bounded = bodies.bounded(post.request, () => isTooLong.push(1));
  const read = bounded.text().catch(() => 'failed');
  for (let sent = 0; sent <= MAX_BYTES; sent += 10_000) await post.bring(new Uint8Array(10_000));
  expect([await read, isTooLong]).toEqual(['failed', [1]]);
  const short = postInPieces();
  const whole = bodies.bounded(short.request, () => isTooLong.push(2));
  await short.bring('short');
  short.end();
  expect([await whole.text(), isTooLong]).toEqual(['short', [1]]);
  const said = new Request('http://a/', { method: 'POST', headers: { 'content-length': '1' } });
  expect(bodies.bounded(said, () => {})).toBe(said);
});
