import { afterAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { ServedFiles, serveFiles } from './served-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-files-'));
afterAll(() => rmSync(folder, { recursive: true }));

const TEXT = 'const answer = 42; // and so on\n'.repeat(200);
const files = {
  '/page.js': file('page.js', TEXT),
  '/small.css': file('small.css', 'a { color: red }'),
  '/picture.png': file('picture.png', TEXT),
  '/strange.thing': file('strange.thing', TEXT),
};
const served = new ServedFiles(files, { headers: { 'x-own': '1' } });

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function get(path: string, headers: Record<string, string> = {}, method = 'GET') {
  const answer = await served.answer(new Request(`http://a${path}`, { headers, method }), path);
  if (answer === undefined) throw new Error(`${path} was not answered`);
  return answer;
}

const encodingOf = async (accepted: string): Promise<string | null> =>
  (await get('/page.js', { 'accept-encoding': accepted })).headers.get('content-encoding');

test('answers with type, tag and the headers it was given', async () => {
  const answer = await get('/page.js');
  expect(answer.status).toBe(200);
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'content-type': 'text/javascript; charset=utf-8',
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
    vary: 'accept-encoding',
    'x-own': '1',
  });
  expect(answer.headers.get('etag')).toMatch(/^"\w+"$/);
  expect(await answer.text()).toBe(TEXT);
  expect((await get('/strange.thing')).headers.get('content-type')).toBe(
    'application/octet-stream',
  );
});

test('what is made is made when it is asked for first, once, or again when it failed', async () => {
  let times = 0;
  const make = async (): Promise<Uint8Array<ArrayBuffer>> => {
    if (++times === 1) throw new Error('not now');
    return new Uint8Array(Buffer.from(TEXT));
  };
  const files = new ServedFiles({ '/made.js': make });
  const ask = () => files.answer(new Request('http://a/made.js'), '/made.js');
  expect(times).toBe(0);
  expect(ask()).rejects.toThrow('not now');
  const answers = await Promise.all([ask(), ask()]);
  expect(answers.map((answer) => answer?.headers.get('content-type'))).toEqual([
    'text/javascript; charset=utf-8',
    'text/javascript; charset=utf-8',
  ]);
  expect(await answers[0]?.text()).toBe(TEXT);
  expect(times).toBe(2);
});

describe('encodings', () => {
  test('are what they say, and each has a tag of its own', async () => {
    const brotli = await get('/page.js', { 'accept-encoding': 'gzip, deflate, br' });
    expect(brotli.headers.get('content-encoding')).toBe('br');
    expect(brotliDecompressSync(await brotli.bytes()).toString()).toBe(TEXT);
    const gzip = await get('/page.js', { 'accept-encoding': 'gzip' });
    expect(gunzipSync(await gzip.bytes()).toString()).toBe(TEXT);
    const tags = [brotli, gzip, await get('/page.js')].map((one) => one.headers.get('etag'));
    expect(new Set(tags).size).toBe(3);
  });

  test.each([
    ['', null],
    ['identity', null],
    ['br;q=0, gzip;q=0', null],
    ['br;q=0, gzip', 'gzip'],
    ['br;q=0.2, gzip;q=0.8', 'gzip'],
    ['GZIP;Q=1.0', 'gzip'],
    ['*', 'br'],
    ['*;q=0', null],
    ['br;q=0, *', 'gzip'],
    ['zstd, br;q=x', null],
    [',;,;q=1,', null],
    ['br'.repeat(8_000), null],
  ])('%p gets %p', async (accepted, encoding) => {
    expect(await encodingOf(accepted)).toBe(encoding);
  });

  test('are not for what does not get smaller', async () => {
    for (const path of ['/small.css', '/picture.png']) {
      const answer = await get(path, { 'accept-encoding': 'br, gzip' });
      expect(answer.headers.has('content-encoding')).toBe(false);
      expect(answer.headers.has('vary')).toBe(false);
    }
  });
});

test('what the client has costs no body', async () => {
  const tag = (await get('/page.js', { 'accept-encoding': 'br' })).headers.get('etag') ?? '';
  for (const known of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
    const again = await get('/page.js', { 'accept-encoding': 'br', 'if-none-match': known });
    expect(again.status).toBe(304);
    expect(again.headers.get('etag')).toBe(tag);
    expect(await again.text()).toBe('');
  }
  expect((await get('/page.js', { 'if-none-match': tag })).status).toBe(200);
});

test('only GET and HEAD, only paths that were given', async () => {
  const refused = await get('/page.js', {}, 'POST');
  expect(refused.status).toBe(405);
  expect(refused.headers.get('allow')).toBe('GET, HEAD');
  for (const path of ['/', '/page.js/', '/../page.js', '/__proto__', '/constructor', '/PAGE.JS']) {
    expect(served.answer(new Request('http://a/'), path)).toBeUndefined();
  }
});

test('one buffer for all answers, read once', async () => {
  const name = file('once.js', TEXT);
  const handler = serveFiles({ '/once.js': name });
  const read = async (): Promise<string> =>
    (await handler(new Request('http://a/once.js?v=1')))?.text() ?? '';
  expect(await read()).toBe(TEXT);
  writeFileSync(name, 'changed');
  expect(await read()).toBe(TEXT);
});

test('a file that is gone for a while is an error for as long', async () => {
  const name = file('later.js', TEXT);
  const handler = serveFiles({ '/later.js': name });
  const ask = async () => await handler(new Request('http://a/later.js'));
  rmSync(name);
  expect(await ask().catch(() => 'an error')).toBe('an error');
  writeFileSync(name, TEXT);
  expect((await ask())?.status).toBe(200);
});

test.each([
  ['/my page.html', '/my page.html'],
  ['/my page.html', '/my%20page.html'],
  ['/ä/語.html', '/ä/語.html'],
  ['/ä/語.html', '/%c3%a4/%E8%AA%9E.html'],
  ['/a%20b.html', '/a%20b.html'],
  ['/100%.html', '/100%.html'],
  ['/a+b.html', '/a+b.html'],
])('%p is answered at %p', async (path, asked) => {
  const handler = serveFiles({ [path]: file('named.html', TEXT) });
  expect((await handler(new Request(`http://a${asked}`)))?.status).toBe(200);
  expect(await handler(new Request(`http://a${asked}/..`))).toBeUndefined();
  expect(await handler(new Request(`http://a${asked}%2f`))).toBeUndefined();
});

test.each<[string, Record<string, string>, string]>([
  ['missing', { '/': join(folder, 'no.html') }, 'no.html, which cannot be read (ENOENT)'],
  ['missing where it is looked for', { '/': 'no/such.html' }, join(process.cwd(), 'no/such.html')],
  ['no file', { '/': folder }, 'which is no file'],
  ['at no path', { 'page.js': join(folder, 'page.js') }, "must begin with /: '/page.js'"],
])('one that is %s is refused where it is declared', (_what, given, told) => {
  expect(() => serveFiles(given)).toThrow(told);
});
