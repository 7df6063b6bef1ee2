/** Requests by their path, over bare TCP: proxies and old clients send what `fetch` does not. */

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { knock } from '../../../test/fuzz/tcp.ts';
import { makeCertificate } from '../../../test/support/certificates.ts';
import { RawPeer } from '../../../test/support/raw-peer.ts';
import { eventually } from '../../../test/system/eventually.ts';
import type { App, Server } from '../core/app/app.ts';
import type { ClientKind } from '../core/contracts/client-kind.ts';
import { MemoryBudget } from '../core/limits/memory-budget.ts';
import { Refusals } from '../core/limits/refusals.ts';
import type { WorkerSettings } from '../links/bus/worker-settings.ts';
import { PublicServer } from './public-server.ts';

const APP_TIMEOUT_MS = 20;
/** Every request here has an answer, which a busy machine may give late. */
const PATIENCE_MS = 3_000;
const POLLING = '/socket.io/?EIO=4&transport=polling';
const asked: string[] = [];
let port: number;
let publicServer: PublicServer;
let isReady = true;
let isLast = false;
const ignore = (): void => {};
const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
const refusals = new Refusals(log);

const app: App = {
  request(request) {
    const { pathname } = new URL(request.url);
    if (pathname === '/mine') return new Response('the app');
    if (pathname === '/never') return new Promise(() => {});
    if (pathname === '/length') return lengthOf(request);
    const answer = ANSWERS[pathname];
    if (answer !== undefined) return answer(request);
    if (pathname === '/fails') throw new Error('the app fails on purpose');
    return undefined;
  },
};

const cancelled: string[] = [];

function endless(name: string): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      await Bun.sleep(1);
      controller.enqueue(Buffer.from('more'));
    },
    cancel() {
      cancelled.push(name);
    },
  });
}

const TWO_COOKIES: [string, string][] = [
  ['set-cookie', 'a=1'],
  ['set-cookie', 'b=2'],
];

const ANSWERS: Readonly<Record<string, (request: Request) => Response | Promise<Response>>> = {
  '/url': ({ url, method }) => new Response(`${method} ${url}`),
  '/text': () => new Response('täxt'),
  '/bytes': () => new Response(Uint8Array.of(0xff, 0xfe)),
  '/blob': () => new Response(new Blob(['<b>'], { type: 'text/html' })),
  '/file': () => new Response(Bun.file(import.meta.path)),
  '/nothing-said': () => new Response(null, { status: 204 }),
  '/known': () => new Response(null, { status: 304, headers: { etag: '"x"' } }),
  '/cookies': () => new Response('x', { headers: TWO_COOKIES }),
  '/long-head': () => new Response(null, { headers: { 'content-length': '12' } }),
  '/switch': () => new Response(null, { status: 101 }),
  '/split': () => new Response('x', { headers: { a: 'x\x01y' } }),
  '/split-stream': () => new Response(endless('split'), { headers: { a: 'x\x01y' } }),
  '/endless': () => new Response(endless('endless')),
  '/late-endless': async () => {
    await Bun.sleep(APP_TIMEOUT_MS / 2);
    return new Response(endless('late'));
  },
  '/too-late-endless': async () => {
    await Bun.sleep(APP_TIMEOUT_MS * 2);
    return new Response(endless('too late'));
  },
  '/breaks': () =>
    new Response(
      new ReadableStream({
        async pull(controller) {
          controller.enqueue(Buffer.from('half'));
          await Bun.sleep(5);
          controller.error(new Error('the stream fails on purpose'));
        },
      }),
    ),
};

async function lengthOf(request: Request): Promise<Response> {
  return new Response(`${(await request.text()).length}`);
}

/** A port that was free a moment ago. */
function freePort(): number {
  const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => {} } });
  listener.stop(true);
  return listener.port;
}

function createServer(publicPort: number, tls: object = {}): PublicServer {
  const config = {
    ...tls,
    host: '127.0.0.1',
    path: '/socket.io/',
    pingIntervalMs: 1_000,
    pingTimeoutMs: 1_000,
    maxPayloadBytes: 1_000,
    requestTimeoutMs: APP_TIMEOUT_MS,
    maxBackpressureBytes: 1_000,
  };
  const kind: ClientKind = {
    name: 'test',
    transports: [],
    serves: (path) => path === '/socket.io' || path === '/socket.io/',
    handle(exchange, query) {
      asked.push(query);
      exchange.answer({ status: 200, type: 'text/plain', body: 'the endpoint' }, {});
    },
    sweep() {},
  };
  return new PublicServer({
    settings: { publicPort, ownPort: 0, config } as WorkerSettings,
    kinds: [kind],
    app,
    server: {} as Server,
    budget: new MemoryBudget(1 << 20, refusals),
    watch: { isWatching: false, vouch: () => {}, disown: () => {}, isLastAnswer: () => isLast },
    log,
    refusals,
    isReady: () => isReady,
  });
}

