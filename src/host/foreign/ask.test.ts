/** Servers that answer wrongly, or mean harm. */

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { gzipSync } from 'bun';
import { z } from 'zod';
import { AnswerError, ask, readAnswer, readRefusal, readStart, readText } from './ask.ts';

const CHUNK = new Uint8Array(65_536).fill(0x61);
const MIB = 1_048_576;

let server: Bun.Server<undefined>;
const heard: string[] = [];
let endlessBytes = 0;
const cut = Promise.withResolvers<void>();

beforeAll(() => {
  server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch(request) {
      const { pathname } = new URL(request.url);
      heard.push(`${request.method} ${pathname} ${request.headers.get('authorization')}`);
      switch (pathname) {
        case '/endless':
          return new Response(endless());
        case '/drip':
          return new Response(drip());
        case '/bomb':
          return new Response(gzipSync(new Uint8Array(64 * MIB)), {
            headers: { 'content-encoding': 'gzip' },
          });
        case '/away':
          return Response.redirect('/json', 307);
        case '/refusal':
          return Response.json({ error: 'Not this.' }, { status: 400 });
        case '/long-refusal':
          return Response.json({ error: 'x'.repeat(MIB) }, { status: 400 });
        case '/json':
          return Response.json({ count: 5, more: { kept: true } });
        default:
          return new Response('plain');
      }
    },
  });
});
afterAll(() => server.stop(true));

function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      controller.enqueue(CHUNK);
      endlessBytes += CHUNK.length;
      await Bun.sleep(0);
    },
    cancel: () => cut.resolve(),
  });
}

function drip(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      controller.enqueue(CHUNK.subarray(0, 1));
      await Bun.sleep(20);
    },
  });
}

const get = (path: string, timeoutMs = 10_000) =>
  ask(`http://127.0.0.1:${server.port}${path}`, { timeoutMs });
const count = z.object({ count: z.int() });

test('an answer without end is read up to its bound, and its connection ends', async () => {
  const reading = readText(await get('/endless'), MIB);
  expect(await reading.catch((error: unknown) => error)).toBeInstanceOf(AnswerError);
  await cut.promise;
  expect(endlessBytes).toBeLessThan(16 * MIB);
});

test('one that comes a byte at a time ends with the time for it', async () => {
  // On a busy machine the time may be over before the head is there, which is the same fault.
  const reading = get('/drip', 500).then((response) => readText(response, MIB));
  const error = await reading.catch((fault: unknown) => fault);
  expect((error as Error).name).toBe('TimeoutError');
});

test('one that was compressed unasked is not blown up', async () => {
  const text = await readText(await get('/bomb'), MIB);
  expect(text.length).toBeLessThan(MIB / 8);
});

test('a question, and the token in it, is sent on to nobody', async () => {
  heard.length = 0;
  const url = `http://127.0.0.1:${server.port}/away`;
  const headers = { authorization: 'Bearer a-token-of-a-test' };
  const { status } = await ask(url, { body: '{}', headers, timeoutMs: 1_000 });
  expect([status, heard]).toEqual([307, ['POST /away Bearer a-token-of-a-test']]);
});

describe('an answer is JSON of the shape that was asked for', () => {
  test('with whatever more it has', async () => {
    expect(await readAnswer(await get('/json'), count, MIB)).toEqual({
      count: 5,
      more: { kept: true },
    } as never);
  });

  test.each([
    ['/plain', count, 'its answer is no JSON'],
    ['/json', z.object({ count: z.string() }), 'its answer is of another shape at "count"'],
    ['/json', z.array(z.int()), 'its answer is of another shape'],
    [
      '/json',
      z.object({ more: z.object({ kept: z.int() }) }),
      'its answer is of another shape at "more.kept"',
    ],
  ])('%s', async (path, schema, sentence) => {
    const reading = readAnswer(await get(path), schema as z.ZodType<unknown>, MIB);
    const error = await reading.catch((fault: unknown) => fault);
    expect((error as Error).message).toBe(sentence);
  });
});

test('a refusal is one sentence, or not listened to', async () => {
  expect(await readRefusal(await get('/refusal'))).toBe('Not this.');
  for (const path of ['/long-refusal', '/plain', '/json', '/endless']) {
    expect(await readRefusal(await get(path))).toBeUndefined();
  }
});

test('of what nobody understands the beginning is shown', async () => {
  expect(await readStart(await get('/endless'), 3)).toBe('aaa');
  expect(await readStart(await get('/drip', 1_000), 1_000)).toBe('');
});

test.each(['127.0.0.1', 'localhost'])(
  'a proxy of the environment is not asked for %s',
  async (host) => {
    using proxy = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('proxy') });
    using target = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: () => new Response('target'),
    });
    const code = `
    import { ask } from ${JSON.stringify(join(import.meta.dir, 'ask.ts'))};
    const asked = ['http://${host}:${target.port}/', 'http://elsewhere.invalid/'];
    for (const url of asked) console.log(await (await ask(url, { timeoutMs: 5_000 })).text());
  `;
    const env = { ...process.env, HTTP_PROXY: proxy.url.origin, NO_PROXY: '' };
    const child = Bun.spawn([process.execPath, '-e', code], { env, stdout: 'pipe' });
    expect(await child.stdout.text()).toBe('target\nproxy\n');
  },
);
