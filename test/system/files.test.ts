/** Files for pages, and what it costs when somebody asks for them and does not read. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { bytesOf } from '../support/honest-clients.ts';
import { RawConnection } from '../support/raw-http.ts';

const NAMES = [
  'socket.io.js',
  'socket.io.min.js',
  'socket.io.esm.min.js',
  'socket.io.msgpack.min.js',
];
const ASKED = 2_000;
const CONNECTIONS = 4;
const GROWTH_MAX_BYTES = 48 * 2 ** 20;

setDefaultTimeout(60_000);

let node: HoldfastProcess;

beforeAll(async () => {
  node = await HoldfastProcess.start({ app: join(import.meta.dir, 'files-app.ts'), workers: 1 });
});

afterAll(async () => {
  await node.stop();
});

function get(path: string, headers: Record<string, string> = {}, method = 'GET') {
  return fetch(`${node.url}${path}`, { headers, method, decompress: false });
}

test.each(NAMES)('%s and its map, under the name that pages use', async (name) => {
  for (const path of [`/socket.io/${name}`, `/socket.io/${name}.map`]) {
    const plain = await get(path, { 'accept-encoding': 'identity' });
    expect(plain.status).toBe(200);
    const bytes = await plain.bytes();
    const packed = await get(path, { 'accept-encoding': 'gzip, br' });
    expect(packed.headers.get('content-encoding')).toBe('br');
    expect(packed.headers.get('x-content-type-options')).toBe('nosniff');
    expect(packed.headers.get('vary')).toContain('accept-encoding');
    expect(brotliDecompressSync(await packed.bytes())).toEqual(Buffer.from(bytes));
    const etag = packed.headers.get('etag') ?? '';
    const again = await get(path, { 'accept-encoding': 'gzip, br', 'if-none-match': etag });
    expect([again.status, (await again.bytes()).length]).toEqual([304, 0]);
    const head = await get(path, { 'accept-encoding': 'identity' }, 'HEAD');
    expect(head.headers.get('content-length')).toBe(`${bytes.length}`);
    expect((await head.bytes()).length).toBe(0);
  }
});

test('the small client is a module for pages of any origin, compressed, with a tag', async () => {
  const headers = { 'accept-encoding': 'gzip', origin: 'https://a.example' };
  const answers = await Promise.all([1, 2, 3].map(() => get('/holdfast.js', headers)));
  const [first] = answers;
  expect(Object.fromEntries(first?.headers ?? [])).toMatchObject({
    'access-control-allow-origin': '*',
    'content-encoding': 'gzip',
    'content-type': 'text/javascript; charset=utf-8',
    'cross-origin-resource-policy': 'cross-origin',
  });
  const bodies = await Promise.all(answers.map((answer) => answer.bytes()));
  expect(new Set(bodies.map((body) => gunzipSync(body).toString())).size).toBe(1);
  expect(bodies[0]?.length).toBeLessThan(5_000);
  const etag = first?.headers.get('etag') ?? '';
  expect((await get('/holdfast.js', { ...headers, 'if-none-match': etag })).status).toBe(304);
});

test('a module script of another origin may load its build', async () => {
  const answer = await get('/socket.io/socket.io.esm.min.js', { origin: 'https://a.example' });
  expect(answer.headers.get('access-control-allow-origin')).toBe('*');
  expect(answer.headers.get('content-type')).toContain('text/javascript');
});

test('nothing else lies there', async () => {
  for (const path of [
    'socket.io.esm.js',
    'package.json',
    '../package.json',
    '%2e%2e/package.json',
  ]) {
    expect((await get(`/socket.io/${path}`)).status).toBe(404);
  }
  expect((await get('/socket.io/socket.io.js', {}, 'POST')).status).toBe(405);
});

test.each([
  '/socket.io/socket.io.js',
  '/page.js',
  '/file',
  '/stream',
  '/text',
  '/health',
  '/ready',
  '/nothing',
  '/socket.io/?EIO=4&transport=polling',
])('%s asked for thousands of times and never read costs next to nothing', async (path) => {
  const pids = [(await node.workerPids())[0] as number];
  await get(path).then((answer) => answer.bytes());
  const before = bytesOf(pids);
  const request = `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
  const connections = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => DeafConnection.open(node.publicPort)),
  );
  for (const connection of connections) connection.write(request.repeat(ASKED));
  // Others are answered meanwhile, and all that was sent has had its turn when they are.
  for (let i = 0; i < 20; i++) expect((await get('/health')).status).toBe(200);
  expect(bytesOf(pids) - before).toBeLessThan(GROWTH_MAX_BYTES);
  for (const connection of connections) connection.close();
});

test('who asks for a file again before reading the last costs next to nothing', async () => {
  const pids = [(await node.workerPids())[0] as number];
  const before = bytesOf(pids);
  const connection = await DeafConnection.open(node.publicPort);
  for (let i = 0; i < 300; i++) {
    connection.write('GET /file HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await get('/health')).status).toBe(200);
  }
  expect(bytesOf(pids) - before).toBeLessThan(GROWTH_MAX_BYTES);
  connection.close();
});

test('who reads gets all', async () => {
  const connection = await RawConnection.open(node.url);
  for (const path of ['/file', '/stream', '/text', '/page.js', '/health']) {
    connection.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect((await connection.response())?.status).toBe(200);
  }
  connection.close();
});

/** A connection that sends, and reads nothing at all. */
class DeafConnection {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async open(port: number): Promise<DeafConnection> {
    const socket = connect({ port, host: '127.0.0.1' });
    // The server may hang up at any time.
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.pause();
    return new DeafConnection(socket);
  }

  write(text: string): void {
    this.#socket.write(text);
  }

  close(): void {
    this.#socket.destroy();
  }
}
