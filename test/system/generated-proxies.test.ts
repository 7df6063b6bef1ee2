/**
 * HAProxy and nginx with the files that `holdfast generate` writes, in front of three workers with
 * a port each: every transport, addresses of clients, full workers, a worker that dies, a reload.
 */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { makeCertificate } from '../support/certificates.ts';
import { freePorts } from '../support/free-ports.ts';
import { GeneratedProxy, type ProxyKind } from '../support/generated-proxy.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { PLAIN_TRANSPORTS, PlainClient } from '../support/plain-clients.ts';
import { requirement } from '../support/requires.ts';
import { ask, Clients, upgraded } from './clients.ts';
import { eventually } from './eventually.ts';

setDefaultTimeout(60_000);

const PROGRAMS = { haproxy: requirement('haproxy'), nginx: requirement('nginx') };
const APP = join(import.meta.dir, 'generated-app.ts');
const WORKERS = 3;
const CLIENTS = 12;
/** Another address of loopback, as Linux has them. */
const ELSEWHERE = '127.0.0.2';
const LARGE = 'x'.repeat(100_000);

interface Place {
  readonly node: HoldfastProcess;
  readonly proxy: GeneratedProxy;
}

/** A node with a port for each worker, and a proxy in front of them. */
async function setUp(
  kind: ProxyKind,
  options: Partial<Record<'keys' | 'args', readonly string[]>> & { sessions?: number } = {},
): Promise<Place> {
  const { sessions = 100, args = [], keys: more = [] } = options;
  const base = freePorts(WORKERS);
  const keys = [
    ...['--worker-ports', '--worker-port-base', String(base)],
    ...['--trusted-proxies', '127.0.0.1', '--max-sessions-per-worker', String(sessions)],
    ...more,
  ];
  const node = await HoldfastProcess.start({ app: APP, workers: WORKERS, args: keys });
  try {
    const all = [...keys, '--workers', String(WORKERS), ...args];
    return { node, proxy: await GeneratedProxy.start(kind, PROGRAMS[kind].path, all) };
  } catch (error) {
    await node[Symbol.asyncDispose]();
    throw error;
  }
}

async function tearDown({ node, proxy }: Place): Promise<void> {
  await proxy[Symbol.asyncDispose]();
  await node.stop();
}

const many = <T>(work: (number: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: CLIENTS }, (_, number) => work(number)));

/** A request of a client at another address than the proxy's, who says that it is at others. */
async function fromElsewhere(url: string, body?: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const headers = { 'X-Forwarded-For': '192.0.2.1', Forwarded: 'for=192.0.2.2' };
  const method = body === undefined ? 'GET' : 'POST';
  const options = { method, headers, localAddress: ELSEWHERE, agent: false };
  const sent = request(url, options, resolve).on('error', reject);
  sent.end(body);
  return text(await promise);
}