beforeAll(() => {
  port = freePort();
  publicServer = createServer(port);
  publicServer.listen();
});

afterAll(() => publicServer.close());

async function ask(head: string): Promise<[status: number, body: string]> {
  const answer = await knock(port, [`${head}\r\n\r\n`], 'close', PATIENCE_MS);
  const [, status, body] = /^HTTP\/1\.1 (\d+)[\s\S]*?\r\n\r\n([\s\S]*)/.exec(answer) ?? [];
  return [Number(status), body ?? ''];
}

// HAProxy asks for health in HTTP/1.0 and names no host unless it is told to.
describe.each([
  ['HTTP/1.1 with a host', 'HTTP/1.1\r\nHost: localhost'],
  ['HTTP/1.1 with an empty host', 'HTTP/1.1\r\nHost:'],
  ['HTTP/1.0 without a host', 'HTTP/1.0'],
])('%s', (_name, version) => {
  test('health and readiness', async () => {
    expect(await ask(`GET /health ${version}`)).toEqual([200, 'ok\n']);
    isReady = false;
    expect((await ask(`GET /ready ${version}`))[0]).toBe(503);
    isReady = true;
    expect((await ask(`GET /ready ${version}`))[0]).toBe(200);
  });

  test('Socket.IO, with its query', async () => {
    asked.length = 0;
    expect(await ask(`GET ${POLLING} ${version}`)).toEqual([200, 'the endpoint']);
    expect(asked).toEqual(['EIO=4&transport=polling']);
  });

  test('what nobody knows is not found', async () => {
    for (const path of ['/elsewhere', '//', '/healthy', '/socket.io/more', '/?/health']) {
      expect(await ask(`GET ${path} ${version}`)).toEqual([404, 'not found\n']);
    }
  });
});

test('a host that is none is refused', async () => {
  expect(await ask('GET /health HTTP/1.1\r\nHost: a b')).toEqual([400, 'bad Host\n']);
});

test('the app answers on its own paths, and its failure is told to nobody', async () => {
  expect(await ask('GET /mine HTTP/1.1\r\nHost: localhost')).toEqual([200, 'the app']);
  expect(await ask('GET /fails HTTP/1.1\r\nHost: localhost')).toEqual([500, 'internal error\n']);
});

test('an app that does not answer in time is answered for', async () => {
  // Other tests, in whatever order, have the app answer too late as well.
  const before = refusals.totals().appTooSlow ?? 0;
  const startedAtMs = performance.now();
  expect(await ask('GET /never HTTP/1.1\r\nHost: localhost')).toEqual([
    503,
    'this took too long\n',
  ]);
  expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(APP_TIMEOUT_MS - 1);
  expect(refusals.totals()).toMatchObject({ appTooSlow: before + 1 });
});

test.each(['/health', '/ready', '/mine', '/nothing', '/socket.io/socket.io.js'])(
  'a connection that is to end ends with the answer to %s',
  async (path) => {
    isLast = true;
    // Without `Connection: close` of the client's own.
    const answer = await knock(
      port,
      [`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`],
      'close',
      PATIENCE_MS,
    );
    isLast = false;
    expect(answer.toLowerCase()).toContain('\r\nconnection: close\r\n');
  },
);

test.each(['/health', '/ready', '/mine', '/nothing', '/socket.io/socket.io.js', POLLING])(
  'a client that wants no more is told that the answer to %s is the last',
  async (path) => {
    const ask = async (options: string): Promise<string> =>
      await knock(
        port,
        [`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: ${options}\r\n\r\n`],
        'close',
        PATIENCE_MS,
      );
    for (const options of ['close', 'TE, Close', 'close , x']) {
      expect((await ask(options)).toLowerCase()).toContain('\r\nconnection: close\r\n');
    }
    for (const options of ['keep-alive', 'closely', 'x-close']) {
      expect((await ask(options)).toLowerCase()).not.toContain('\r\nconnection: close\r\n');
    }
  },
);

describe('bodies', () => {
  const post = async (
    body: string | ReadableStream<Uint8Array>,
  ): Promise<[status: number, body: string]> => {
    const answer = await fetch(`http://127.0.0.1:${port}/length`, { method: 'POST', body });
    return [answer.status, await answer.text()];
  };
  const inPieces = (bytes: number): ReadableStream<Uint8Array> =>
    new ReadableStream({
      start(controller) {
        for (let sent = 0; sent < bytes; sent += 100) controller.enqueue(new Uint8Array(100));
        controller.close();
      },
    });

  test('of any kind reach the app, up to what they may have', async () => {
    expect(await post('x'.repeat(1_000))).toEqual([200, '1000']);
    expect(await post(inPieces(1_000))).toEqual([200, '1000']);
  });

  test('that are too long do not', async () => {
    const before = refusals.totals().payloadTooLarge ?? 0;
    expect(await post('x'.repeat(1_001))).toEqual([413, 'payload too large\n']);
    expect(await post('x'.repeat(1_000_000))).toEqual([413, 'payload too large\n']);
    expect(await post(inPieces(1_100))).toEqual([413, 'payload too large\n']);
    expect(refusals.totals().payloadTooLarge).toBe(before + 3);
  });
});

