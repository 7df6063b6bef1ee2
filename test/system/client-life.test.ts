/**
 * What single unmodified clients rely on: refusals, reasons, namespaces over one connection,
 * reconnection, base64, pages of other origins.
 */

import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from 'bun:test';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import type { Socket } from 'socket.io-client';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { RawPolling } from '../support/raw-polling.ts';
import { openWebSocket } from '../support/raw-websocket.ts';
import { requirement } from '../support/requires.ts';
import { ask, Clients, heard, type Identity, joined, refusal, upgraded } from './clients.ts';
import { Crowd } from './crowd.ts';
import { eventually } from './eventually.ts';

const TRANSPORTS = [['polling'], ['websocket']] as const;
const LISTED = 'https://listed.example';

setDefaultTimeout(60_000);

const browser = requirement('chromium');
const clients = new Clients();
/** A page of another origin; its port must be known before the node starts. */
const page = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: answerPage });
const pageOrigin = `http://127.0.0.1:${page.port}`;
let node: HoldfastProcess;

/** A client that polls may learn it from the next request it makes. */
const CLOSED_BY_SERVER = ['io server disconnect', 'transport close', 'transport error'];

type Ending = readonly [
  name: string,
  clientReasons: readonly string[],
  serverReason: string,
  end: (socket: Socket) => unknown,
];

interface Left {
  readonly user: string;
  readonly namespace: string;
  readonly reason: string;
}

beforeAll(async () => {
  node = await HoldfastProcess.start({
    app: join(import.meta.dir, 'system-app.ts'),
    config: { pingIntervalMs: 500, pingTimeoutMs: 1000, corsOrigins: [LISTED, pageOrigin] },
  });
}, 60_000);

afterEach(() => clients.close());

afterAll(async () => {
  await page.stop(true);
  await node.stop();
}, 60_000);

describe('a client that takes only base64', () => {
  test.each(TRANSPORTS)('passes bytes both ways over %p', async (transport) => {
    const socket = await clients.connect(node.url, { forceBase64: true, transports: [transport] });
    const bytes = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 256));
    expect(await ask<{ at: Buffer }>(socket, 'echo', { at: bytes })).toEqual({ at: bytes });
    socket.on('bytes', (_nested: unknown, back: Buffer, answer: (back: Buffer) => void) =>
      answer(back),
    );
    expect(await ask<boolean>(socket, 'askForBytes', 70_000)).toBe(true);
  });
});

describe('a namespace that authenticates', () => {
  test.each(TRANSPORTS)('refuses and admits over %p', async (transport) => {
    const options = { transports: [transport], auth: { token: 'wrong' } };
    const socket = clients.open(`${node.url}/members`, options);
    const error = await refusal(socket);
    expect([error.message, error.data]).toEqual(['wrong token', { retry: false }]);
    expect(socket.connected).toBe(false);

    socket.auth = { token: 'right' };
    socket.connect();
    await joined(socket);
    expect(await ask<Identity>(socket, 'whoami')).toMatchObject({
      id: socket.id as string,
      user: 'member',
      rooms: ['lounge'],
      transport,
    });
  });

  test('that fails by a fault of the app tells nothing of it, and the log everything', async () => {
    const error = await refusal(clients.open(`${node.url}/faulty`));
    expect(error.message).toBe('internal error');
    await node.logged('why', ({ msg, error: why }) => {
      return msg === "handler 'authenticate' failed" && String(why).includes('TypeError');
    });
  });

  test('survives a `connected` that throws', async () => {
    const auth = { missing: { user: 'u' } };
    const socket = await clients.connect(`${node.url}/faulty`, { auth });
    expect(socket.connected).toBe(true);
    await node.logged('so', ({ msg, error }) => {
      return msg === "handler 'connected' failed" && String(error).includes('on purpose');
    });
  });

  test('that does not exist is refused', async () => {
    const error = await refusal(clients.open(`${node.url}/nowhere`));
    expect(error.message).toBe('Invalid namespace');
  });
});

describe('both sides learn why a session ended', () => {
  const endings: readonly Ending[] = [
    ['the client leaves', ['io client disconnect'], 'client namespace disconnect', leave],
    ['the server sends it away', ['io server disconnect'], 'server namespace disconnect', sendAway],
    // The client's own race, with the reference server too: the close overtakes the DISCONNECT.
    ['the server ends it all', CLOSED_BY_SERVER, 'server namespace disconnect', endAll],
    ['the connection closes', ['forced close'], 'transport close', (it) => it.io.engine.close()],
    ['the client breaks the protocol', CLOSED_BY_SERVER, 'parse error', sendGarbage],
  ];

  describe.each(TRANSPORTS)('over %p', (transport) => {
    test.each(endings)('when %s', async (_name, clientReasons, serverReason, end) => {
      const watcher = await clients.connect(node.url, { auth: { rooms: ['watchers'] } });
      const user = crypto.randomUUID();
      const options = { transports: [transport], reconnection: false, auth: { user } };
      const socket = await clients.connect(node.url, options);
      const left = heard<Left>(watcher, 'left');
      const told = heard<string>(socket, 'disconnect');
      end(socket);
      expect(clientReasons).toContain(await told);
      expect(await left).toEqual({ user, namespace: '/', reason: serverReason });
    });
  });

  test('also a client that polls later', async () => {
    const watcher = await clients.connect(node.url, { auth: { rooms: ['watchers'] } });
    const left = heard<Left>(watcher, 'left');
    const session = await RawPolling.open({ url: node.url, freshConnections: true });
    await session.post('40');
    expect(await session.next('the answer to CONNECT')).toStartWith('40{');
    await session.post('42["operate","session",[["disconnect",true]]]');
    expect(await left).toMatchObject({ reason: 'server namespace disconnect' });
    expect(await session.next('the DISCONNECT packet')).toBe('41');
  });

  test('when the client falls silent; it comes back by itself', async () => {
    const watcher = await clients.connect(node.url, { auth: { rooms: ['watchers'] } });
    await using crowd = new Crowd();
    await crowd.connect(node.url, [{ auth: { user: 'sleeper' }, transports: ['websocket'] }]);
    const left = heard<Left>(watcher, 'left');
    process.kill(crowd.pid, 'SIGSTOP');
    expect(await left).toEqual({ user: 'sleeper', namespace: '/', reason: 'ping timeout' });
    process.kill(crowd.pid, 'SIGCONT');
    const [state] = await eventually(
      'the client is back',
      () => crowd.states(),
      ([sleeper]) => sleeper?.connects === 2,
    );
    expect(['transport close', 'ping timeout']).toContain(state?.disconnects[0] ?? '');
  });
});