describe.each(['haproxy', 'nginx'] as const)('%s', (kind) => {
  const program = PROGRAMS[kind];
  describe.skipIf(!program.available)(program.title('in front of three workers'), () => {
    const clients = new Clients();
    let place: Place;
    beforeAll(async () => {
      place = await setUp(kind);
    });
    afterAll(async () => {
      clients.close();
      await tearDown(place);
    });

    test.each(PLAIN_TRANSPORTS)('plain clients by %s hear at once and are heard', async (how) => {
      const { node, proxy } = place;
      const room = `plain-${how}`;
      const all = await many(() => PlainClient.open(proxy.url, how, `room=${room}`));
      for (const client of all) expect(await client.next()).toMatchObject({ type: 'connect' });
      for (let at = 0; at < 5; at++) {
        await node.publish({ event: 'news', args: [at], room });
        for (const client of all) expect(await client.next()).toMatchObject({ args: [at] });
      }
      const workers = await Promise.all(
        all.map(async (client) => {
          await client.send({ type: 'event', event: 'echo', args: [LARGE], id: 1 });
          expect((await client.nextOf('ack', 1)).args).toEqual([LARGE]);
          await client.send({ type: 'event', event: 'worker', args: [], id: 2 });
          return (await client.nextOf('ack', 2)).args?.[0];
        }),
      );
      expect(new Set(workers).size).toBe(WORKERS);
      for (const client of all) client.close();
    });

    test.each([
      ['polling', ['polling']],
      ['websocket', ['websocket']],
      ['polling and an upgrade', ['polling', 'websocket']],
    ])('Socket.IO by %s', async (_how, transports) => {
      const sockets = await many(() => clients.connect(place.proxy.url, { transports }));
      if (transports.length > 1) await Promise.all(sockets.map(upgraded));
      const workers = await Promise.all(sockets.map((socket) => ask<number>(socket, 'worker')));
      expect(new Set(workers).size).toBe(WORKERS);
      const echoes = await Promise.all(sockets.map((socket) => ask(socket, 'echo', LARGE)));
      expect(echoes.every((echo) => echo === LARGE)).toBe(true);
      for (const socket of sockets) socket.disconnect();
    });

    test('the node sees where clients are, and believes no client', async () => {
      const polling = `${place.proxy.url}/socket.io/?EIO=4&transport=polling`;
      const { sid } = JSON.parse((await fromElsewhere(polling)).slice(1)) as { sid: string };
      const own = `${polling}&sid=${sid}`;
      await fromElsewhere(own, '40');
      expect(await fromElsewhere(own)).toStartWith('40');
      await fromElsewhere(own, '420["whereFrom"]');
      expect(await fromElsewhere(own)).toBe(`430["${ELSEWHERE}"]`);
    });

    test('a reload leaves clients where they are', async () => {
      const before = await many((number) =>
        clients.connect(place.proxy.url, { transports: [number % 2 ? 'websocket' : 'polling'] }),
      );
      let lost = 0;
      for (const socket of before) socket.on('disconnect', () => lost++);
      place.proxy.reload();
      // Some connect to the old processes, some to the new.
      for (let at = 0; at < 20; at++) {
        const socket = await clients.connect(place.proxy.url, { transports: ['websocket'] });
        expect(await ask(socket, 'echo', at)).toBe(at);
        socket.disconnect();
        await Bun.sleep(50);
      }
      expect(await Promise.all(before.map((socket) => ask(socket, 'echo', 'here')))).toEqual(
        before.map(() => 'here'),
      );
      expect(lost).toBe(0);
      for (const socket of before) socket.disconnect();
    });

    test('a worker that dies takes its own clients only, and they come back', async () => {
      const sockets = await many(() =>
        clients.connect(place.proxy.url, { transports: ['websocket'], reconnectionDelay: 100 }),
      );
      const workers = await Promise.all(sockets.map((socket) => ask<number>(socket, 'worker')));
      const lost = new Set<number>();
      sockets.forEach((socket, at) => void socket.on('disconnect', () => lost.add(at)));
      const pids = await place.node.workerPids();
      const dying = workers[0] as number;
      process.kill(pids[dying] as number, 'SIGKILL');
      await eventually(
        'all are connected',
        () =>
          sockets.map((socket, at) => socket.connected && (workers[at] !== dying || lost.has(at))),
        (states) => states.every((isThere) => isThere),
      );
      const ofDead = workers.flatMap((worker, at) => (worker === dying ? [at] : []));
      expect([...lost].toSorted((a, b) => a - b)).toEqual(ofDead);
      for (const socket of sockets) socket.disconnect();
      // The proxy leaves the new worker out until its checks say otherwise; the tests that come
      // next, in whatever order, need all of them.
      await eventually(
        'new clients reach every worker',
        async () => {
          const fresh = await many(() => clients.connect(place.proxy.url));
          const reached = await Promise.all(fresh.map((socket) => ask<number>(socket, 'worker')));
          for (const socket of fresh) socket.disconnect();
          return new Set(reached).size;
        },
        (reached) => reached === WORKERS,
      );
    });
  });

  test.skipIf(!program.available)(
    program.title('full workers refuse in words and keep what they have'),
    async () => {
      const place = await setUp(kind, { sessions: 2 });
      const clients = new Clients();
      try {
        const { url } = place.proxy;
        const sockets = [];
        // nginx learns who is full by being refused, and asks three of three.
        for (let at = 0; at < 2 * WORKERS; at++) {
          sockets.push(await clients.connect(url, { transports: ['polling'] }));
        }
        const refused = async (): Promise<void> => {
          const { status, headers } = await fetch(`${url}/socket.io/?EIO=4&transport=polling`);
          expect({ status, retryAfter: headers.get('retry-after') }).toEqual({
            status: 503,
            retryAfter: expect.stringMatching(/^\d+$/),
          });
        };
        await refused();
        // Until the proxy knows by its checks that nobody takes sessions.
        await Bun.sleep(5_000);
        await refused();
        const echoes = await Promise.all(sockets.map((socket) => ask(socket, 'echo', 'here')));
        expect(echoes).toEqual(sockets.map(() => 'here'));
        sockets[0]?.disconnect();
        await eventually(
          'there is place again',
          () => fetch(`${url}/socket.io/?EIO=4&transport=polling`),
          ({ status }) => status === 200,
        );
      } finally {
        clients.close();
        await tearDown(place);
      }
    },
  );

  test.skipIf(!program.available)(program.title('TLS from end to end'), async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-tls-'));
    const { cert, key } = makeCertificate();
    const [certificate, certFile, keyFile] = ['both', 'cert', 'key'].map((name) =>
      join(folder, `${name}.pem`),
    ) as [string, string, string];
    writeFileSync(certificate, cert + key);
    writeFileSync(certFile, cert);
    writeFileSync(keyFile, key);
    // HAProxy and nginx look whether it is really the node: by the name in its certificate.
    const place = await setUp(kind, {
      keys: ['--tls-cert', certFile, '--tls-key', keyFile],
      args: ['--certificate', certificate, '--upstream', 'localhost', '--upstream-ca', certFile],
    });
    try {
      const { url } = place.proxy;
      const polling = `${url}/socket.io/?EIO=4&transport=polling`;
      expect((await fetch(polling, { tls: { ca: cert } })).status).toBe(200);
      const socket = new WebSocket(`${url.replace('https', 'wss')}/ws`, { tls: { ca: cert } });
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      socket.onmessage = ({ data }) => resolve(String(data));
      socket.onerror = () => reject(new Error('the WebSocket failed'));
      expect(JSON.parse(await promise)).toMatchObject({ type: 'connect' });
      socket.close();
    } finally {
      await tearDown(place);
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test.skipIf(!program.available).each(['source', 'hash'])(
    program.title('with --sticky %s a client has one worker'),
    async (sticky) => {
      const place = await setUp(kind, { args: ['--sticky', sticky] });
      const clients = new Clients();
      try {
        const sockets = await many(() => clients.connect(place.proxy.url));
        await Promise.all(sockets.map(upgraded));
        const workers = await Promise.all(sockets.map((socket) => ask<number>(socket, 'worker')));
        expect(new Set(workers).size).toBe(1);
        const metrics = await (await place.node.admin('/metrics')).text();
        const forwarded = metrics.matchAll(/^holdfast_requests_forwarded_total\{.*\} (\d+)$/gm);
        expect([...forwarded].map(([, value]) => value)).toEqual(['0', '0', '0']);
      } finally {
        clients.close();
        await tearDown(place);
      }
    },
  );
});

test.skipIf(!PROGRAMS.haproxy.available)(
  PROGRAMS.haproxy.title('with --sticky cookie HAProxy has a client come back'),
  async () => {
    const place = await setUp('haproxy', { args: ['--sticky', 'cookie'] });
    try {
      const first = await fetch(`${place.proxy.url}/socket.io/?EIO=4&transport=polling`);
      const cookie = first.headers.get('set-cookie') ?? '';
      expect(cookie).toMatch(/^holdfast_worker=n0w[012]; path=\/; HttpOnly$/);
      const { sid } = JSON.parse((await first.text()).slice(1)) as { sid: string };
      const headers = { cookie: cookie.split(';')[0] ?? '' };
      const join = await fetch(`${place.proxy.url}/socket.io/?EIO=4&transport=polling&sid=${sid}`, {
        method: 'POST',
        body: '40',
        headers,
      });
      expect([join.status, join.headers.get('set-cookie')]).toEqual([200, null]);
      const metrics = await (await place.node.admin('/metrics')).text();
      const forwarded = metrics.matchAll(/^holdfast_requests_forwarded_total\{.*\} (\d+)$/gm);
      expect([...forwarded].map(([, value]) => value)).toEqual(['0', '0', '0']);
    } finally {
      await tearDown(place);
    }
  },
);

test.skipIf(!PROGRAMS.haproxy.available)(
  PROGRAMS.haproxy.title('in front of two nodes clients stay on theirs, and go over when it dies'),
  async () => {
    const hosts = ['127.0.0.1', '127.0.0.2'];
    const ports = ['--worker-ports', '--worker-port-base', String(freePorts(2))];
    // HAProxy does not start where it may not open the files for all clients.
    const keys = [...ports, '--max-sessions-per-worker', '100'];
    const nodes = await Promise.all(
      hosts.map((host) =>
        HoldfastProcess.start({ app: APP, workers: 2, args: [...keys, '--host', host] }),
      ),
    );
    const args = [...keys, '--workers', '2', '--upstream', ...hosts, '--sticky', 'source'];
    const proxy = await GeneratedProxy.start('haproxy', PROGRAMS.haproxy.path, args);
    const clients = new Clients();
    try {
      const sockets = await many((number) => {
        const transports = number % 2 ? ['polling'] : ['polling', 'websocket'];
        return clients.connect(proxy.url, { transports, reconnectionDelayMax: 500 });
      });
      expect(await Promise.all(sockets.map((socket) => ask(socket, 'echo', 1)))).toEqual(
        sockets.map(() => 1),
      );
      const counts = async (): Promise<readonly number[]> =>
        Promise.all(nodes.map(async (node) => (await node.load()).connections));
      const before = await eventually('the nodes have counted', counts, (all) =>
        all.includes(CLIENTS),
      );
      // All have one address, and therefore one node.
      expect(before.toSorted((a, b) => a - b)).toEqual([0, CLIENTS]);
      const dying = before.indexOf(CLIENTS);
      const alive = nodes[1 - dying] as HoldfastProcess;
      await nodes[dying]?.[Symbol.asyncDispose]();
      await eventually(
        'all have gone over',
        async () => (await alive.load()).connections,
        (count) => count === CLIENTS,
      );
      expect(await Promise.all(sockets.map((socket) => ask(socket, 'echo', 2)))).toEqual(
        sockets.map(() => 2),
      );
      await proxy[Symbol.asyncDispose]();
      await alive.stop();
    } finally {
      clients.close();
      await proxy[Symbol.asyncDispose]();
      for (const node of nodes) await node[Symbol.asyncDispose]();
    }
  },
);
