import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test';
import { FakeNode } from '../../../test/support/fake-node.ts';
import { type Admin, startAdmin } from './admin.ts';

const TOKEN = 'a-token-of-sixteen-and-more';
const lines: Record<string, unknown>[] = [];
const log = {
  debug: () => {},
  info: (_: string, fields?: object) => lines.push({ ...fields }),
  warn: (_: string, fields?: object) => lines.push({ ...fields }),
  error: () => {},
};
const node = new FakeNode();
let admin: Admin;

beforeAll(() => {
  admin = startAdmin(node, {
    host: '127.0.0.1',
    port: 0,
    token: TOKEN,
    tls: undefined,
    leaveToken: () => undefined,
    maxBodyBytes: 10_000,
    maxJsonKeys: 1_000,
    log,
  });
});

afterAll(() => admin.stop());

beforeEach(() => {
  node.sessions.asked.length = 0;
  node.sessions.missing = [];
  lines.length = 0;
});

async function get(path: string, token = TOKEN): Promise<{ status: number; body: unknown }> {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`http://127.0.0.1:${admin.port}${path}`, { headers });
  return { status: response.status, body: await response.json() };
}

async function disconnect(body: unknown): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`http://127.0.0.1:${admin.port}/disconnect`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

test('rooms come in pages', async () => {
  const { status, body } = await get('/rooms');
  expect([status, body] as unknown).toEqual([
    200,
    {
      namespace: '/',
      rooms: [{ room: 'match:42', count: 3 }],
      next: null,
      missing: [],
      missingNodes: [],
    },
  ]);
  await get('/rooms?namespace=/chat&after=a%26b&most=1000');
  expect(node.sessions.asked).toEqual([
    ['/', '', 100],
    ['/chat', 'a&b', 1_000],
  ]);
});

const NAMES = [
  'match:42',
  'a/b/c',
  '100%',
  '%2F',
  '日本 語',
  '?&=#+',
  ' ',
  '..x',
  '"\\',
  'x'.repeat(256),
];

test.each(NAMES)('the name %p stands in a path, and in a query', async (name) => {
  const encoded = encodeURIComponent(name);
  expect((await get(`/rooms/${encoded}?most=7`)).status).toBe(200);
  expect((await get(`/users/${encoded}`)).status).toBe(200);
  expect((await get(`/rooms?room=${encoded}&most=7`)).status).toBe(200);
  expect((await get(`/users?user=${encoded}`)).status).toBe(200);
  const asked = [
    ['/', name, 7],
    ['/', name],
  ];
  expect(node.sessions.asked as unknown).toEqual([...asked, ...asked]);
});

test('names that no path can hold stand in the query', async () => {
  for (const name of ['.', '..']) expect((await get(`/rooms?room=${name}`)).status).toBe(200);
  expect(node.sessions.asked).toEqual([
    ['/', '.', 100],
    ['/', '..', 100],
  ]);
});

test.each([
  '/rooms/%ff',
  '/rooms/%',
  `/rooms/${'x'.repeat(257)}`,
  '/users?user=',
  '/users',
  '/users/a?most=5',
  '/rooms?most=0',
  '/rooms?most=1001',
  '/rooms?most=1e3',
  '/rooms?most=',
  '/rooms?after=a&after=b',
  '/rooms?unknown=1',
  '/rooms?namespace=chat',
  `/rooms?namespace=/${'x'.repeat(256)}`,
])('%p is refused in one sentence', async (path) => {
  const { status, body } = await get(path);
  expect(status).toBe(400);
  expect((body as { error: string }).error).toMatch(/^[A-Z"].*\.$/);
  expect(node.sessions.asked).toEqual([]);
});

test('what lies deeper is not there', async () => {
  expect((await get('/rooms/a/b')).status).toBe(404);
  expect((await get('/load/a')).status).toBe(404);
});

test('a partial answer says so', async () => {
  node.sessions.missing = [1, 3];
  for (const path of ['/rooms', '/rooms/r', '/users/ada']) {
    expect((await get(path)).body).toMatchObject({ missing: [1, 3] });
  }
  expect((await disconnect({ user: 'ada' })).body).toEqual({
    disconnected: 2,
    missing: [1, 3],
    missingNodes: [],
  });
});

test('all of it takes the token, and acts leave a line', async () => {
  for (const path of ['/rooms', '/rooms/r', '/users/ada']) {
    expect((await get(path, 'another-token-of-some-length')).status).toBe(401);
  }
  expect(node.sessions.asked).toEqual([]);
  lines.length = 0;
  await disconnect({ room: 'r', close: true });
  expect(node.sessions.asked).toEqual([{ namespace: '/', room: 'r', close: true }]);
  expect(lines).toMatchObject([{ audit: 'disconnect', room: 'r', close: true, disconnected: 2 }]);
});

const WRONG: readonly unknown[] = [
  {},
  { user: 'a', room: 'b' },
  { user: '' },
  { user: 5 },
  { room: ['a'] },
  { session: 'x'.repeat(257) },
  { user: 'a', close: 'yes' },
  { user: 'a', namespace: 'chat' },
  { user: '\ud800' },
  { userr: 'a' },
  [],
  null,
];

test.each(WRONG.map((body) => [body]))('to disconnect %p is refused', async (body) => {
  expect((await disconnect(body)).status).toBe(400);
  expect(node.sessions.asked).toEqual([]);
});