describe('namespaces over one connection', () => {
  test('share it, and end one by one', async () => {
    const main = await clients.connect(node.url);
    await upgraded(main);
    const members = main.io.socket('/members', { auth: { token: 'right' } });
    await joined(members);
    expect(members.id).not.toBe(main.id as string);
    await eventually(
      'the node counts one connection',
      () => node.load(),
      ({ connections }) => connections === 1,
    );

    expect(await ask<string>(members, 'echo', 'members')).toBe('members');
    const news = heard<string>(members, 'news');
    await node.send('for members', '--namespace', '/members', '--event', 'news');
    expect(await news).toBe('for members');

    const told = heard<string>(members, 'disconnect');
    members.emit('operate', 'session', [['disconnect']]);
    expect(await told).toBe('io server disconnect');
    expect(await ask<string>(main, 'echo', 'main')).toBe('main');
  });

  test('forceNew gives each a connection of its own', async () => {
    const [first, second] = await Promise.all([
      clients.connect(node.url),
      clients.connect(`${node.url}/members`, { auth: { token: 'right' } }),
    ]);
    expect(first.io).not.toBe(second.io);
    await eventually(
      'the node counts both',
      () => node.load(),
      ({ connections }) => connections === 2,
    );
  });

  test('`disconnect(true)` tells each of them before the connection closes', async () => {
    const { socket } = await openWebSocket(node.url);
    socket.send('40');
    expect(await socket.text('the answer to CONNECT')).toStartWith('40{');
    socket.send('40/members,{"token":"right"}');
    expect(await socket.text('the other answer')).toStartWith('40/members,{');
    socket.send('42["operate","session",[["disconnect",true]]]');
    const told = [await socket.text('a DISCONNECT'), await socket.text('the other DISCONNECT')];
    expect(told.sort()).toEqual(['41', '41/members,']);
    expect((await socket.closed).code).toBe(1000);
  });
});

describe('a client whose connection the server closed', () => {
  test.each([['polling'], ['websocket'], ['both']])('comes back (%s)', async (name) => {
    const transports = name === 'both' ? ['polling', 'websocket'] : [name];
    const socket = await clients.connect(node.url, { transports, reconnectionDelay: 10 });
    if (name === 'both') await upgraded(socket);
    const firstId = socket.id;
    const told = heard<string>(socket, 'disconnect');
    sendGarbage(socket);
    expect(CLOSED_BY_SERVER).toContain(await told);
    await joined(socket);
    expect(socket.id).not.toBe(firstId as string);
    expect(await ask<string>(socket, 'echo', 'back')).toBe('back');
  });
});

describe('a page of another origin', () => {
  test.each(TRANSPORTS)('may connect when it is listed (%p)', async (transport) => {
    const options = { transports: [transport], reconnection: false };
    const headers = (origin: string) => ({ extraHeaders: { origin } });
    const listed = await clients.connect(node.url, { ...options, ...headers(LISTED) });
    expect(listed.connected).toBe(true);
    const other = clients.open(node.url, { ...options, ...headers('https://other.example') });
    await refusal(other);
    expect(other.connected).toBe(false);
  });

  test.skipIf(!browser.available)(
    browser.title('connects and upgrades in a real browser'),
    async () => {
      const args = ['--no-sandbox', '--disable-gpu', '--no-first-run'];
      const program = await chromium.launch({ executablePath: browser.path, args });
      try {
        const tab = await program.newPage();
        await tab.goto(`${pageOrigin}/?node=${encodeURIComponent(node.url)}`);
        await tab.waitForFunction('document.title !== ""', undefined, { timeout: 15_000 });
        expect(await tab.title()).toBe('websocket: hello across origins');
      } finally {
        await program.close();
      }
    },
    60_000,
  );
});

function answerPage(request: Request): Response {
  const node = new URL(request.url).searchParams.get('node') ?? '';
  const html = `<!doctype html><script src="${node}/socket.io/socket.io.min.js"></script><script>
    const socket = io('${node}');
    socket.on('connect_error', (error) => { document.title = String(error); });
    socket.io.engine.on('upgrade', async ({ name }) => {
      document.title = name + ': ' + await socket.emitWithAck('echo', 'hello across origins');
    });
  </script>`;
  return new Response(html, { headers: { 'content-type': 'text/html' } });
}

function leave(socket: Socket): void {
  socket.disconnect();
}

function sendAway(socket: Socket): void {
  socket.emit('operate', 'session', [['disconnect']]);
}

function endAll(socket: Socket): void {
  socket.emit('operate', 'session', [['disconnect', true]]);
}

/** A packet of a type that does not exist. */
function sendGarbage(socket: Socket): void {
  socket.io.engine.write('9');
}
