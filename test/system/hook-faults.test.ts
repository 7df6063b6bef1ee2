/** Hooks of the real command when their backend does not do as it should. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { io } from 'socket.io-client';
import { connect, type TransportName } from '../../src/client/index.ts';
import type { Config } from '../../src/host/config/schema.ts';
import { LIMITS } from '../../src/server/core/limits/limits.ts';
import type { Reason } from '../../src/server/core/limits/reasons.ts';
import { makeCertificate } from '../support/certificates.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import {
  HOOK_SECRET,
  HookBackend,
  type HookBody,
  RawBackend,
  rawAnswer,
} from '../support/hook-backend.ts';
import { openPlain, PLAIN_KINDS, type PlainClient } from '../support/plain-client.ts';
import type { Message } from '../support/plain-messages.ts';
import { eventually } from './eventually.ts';

const TRANSPORTS: readonly TransportName[] = ['websocket', 'sse', 'stream', 'polling'];
const APP = join(import.meta.dir, 'hooks-app.ts');
/** Longer than a busy machine takes for a call that is answered. */
const TIMEOUT_MS = 1_500;
const CONFIG = {
  hookSecret: HOOK_SECRET,
  hookCalls: ['connect', 'event', 'join', 'disconnect'],
  hookTimeoutMs: TIMEOUT_MS,
  allowAnonymous: true,
} satisfies Partial<Config>;

setDefaultTimeout(60_000);

function start(
  config: Partial<Config>,
  env: Readonly<Record<string, string>> = {},
): Promise<HoldfastProcess> {
  return HoldfastProcess.start({ app: APP, workers: 1, config: { ...CONFIG, ...config }, env });
}

function open(node: HoldfastProcess, rooms: readonly string[] = []): Promise<PlainClient> {
  return openPlain({ url: node.url, freshConnections: true }, 'websocket', { rooms });
}

async function faultOf(promise: Promise<unknown>): Promise<string> {
  return String(await promise.catch((fault: unknown) => fault));
}

