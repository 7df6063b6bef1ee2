import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { createPage } from './page.ts';
import { CHOICES } from './poll.ts';

const page = createPage();
const ROOT = join(import.meta.dir, '..', '..', '..');
const PAGES = ['/', '/transports'];

async function get(path: string, init: RequestInit = {}): Promise<Response> {
  const response = await page(new Request(`http://demo.test${path}`, init));
  if (response === undefined) throw new Error(`${path} was not answered`);
  return response;
}

test('the page offers the choices that the server counts', async () => {
  const html = await (await get('/')).text();
  const offered = [...html.matchAll(/data-choice="(\w+)"/g)].map((match) => match[1]);
  expect(offered).toEqual([...CHOICES]);
});

test.each(PAGES)('every file that %s refers to is served, with its type', async (path) => {
  const html = await (await get(path)).text();
  const base = `http://demo.test${path}`;
  const found = [...html.matchAll(/(?:href|src)="([^"]+)"/g)].map((match) => match[1] ?? '');
  const files = found.filter((file) => !file.startsWith('socket.io/'));
  const queue = files.map((file) => new URL(file, base));
  expect(queue.length).toBeGreaterThan(3);
  for (const url of queue) {
    const response = await get(url.pathname);
    const text = await response.text();
    if (PAGES.includes(url.pathname)) continue;
    for (const match of text.matchAll(/url\("([^"]+)"\)|from '(\.\/[^']+)'/g)) {
      queue.push(new URL(match[1] ?? match[2] ?? '', url));
    }
    expect(response.headers.get('content-type')).toMatch(/^(text\/(css|javascript);|image\/svg)/);
  }
});

test('the pages lead to each other', async () => {
  expect(await (await get('/')).text()).toContain('<a href="transports">');
  expect(await (await get('/transports')).text()).toContain('<a href="./">');
});

test.each(PAGES)('nothing inline in %s, and a policy that would not allow it', async (path) => {
  const response = await get(path);
  const html = await response.text();
  expect(html).not.toMatch(/<style|style=|<script(?![^>]*src=)|\son\w+=/);
  expect(response.headers.get('content-security-policy')).toContain("default-src 'self'");
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
});

test('a file that did not change costs no body', async () => {
  const etag = (await get('/page.js')).headers.get('etag') ?? '';
  const again = await get('/page.js', { headers: { 'if-none-match': `W/${etag}` } });
  expect(again.status).toBe(304);
  expect(await again.text()).toBe('');
});

test('a page is told how long the head of its request was', async () => {
  const ask = async (headers: Record<string, string>) => {
    const answer: unknown = await (await get('/transports/head', { headers })).json();
    return answer;
  };
  const bare = 'GET /transports/head HTTP/1.1\r\n\r\n'.length;
  expect(await ask({})).toEqual({ bytes: bare });
  const lines = 'host: a\r\naccept: */*\r\n';
  expect(await ask({ host: 'a', accept: '*/*' })).toEqual({ bytes: bare + lines.length });
  expect(page(new Request('http://demo.test/transports/head', { method: 'POST' }))).toBeUndefined();
});

test('what waiting clients cost is what was measured, and is said of those there are', async () => {
  const measured = await Bun.file(join(ROOT, 'docs', 'BENCHMARKS.md')).text();
  const costs = await (await get('/transports/costs.js')).text();
  const figures = [...costs.matchAll(/^ {2}'?([\w-]+)'?: (\d+|null),$/gm)];
  expect(figures).toHaveLength(5);
  for (const [, name, bytes = ''] of figures) {
    expect((await get(`/transports/${name}.js`)).status).toBe(200);
    if (bytes !== 'null') expect(measured).toContain(Intl.NumberFormat('en').format(Number(bytes)));
  }
});

test('only GET and HEAD, only known paths', async () => {
  const posted = await get('/', { method: 'POST' });
  expect(posted.status).toBe(405);
  expect(posted.headers.get('allow')).toBe('GET, HEAD');
  expect((await get('/', { method: 'HEAD' })).status).toBe(200);
  expect(page(new Request('http://demo.test/../tally.ts'))).toBeUndefined();
  expect(page(new Request('http://demo.test/page/index.html'))).toBeUndefined();
});
