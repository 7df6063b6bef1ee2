/** Requests by their path, over bare TCP: proxies and old clients send what `fetch` does not. */

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { knock } from '../../../test/fuzz/tcp.ts';
import type { EngineEndpoint } from '../clients/socketio/endpoint.ts';
import { RequestSources } from '../clients/source/request-sources.ts';
import { SourceKeys } from '../clients/source/source-keys.ts';
import { TrustedProxies } from '../clients/source/trusted-proxies.ts';
import type { App, Server } from '../core/app/app.ts';
import type { Exchange } from '../core/contracts/exchange.ts';
import { MemoryBudget } from '../core/limits/memory-budget.ts';
import { Refusals } from '../core/limits/refusals.ts';
import type { WorkerSettings } from '../links/bus/worker-settings.ts';
import { PublicServer } from './public-server.ts';

/** Shorter than `knock` is patient. */
const APP_TIMEOUT_MS = 20;
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
    if (pathname === '/fails') throw new Error('the app fails on purpose');
    return undefined;
  },
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

beforeAll(() => {
  port = freePort();
  const config = {
    host: '127.0.0.1',
    path: '/socket.io/',
    pingIntervalMs: 1_000,
    pingTimeoutMs: 1_000,
    maxPayloadBytes: 1_000,
    requestTimeoutMs: APP_TIMEOUT_MS,
    maxBackpressureBytes: 1_000,
  };
  const endpoint = {
    handle: (exchange: Exchange, query: string) => {
      asked.push(query);
      exchange.answer({ status: 200, type: 'text/plain', body: 'the endpoint' }, {});
    },
  };
  publicServer = new PublicServer({
    settings: { publicPort: port, ownPort: 0, config } as WorkerSettings,
    endpoint: endpoint as unknown as EngineEndpoint,
    app,
    server: {} as Server,
    budget: new MemoryBudget(1 << 20, refusals),
    sources: new RequestSources(new TrustedProxies([]), new SourceKeys()),
    watch: { isWatching: false, vouch: () => {}, isLastAnswer: () => isLast },
    log,
    refusals,
    isReady: () => isReady,
  });
  publicServer.listen();
});

afterAll(() => publicServer.close());

async function ask(head: string): Promise<[status: number, body: string]> {
  const answer = await knock(port, [`${head}\r\n\r\n`], 'close');
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
  const startedAtMs = performance.now();
  expect(await ask('GET /never HTTP/1.1\r\nHost: localhost')).toEqual([
    503,
    'this took too long\n',
  ]);
  expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(APP_TIMEOUT_MS - 1);
  expect(refusals.totals()).toMatchObject({ appTooSlow: 1 });
});

test.each(['/health', '/ready', '/mine', '/nothing', '/socket.io/socket.io.js'])(
  'a connection that is to end ends with the answer to %s',
  async (path) => {
    isLast = true;
    // Without `Connection: close` of the client's own.
    const answer = await knock(port, [`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`], 'close');
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