describe('answers of the app', () => {
  const headOf = async (path: string, method = 'GET'): Promise<string> => {
    const request = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
    const peer = await RawPeer.open(port);
    peer.send(request);
    await peer.untilEnd();
    peer.leave();
    return peer.text;
  };
  const untilCancelled = (name: string): Promise<string[]> =>
    eventually(
      `'${name}' is cancelled`,
      () => cancelled,
      (names) => names.includes(name),
    );

  test('say what they are, so that no browser has to guess', async () => {
    expect(await headOf('/text')).toContain('\r\ncontent-type: text/plain;charset=utf-8\r\n');
    expect(await headOf('/bytes')).toContain('\r\ncontent-type: application/octet-stream\r\n');
    expect(await headOf('/blob')).toContain('\r\ncontent-type: text/html;charset=utf-8\r\n');
    expect(await headOf('/file')).toContain('\r\ncontent-type: text/javascript;charset=utf-8\r\n');
    expect(await headOf('/nothing-said')).not.toContain('content-type');
  });

  test('of every kind are sent as they are', async () => {
    expect(await headOf('/nothing-said')).toStartWith('HTTP/1.1 204 No Content\r\n');
    expect(await headOf('/known')).toContain('\r\netag: "x"\r\n');
    expect(await headOf('/cookies')).toContain('\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n');
    expect(await headOf('/file')).toContain('Requests by their path');
    expect(await headOf('/long-head', 'HEAD')).toContain('\r\nContent-Length: 12\r\n');
    expect(await headOf('/long-head')).toContain('\r\nContent-Length: 0\r\n');
  });

  test('that HTTP does not have are told to nobody', async () => {
    for (const path of ['/switch', '/split', '/split-stream']) {
      expect(await headOf(path)).toStartWith('HTTP/1.1 500 ');
    }
    await untilCancelled('split');
  });

  test('that break off in the middle do so for the client too', async () => {
    const text = await headOf('/breaks');
    expect(text).toContain('half');
    expect(text).not.toContain('\r\n0\r\n');
  });

  test('end with the client, whenever it leaves', async () => {
    for (const [path, name, afterMs] of [
      ['/endless', 'endless', 10],
      ['/late-endless', 'late', 2],
      ['/too-late-endless', 'too late', APP_TIMEOUT_MS * 1.5],
    ] as const) {
      const peer = await RawPeer.open(port);
      peer.send(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      await Bun.sleep(afterMs);
      peer.reset();
      await untilCancelled(name);
    }
  });

  test('know the address that was asked for', async () => {
    const url = async (line: string, host = 'a.example'): Promise<[number, string]> =>
      await ask(`${line} HTTP/1.1\r\nHost: ${host}`);
    expect(await url('GET /url?a=b')).toEqual([200, 'GET http://a.example/url?a=b']);
    expect(await url('GET http://a.example/url')).toEqual([200, 'GET http://a.example/url']);
    expect((await url('GET //url'))[0]).toBe(404);
    expect((await url('GET http://b.example/url'))[0]).toBe(400);
    expect((await url('GET http://me@a.example/url'))[0]).toBe(400);
    expect((await url('GET /url#x'))[0]).toBe(400);
    expect((await url('CONNECT a.example:80'))[0]).toBe(400);
    expect((await url('OPTIONS *'))[0]).toBe(400);
    expect((await url('TRACK /url'))[0]).toBe(400);
    expect((await url('GET /url', 'a:99999'))[0]).toBe(400);
  });

  test('know that they go over TLS', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-url-'));
    const paths = { tlsCert: join(folder, 'cert.pem'), tlsKey: join(folder, 'key.pem') };
    const { cert, key } = makeCertificate('localhost');
    writeFileSync(paths.tlsCert, cert);
    writeFileSync(paths.tlsKey, key);
    const securePort = freePort();
    const secure = createServer(securePort, paths);
    secure.listen();
    const peer = await RawPeer.open(securePort, true);
    peer.send('GET /url HTTP/1.1\r\nHost: a.example\r\n\r\n');
    await peer.untilText('GET https://a.example/url');
    peer.leave();
    secure.stopListening();
    secure.close();
    rmSync(folder, { recursive: true });
  });
});