/** The sum of all workers. */
async function metric(node: HoldfastProcess, name: string, label = ''): Promise<number> {
  const text = await (await node.admin('/metrics')).text();
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`));
  const found = lines.filter((line) => line.includes(label));
  return found.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

function refused(node: HoldfastProcess, reason: Reason): Promise<number> {
  return metric(node, 'holdfast_refusals_total', `reason="${reason}"`);
}

/** What a call gets when all is well, by what it is. */
const GOOD = { connect: { allow: true, user: 'u' }, join: { allow: true }, event: { ack: ['ok'] } };

function behaveWell(socket: Socket, text: string): void {
  const kind = /"call":"(\w+)"/.exec(text)?.[1] as keyof typeof GOOD;
  socket.end(rawAnswer(JSON.stringify(GOOD[kind] ?? {})));
}

/** Writes for as long as anybody reads. */
function writeOn(socket: Socket): void {
  socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n["');
  const more = (): void => {
    while (!socket.destroyed && socket.write('x'.repeat(65_536)));
  };
  socket.on('drain', more);
  more();
}

const WHOLE = rawAnswer('{"allow":true,"user":"u"}');

/** What a backend does wrong, and what that is called. */
const FAULTS: readonly [string, Reason, (socket: Socket) => void][] = [
  ['is slow', 'hookTimeout', () => {}],
  ['answers half', 'hookUnreachable', (socket) => socket.end(WHOLE.slice(0, -5))],
  ['breaks off', 'hookUnreachable', (socket) => socket.destroy()],
  ['resets', 'hookUnreachable', (socket) => socket.resetAndDestroy()],
  ['speaks no HTTP', 'hookUnreachable', (socket) => socket.end('220 smtp.example.com\r\n')],
  [
    'redirects',
    'hookStatus',
    (socket) => socket.end(WHOLE.replace('200 OK', '307 There\r\nlocation: http://127.0.0.1:1/')),
  ],
  ['fails', 'hookStatus', (socket) => socket.end(rawAnswer('{}', undefined, '500 No'))],
  ['answers rubbish', 'hookAnswer', (socket) => socket.end(rawAnswer('<h1>hello</h1>'))],
  ['answers a page', 'hookAnswer', (socket) => socket.end(rawAnswer('{}', 'text/html'))],
  ['never stops', 'hookAnswer', writeOn],
];

/** A yes that is none, and noes that are none of the shapes. */
const NOES: readonly [string, Reason, string][] = [
  ['misspells', 'hookShape', rawAnswer('{"alow":false}')],
  ['adds something', 'hookShape', rawAnswer('{"allow":true,"ack":[],"admin":true}')],
  ['answers a list', 'hookShape', rawAnswer('[]')],
  ['finds the signature wrong', 'hookStatus', rawAnswer('{}', undefined, '401 No')],
  ['does not know the path', 'hookStatus', rawAnswer('{}', undefined, '404 No')],
];

describe.each<[string, Config['hookAllowOnFailure']]>([
  ['refuse', []],
  ['allow', ['connect', 'event', 'join']],
])('where failures %s, a backend that', (policy, hookAllowOnFailure) => {
  const isAllowed = policy === 'allow';
  /** The reasons of those tests that ran, whatever their order. */
  const expected: Reason[] = [];
  let behave: (socket: Socket, text: string) => void = behaveWell;
  let backend: RawBackend;
  let node: HoldfastProcess;

  beforeAll(async () => {
    backend = await RawBackend.listen((socket, text) => behave(socket, text));
    node = await start({ hookUrl: backend.url, hookAllowOnFailure });
  });

  /** Asks everything while the backend does wrong. @returns what came of it */
  async function askAll(
    wrong: (socket: Socket, text: string) => void,
    isSlow = false,
  ): Promise<readonly string[]> {
    behave = behaveWell;
    const client = await open(node);
    // In between, so that there are never so many failures in a row that the circuit opens.
    const isWell = async (id: number): Promise<void> => {
      behave = behaveWell;
      await client.send({ type: 'event', event: 'x', id });
      expect(await client.next()).toMatchObject({ type: 'ack', id, args: ['ok'] });
    };
    try {
      behave = wrong;
      const opened = await faultOf(open(node).then((other) => other.close()));
      await isWell(1);
      behave = wrong;
      await client.send(
        { type: 'event', event: 'x', id: 2 },
        { type: 'join', room: 'a', id: 3 },
        { type: 'event', event: 'own', id: 4 },
      );
      const answers: Message[] = [];
      while (answers.length < 3) answers.push(await client.next());
      const [event, joined, own] = [2, 3, 4].map((id) => answers.find((one) => one['id'] === id));
      expect(own).toMatchObject({ type: 'ack', args: ['of the app'] });
      // What is for the app does not wait for a backend that is slow.
      if (isSlow) expect(answers[0]).toEqual(own as Message);
      await isWell(5);
      return [opened, ...[event, joined].map((answer) => JSON.stringify(answer))];
    } finally {
      behave = behaveWell;
      await client.close();
    }
  }

  test.each(FAULTS)('%s', async (_name, reason, wrong) => {
    expected.push(reason);
    const [opened, event, joined] = await askAll(wrong, reason === 'hookTimeout');
    if (isAllowed) {
      expect(opened).toBe('undefined');
      expect(event).toBe('{"type":"ack","id":2,"args":[]}');
      expect(joined).toBe('{"type":"ack","id":3,"args":[]}');
    } else {
      expect(opened).toContain('"retry":');
      expect(event).toContain('this cannot be answered now');
      expect(joined).toContain('this cannot be answered now');
    }
    expect((await fetch(`${node.url}/health`)).status).toBe(200);
  });

  test.each(NOES)('%s has said no', async (_name, reason, bytes) => {
    expected.push(reason);
    const [opened, event, joined] = await askAll((socket) => socket.end(bytes));
    expect(opened).toContain('not authenticated');
    expect(event).toContain('"type":"error"');
    expect(joined).toContain('joinForbidden');
  });

  afterAll(async () => {
    for (const [reason, times] of Object.entries(Object.groupBy(expected, (one) => one))) {
      await eventually(
        `${reason} is counted`,
        () => refused(node, reason as Reason),
        (count) => count >= 3 * times.length,
      );
      const said = await eventually(
        `${reason} is said`,
        () => node.log.filter((entry) => entry['reason'] === reason).length,
        (count) => count > 0,
      );
      expect(said).toBeLessThan(3 * times.length);
    }
    await node.stop();
    await backend[Symbol.asyncDispose]();
  });
});

describe('a backend that is down', () => {
  test('is left alone, and found again', async () => {
    let backend = new HookBackend(({ call }) => GOOD[call as keyof typeof GOOD] ?? {});
    const { port, url } = backend;
    await using node = await start({ hookUrl: url });
    const client = await open(node);
    const gone = await open(node);
    await backend[Symbol.asyncDispose]();
    await gone.close();
    for (let id = 0; id < LIMITS.hookCircuitFailures; id++) {
      await client.send({ type: 'event', event: 'x', id });
      expect(await client.next()).toMatchObject({ type: 'error', id });
    }
    const isOpen = (): Promise<number> => metric(node, 'holdfast_hook_circuit_open');
    await eventually('the circuit opens', isOpen, (open) => open === 1);
    await client.send({ type: 'event', event: 'x', id: 99 });
    expect(await client.next()).toMatchObject({ type: 'error', id: 99 });
    backend = new HookBackend(({ call }) => GOOD[call as keyof typeof GOOD] ?? {}, port);
    const answered = async (): Promise<string> => {
      await client.send({ type: 'event', event: 'x', id: 100 });
      return (await client.next()).type;
    };
    await eventually('events are answered', answered, (type) => type === 'ack');
    await eventually('the circuit closes', isOpen, (open) => open === 0);
    const told = await eventually(
      'the end is told',
      () => backend.asked('disconnect'),
      (all) => all.length > 0,
    );
    expect(told).toMatchObject([{ session: gone.id, user: 'u' }]);
    expect(await refused(node, 'hookCircuit')).toBeGreaterThan(0);
    await client.close();
    await backend[Symbol.asyncDispose]();
  });

  test.each(PLAIN_KINDS)('keeps nobody who comes over %s away for good', async (kind) => {
    await using node = await start({ hookUrl: 'http://127.0.0.1:1/' });
    const endpoint = { url: node.url, freshConnections: false };
    expect(await faultOf(openPlain(endpoint, kind))).toContain('"retry":');
    expect((await fetch(`${node.url}/ready`)).status).toBe(200);
  });

  test('lets the small client come again, by each transport', async () => {
    const { port, url } = await closedBackend();
    await using node = await start({ hookUrl: url });
    const clients = TRANSPORTS.map((transport) => connect(node.url, { transports: [transport] }));
    await eventually(
      'they are sent away',
      () => refused(node, 'hookFailed'),
      (count) => count >= clients.length,
    );
    await using backend = new HookBackend(({ call }) => GOOD[call as keyof typeof GOOD], port);
    await eventually(
      'they are in',
      () => clients.map(({ state }) => state),
      (states) => states.every((state) => state === 'open'),
    );
    expect(backend.asked('connect').length).toBeGreaterThanOrEqual(clients.length);
    for (const client of clients) client.close();
  });

  test.each(['polling', 'websocket'])('lets Socket.IO come again by %s', async (transport) => {
    const { port, url } = await closedBackend();
    await using node = await start({ hookUrl: url });
    const refusals: string[] = [];
    const options = { transports: [transport], forceNew: true, reconnectionDelay: 200 };
    const socket = io(node.url, options);
    socket.on('connect_error', ({ message }) => void refusals.push(message));
    await eventually(
      'it is sent away',
      () => refused(node, 'hookFailed'),
      (count) => count > 0,
    );
    await using backend = new HookBackend(({ call }) => GOOD[call as keyof typeof GOOD], port);
    await eventually(
      'it is in',
      () => socket.connected,
      (isIn) => isIn,
    );
    // That one comes of a poll whose session is over, and is no word of the server.
    expect(refusals.filter((message) => message !== 'xhr poll error')).toEqual([]);
    expect(backend.asked('connect').length).toBeGreaterThan(0);
    socket.close();
  });
});

/** The port of a backend that is not there yet. */
async function closedBackend(): Promise<{ readonly port: number; readonly url: string }> {
  await using backend = new HookBackend();
  const { port, url } = backend;
  return { port, url };
}

test('whose time runs out while a backend is away is asked again', async () => {
  let isAway = false;
  await using backend = new HookBackend(({ call, user }) => {
    if (isAway) return new Response('', { status: 500 });
    const seconds = user === undefined ? 8 : 60;
    const expiresAt = Math.floor(Date.now() / 1_000) + seconds;
    return call === 'connect' ? { allow: true, user: 'ada', expiresAt } : { ack: ['ok'] };
  });
  await using node = await start({ hookUrl: backend.url, refreshMs: 6_000 });
  const client = await open(node);
  isAway = true;
  expect(await client.next('a question', 10_000)).toMatchObject({ type: 'refresh' });
  await client.send({ type: 'auth', auth: { try: 1 }, id: 1 });
  expect(await client.next()).toMatchObject({ type: 'ack', id: 1 });
  await eventually(
    'it is asked',
    () => backend.asked('connect').at(-1)?.['auth'],
    (auth) => JSON.stringify(auth) === '{"try":1}',
  );
  isAway = false;
  expect(await client.next('another question', 10_000)).toMatchObject({ type: 'refresh' });
  await client.send({ type: 'auth', auth: { try: 2 }, id: 2 });
  expect(await client.next()).toMatchObject({ type: 'ack', id: 2 });
  // Until its first time would be over.
  await Bun.sleep(8_000);
  await client.send({ type: 'event', event: 'x', id: 3 });
  expect(await client.next()).toMatchObject({ type: 'ack', id: 3 });
  expect(backend.asked('connect').at(-1)).toMatchObject({ user: 'ada', auth: { try: 2 } });
  await client.close();
});

test('over TLS a backend needs a certificate that is trusted', async () => {
  const certificate = makeCertificate();
  const answers = ({ call }: HookBody): unknown => GOOD[call as keyof typeof GOOD] ?? {};
  await using backend = new HookBackend(answers, 0, certificate);
  expect(backend.url).toStartWith('https://');
  await using stranger = await start({ hookUrl: backend.url });
  expect(await faultOf(open(stranger))).toContain('"retry":');
  expect(backend.calls).toEqual([]);
  await eventually(
    'it is counted',
    () => refused(stranger, 'hookUnreachable'),
    (count) => count > 0,
  );
  const folder = mkdtempSync(join(tmpdir(), 'hook-faults-'));
  const file = join(folder, 'cert.pem');
  writeFileSync(file, certificate.cert);
  try {
    const env = { NODE_EXTRA_CA_CERTS: file };
    await using node = await start({ hookUrl: backend.url }, env);
    const client = await open(node);
    expect(client.connect.user).toBe('u');
    await client.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('200 clients at once have four calls at a time', async () => {
  await using backend = new HookBackend(async ({ call }) => {
    await Bun.sleep(2);
    return GOOD[call as keyof typeof GOOD] ?? {};
  });
  const config = { hookUrl: backend.url, hookConcurrency: 4, hookTimeoutMs: 20_000 };
  await using node = await start(config);
  const clients = await Promise.all(Array.from({ length: 200 }, () => open(node, ['a'])));
  expect(backend.asked('connect')).toHaveLength(200);
  expect(backend.asked('join')).toHaveLength(200);
  expect(backend.mostAtOnce).toBe(4);
  await Promise.all(clients.map((client) => client.close()));
  await eventually(
    'all ends are told',
    () => backend.asked('disconnect').length,
    (count) => count === 200,
  );
  expect(backend.mostAtOnce).toBe(4);
});

test('who is there when a node stops is told', async () => {
  await using backend = new HookBackend(({ call }) => GOOD[call as keyof typeof GOOD] ?? {});
  const node = await start({ hookUrl: backend.url });
  const clients = await Promise.all(Array.from({ length: 20 }, () => open(node)));
  await node.stop();
  expect(backend.asked('disconnect')).toHaveLength(20);
  expect(backend.asked('disconnect')[0]).toMatchObject({ reason: 'server shutting down' });
  await Promise.allSettled(clients.map((client) => client.close()));
});

test('without an app all events are for the backend', async () => {
  await using backend = new HookBackend(({ call }) => GOOD[call as keyof typeof GOOD] ?? {});
  const config = { ...CONFIG, hookUrl: backend.url };
  await using node = await HoldfastProcess.start({ workers: 1, config });
  const client = await open(node);
  await client.send({ type: 'event', event: 'vote', args: ['home'], id: 1 });
  expect(await client.next()).toMatchObject({ type: 'ack', id: 1, args: ['ok'] });
  expect(backend.asked('event')).toMatchObject([{ event: 'vote', args: ['home'] }]);
  await client.close();
});
