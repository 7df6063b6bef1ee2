/** Contestants that are programs of their own: nchan as installed, Centrifugo by a stand-in. */
import { afterEach, describe, expect, test } from 'bun:test';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { Crowd } from '../load/crowd.ts';
import { Children } from '../measure/children.ts';
import { HEARTBEAT_SECONDS, RESERVED_FILES } from '../measure/limits.ts';
import { CENTRIFUGO_PATH, centrifugo, centrifugoConfiguration } from './centrifugo.ts';
import { http } from './http.ts';
import { nchan as nchanOf } from './nchan.ts';

const SESSIONS = 40;
const children = new Children();
const sockets: WebSocket[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.close();
  await children.stopAll();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A client that has heard as many messages as it waits for. */
class Listener {
  readonly heard: string[] = [];
  readonly #socket: WebSocket;
  #told: () => void = () => {};

  constructor(url: string) {
    this.#socket = new WebSocket(url);
    sockets.push(this.#socket);
    this.#socket.onmessage = ({ data }) => {
      this.heard.push(String(data));
      this.#told();
    };
  }

  async opened(): Promise<void> {
    if (this.#socket.readyState === WebSocket.OPEN) return;
    await new Promise((resolve, reject) => {
      this.#socket.onopen = resolve;
      this.#socket.onerror = reject;
    });
  }

  async messages(count: number): Promise<readonly string[]> {
    while (this.heard.length < count) {
      await new Promise<void>((resolve) => {
        this.#told = resolve;
      });
    }
    return this.heard;
  }
}

const temporary = (prefix: string): string[] =>
  readdirSync(tmpdir()).filter((name) => name.startsWith(prefix));
const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`);

describe('nchan', () => {
  const nchan = nchanOf('websocket');
  const reason = nchan.unavailable?.();
  const title = 'delivers to all, measures the worker, and leaves nothing behind';
  test.skipIf(reason !== undefined)(reason ? `${title} (${reason})` : title, async () => {
    const before = temporary('holdfast-bench-nchan-');
    const running = await nchan.start(children);
    const listeners = [new Listener(running.url), new Listener(running.url)];
    await Promise.all(listeners.map((listener) => listener.opened()));

    await running.broadcast(3);
    for (const listener of listeners) {
      const heard = await listener.messages(3);
      expect(new Set(heard.map((text) => Number.parseInt(text, 10)))).toEqual(new Set([1, 2, 3]));
      expect(heard.map(({ length }) => length)).toEqual([100, 100, 100]);
    }
    // The worker holds the connections: its parent is the other process.
    const status = await Bun.file(`/proc/${running.pid}/status`).text();
    expect(Number(/^PPid:\s+(\d+)/m.exec(status)?.[1])).toBe(running.otherPids[0] as number);

    await running.stop();
    expect([running.pid, ...running.otherPids].filter(isAlive)).toEqual([]);
    expect(temporary('holdfast-bench-nchan-')).toEqual(before);
    expect(nchan.version?.()).toMatch(/^nginx\/\d.*, libnginx-mod-nchan /);
  });
});

describe('streams and polls', () => {
  const all = [
    ...(['sse', 'stream', 'poll'] as const).map(http),
    ...(['sse', 'poll'] as const).map(nchanOf),
  ];
  for (const contestant of all) {
    const reason = contestant.unavailable?.();
    const title = `${contestant.name}: a crowd hears bursts, leaves, and comes again`;
    test.skipIf(reason !== undefined)(reason ? `${title} (${reason})` : title, async () => {
      const { protocol } = contestant;
      const running = await contestant.start(children);
      const crowd = new Crowd({ url: running.url, protocol }, RESERVED_FILES + 2 * SESSIONS);
      try {
        for (let round = 0; round < 2; round++) {
          await crowd.fill(SESSIONS);
          const { deliveries } = crowd.counters(0);
          await running.broadcast(5);
          await crowd.delivered(deliveries + 5 * SESSIONS);
          await crowd.leave();
        }
        expect(crowd.counters(0)).toMatchObject({ failures: 0, lost: 0, cut: 0 });
      } finally {
        crowd.stop();
        await running.stop();
      }
    });
  }
});

/**
 * Takes what Centrifugo's documentation says that it takes, from the configuration that it is
 * given, and refuses everything else: it shows our side, not Centrifugo's.
 */
const STAND_IN = `#!${process.execPath}
const [flag, file] = process.argv.slice(2);
if (flag !== '--config') process.exit(2);
const config = JSON.parse(require('node:fs').readFileSync(file, 'utf8'));
const server = Bun.serve({
  hostname: config.http_server.address,
  port: config.http_server.port,
  fetch(request, self) {
    const url = new URL(request.url);
    if (url.pathname !== '/connection/uni_websocket') return new Response('', { status: 404 });
    const { subs } = JSON.parse(url.searchParams.get('cf_connect'));
    return self.upgrade(request, { data: Object.keys(subs) }) ? undefined : new Response('');
  },
  websocket: {
    open(socket) {
      for (const channel of socket.data) socket.subscribe(channel);
      socket.send('{"connect":{}}');
    },
    message() {},
  },
});
Bun.serve({
  hostname: config.http_server.internal_address,
  port: Number(config.http_server.internal_port),
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === '/health') return new Response('{}');
    const mayPublish = request.headers.get('x-api-key') === config.http_api.key;
    if (pathname !== '/api/publish' || !mayPublish) return new Response('', { status: 401 });
    const { channel, data } = await request.json();
    server.publish(channel, JSON.stringify({ channel, pub: { data } }));
    return new Response('{"result":{}}');
  },
});
`;

function standIn(script: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
  folders.push(folder);
  const binary = join(folder, 'centrifugo');
  writeFileSync(binary, script);
  chmodSync(binary, 0o755);
  return binary;
}

describe('Centrifugo', () => {
  test('gets its configuration, subscriptions by URL, and messages with its key', async () => {
    const before = temporary('holdfast-bench-centrifugo-');
    const running = await centrifugo(standIn(STAND_IN)).start(children);
    const listener = new Listener(running.url);
    await listener.messages(1);
    await running.broadcast(2);
    const [connect, ...heard] = await listener.messages(3);
    expect(connect).toBe('{"connect":{}}');
    const payloads = heard.map((text) => (JSON.parse(text) as { pub: { data: string } }).pub.data);
    expect(payloads.toSorted()).toEqual(['1'.padEnd(100, '.'), '2'.padEnd(100, '.')]);
    await running.stop();
    expect(isAlive(running.pid)).toBe(false);
    expect(temporary('holdfast-bench-centrifugo-')).toEqual(before);
  });

  test('starts by a path that is relative to where the benchmark was started', async () => {
    const path = relative(process.cwd(), standIn(STAND_IN));
    const contestant = centrifugo(path);
    expect([path.startsWith('..'), contestant.unavailable?.()]).toEqual([true, undefined]);
    const running = await contestant.start(children);
    await new Listener(running.url).messages(1);
    await running.stop();
  });

  test('says what the program said when it does not start', async () => {
    const broken = standIn('#!/bin/sh\necho "unknown option uni_websocket"\nexit 1\n');
    const before = temporary('holdfast-bench-centrifugo-');
    const error = await centrifugo(broken)
      .start(children)
      .then(() => undefined, String);
    expect(error).toContain(
      'centrifugo ended before it was ready; it said: unknown option uni_websocket',
    );
    expect(temporary('holdfast-bench-centrifugo-')).toEqual(before);
  });

  test('admits anonymous clients to its channel, with ping frames as the only heartbeat', () => {
    const { client, channel } = centrifugoConfiguration({ client: 1, internal: 2 });
    expect(client).toMatchObject({ allow_anonymous_connect_without_token: true });
    // Its own interval of ping frames, which then holds, is that of the others.
    expect(client).toMatchObject({ ping_interval: '-1s', pong_timeout: '-2s' });
    expect(HEARTBEAT_SECONDS).toBe(25);
    expect(channel).toEqual({
      without_namespace: { allow_subscribe_for_client: true, allow_subscribe_for_anonymous: true },
    });
    const query = new URL(`http://localhost${CENTRIFUGO_PATH}`).searchParams.get('cf_connect');
    expect(JSON.parse(query ?? '')).toEqual({ subs: { all: {} } });
  });
});
