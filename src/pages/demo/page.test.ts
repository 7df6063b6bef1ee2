import { expect, test } from 'bun:test';
import { createPage } from './page.ts';
import { CHOICES } from './poll.ts';

const page = createPage();

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

test('every file that the page refers to is served, with its type', async () => {
  const html = await (await get('/')).text();
  const files = [...html.matchAll(/(?:href|src)="([^"]+)"/g)].map((match) => match[1] ?? '');
  const queue = files.filter((file) => !file.startsWith('socket.io/'));
  expect(queue.length).toBeGreaterThan(3);
  for (const file of queue) {
    const response = await get(`/${file}`);
    const text = await response.text();
    for (const match of text.matchAll(/url\("([^"]+)"\)|from '\.\/([^']+)'/g)) {
      queue.push(match[1] ?? match[2] ?? '');
    }
    expect(response.headers.get('content-type')).toMatch(/^(text\/(css|javascript);|image\/svg)/);
  }
});

test('nothing inline, and a policy that would not allow it', async () => {
  const response = await get('/');
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

test('only GET and HEAD, only known paths', async () => {
  const posted = await get('/', { method: 'POST' });
  expect(posted.status).toBe(405);
  expect(posted.headers.get('allow')).toBe('GET, HEAD');
  expect((await get('/', { method: 'HEAD' })).status).toBe(200);
  expect(page(new Request('http://demo.test/../tally.ts'))).toBeUndefined();
  expect(page(new Request('http://demo.test/page/index.html'))).toBeUndefined();
});
