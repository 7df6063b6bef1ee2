/** Hooks of the real command, with backends that answer as they should. */

import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from 'bun:test';
import { join } from 'node:path';
import { io, type Socket } from 'socket.io-client';
import type { Config } from '../../src/host/config/schema.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { HOOK_SECRET, type HookAnswers, HookBackend } from '../support/hook-backend.ts';
import { openPlain, PLAIN_KINDS, type PlainClient } from '../support/plain-client.ts';
import type { Endpoint } from '../support/raw-polling.ts';
import { madeUp } from '../support/tokens.ts';
import { eventually } from './eventually.ts';

const APP = join(import.meta.dir, 'hooks-app.ts');
const ALL: Config['hookCalls'] = ['connect', 'event', 'join', 'disconnect'];

/** Lets in whoever says a name, and answers events with what they are. */
const ANSWERS: HookAnswers = ({ call, auth, event, args, join: rooms }) => {
  if (call === 'connect') {
    const { name } = auth as { readonly name?: string };
    if (name === undefined) return { allow: false, message: 'say a name', data: { code: 7 } };
    return { allow: true, user: name, rooms: ['home'], data: { since: 1 } };
  }
  if (call === 'join') return { allow: !(rooms as string[]).includes('secret') };
  if (event === 'bad') return { error: 'this is bad', data: [1] };
  return call === 'event' ? { ack: [event, args] } : {};
};

const backend = new HookBackend(ANSWERS);
let node: HoldfastProcess;

setDefaultTimeout(60_000);

beforeAll(async () => {
  const config = { hookUrl: backend.url, hookSecret: HOOK_SECRET, hookCalls: ALL };
  node = await HoldfastProcess.start({ app: APP, workers: 2, config });
});

afterAll(async () => {
  await node.stop();
  await backend[Symbol.asyncDispose]();
});

beforeEach(() => {
  backend.calls.length = 0;
  backend.answers = ANSWERS;
});

function endpoint(): Endpoint {
  return { url: node.url, freshConnections: false };
}

async function connected(auth: object): Promise<Socket> {
  const socket = io(node.url, { auth, transports: ['websocket'], forceNew: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', (error) => {
      socket.close();
      reject(error);
    });
  });
  return socket;
}

async function faultOf(opened: Promise<unknown>): Promise<string> {
  return String(await opened.catch((fault: unknown) => fault));
}

describe.each(PLAIN_KINDS)('a plain client over %s', (kind) => {
  test('is let in, joins, asks and leaves', async () => {
    const headers = { cookie: 'c=1', 'x-other': '2' };
    const client = await openPlain(endpoint(), kind, {
      auth: { name: 'ada' },
      rooms: ['a'],
      headers,
    });
    expect(backend.asked('connect')).toEqual([
      {
        id: expect.any(String),
        call: 'connect',
        namespace: '/',
        transport: kind,
        address: expect.stringContaining('127.0.0.1'),
        query: expect.stringContaining('room=a'),
        headers: expect.objectContaining({ cookie: 'c=1' }),
        auth: { name: 'ada' },
      },
    ]);
    expect(backend.asked('connect')[0]?.['headers']).not.toHaveProperty('x-other');
    expect(backend.asked('join')).toMatchObject([
      { session: client.id, user: 'ada', rooms: [], join: ['a'] },
    ]);
    await client.send({ type: 'event', event: 'vote', args: ['x', { y: 2 }], id: 1 });
    expect(await client.next()).toMatchObject({
      type: 'ack',
      id: 1,
      args: ['vote', ['x', { y: 2 }]],
    });
    await client.send({ type: 'event', event: 'bad', id: 2 });
    expect(await client.next()).toMatchObject({ id: 2, message: 'this is bad', data: [1] });
    await client.send({ type: 'event', event: 'own', id: 3 });
    expect(await client.next()).toMatchObject({ id: 3, args: ['of the app'] });
    await client.send({ type: 'join', room: 'b', id: 4 }, { type: 'event', event: 'who', id: 5 });
    const answers = [await client.next(), await client.next()];
    expect(answers).toContainEqual(expect.objectContaining({ type: 'ack', id: 4 }));
    await client.send({ type: 'join', room: 'secret', id: 6 });
    expect(await client.next()).toMatchObject({ type: 'error', id: 6, reason: 'joinForbidden' });
    await client.send({ type: 'join', room: 'locked', id: 7 });
    expect(await client.next()).toMatchObject({ type: 'error', id: 7, reason: 'joinForbidden' });
    await client.send({ type: 'event', event: 'rooms', id: 8 });
    expect(await client.next()).toMatchObject({ id: 8, args: [['a', 'b', 'home']] });
    expect(backend.asked('event').map(({ event }) => event)).toEqual(['vote', 'bad']);
    await client.send({ type: 'disconnect' });
    // Ends of clients of the test before may still be told.
    const told = await eventually(
      'it is told',
      () => backend.asked('disconnect').filter(({ session }) => session === client.id),
      (all) => all.length > 0,
    );
    expect(told).toMatchObject([
      { user: 'ada', reason: 'client namespace disconnect', seconds: 0 },
    ]);
    await client.close();
  });

  test('is refused in the words of the backend', async () => {
    const opened = openPlain(endpoint(), kind, {});
    expect(await faultOf(opened)).toContain('say a name');
  });

  test('that asks for a room it may not join is refused', async () => {
    const opened = openPlain(endpoint(), kind, { auth: { name: 'ada' }, rooms: ['a', 'secret'] });
    expect(await faultOf(opened)).toContain('may not be joined');
  });
});

describe('a client of Socket.IO', () => {
  test('is let in, and asks', async () => {
    const socket = await connected({ name: 'bob' });
    expect(await socket.emitWithAck('who')).toEqual(['bob', { since: 1 }]);
    expect(await socket.emitWithAck('vote', 'x')).toBe('vote');
    expect(await socket.emitWithAck('bad')).toEqual({ error: 'this is bad', data: [1] });
    expect(await socket.emitWithAck('bytes', Buffer.from('abc'))).toBe('bytes');
    expect(backend.asked('event').at(-1)).toMatchObject({
      args: [{ _placeholder: true, num: 0 }],
      attachments: [Buffer.from('abc').toString('base64')],
    });
    socket.close();
  });

  test('joins what the backend lets it, once both have said yes', async () => {
    const socket = await connected({ name: 'bob' });
    const join = (room: string): Promise<unknown> => socket.emitWithAck('holdfast:join', room);
    expect(await join('b')).not.toHaveProperty('error');
    expect(await join('secret')).toEqual({ error: 'this room may not be joined' });
    expect(await join('locked')).toEqual({ error: 'this room may not be joined' });
    expect(await socket.emitWithAck('rooms')).toEqual(['b', 'home']);
    expect(backend.asked('join').map(({ join: rooms }) => rooms)).toEqual([['b'], ['secret']]);
    socket.close();
  });

  test('is refused in the words of the backend', async () => {
    const error: unknown = await connected({}).catch((fault: unknown) => fault);
    expect(error).toMatchObject({ message: 'say a name', data: { code: 7 } });
  });
});

test('events of a session come in order, its end last', async () => {
  backend.answers = async (body) => {
    await Bun.sleep(Math.random() * 5);
    return ANSWERS(body);
  };
  const socket = await connected({ name: 'bob' });
  const { id } = socket;
  // The end of a session of another test may be told only now.
  const calls = (): typeof backend.calls => backend.calls.filter(({ session }) => session === id);
  for (let i = 0; i < 60; i++) socket.emit('count', i);
  await socket.emitWithAck('own');
  socket.close();
  await eventually('it is told', calls, (all) => all.some(({ call }) => call === 'disconnect'));
  expect(calls().map(({ call, args }) => (args as number[] | undefined)?.[0] ?? call)).toEqual([
    ...Array.from({ length: 60 }, (_, at) => at),
    'disconnect',
  ]);
});

test('a leave that comes before the answer to a join wins', async () => {
  const { promise: isTime, resolve: answerJoin } = Promise.withResolvers<void>();
  backend.answers = async (body) => {
    if (body.call === 'join') await isTime;
    return ANSWERS(body);
  };
  const client = await openPlain(endpoint(), 'websocket', { auth: { name: 'ada' } });
  await client.send(
    { type: 'join', room: 'a', id: 1 },
    { type: 'leave', room: 'a', id: 2 },
    { type: 'event', event: 'own', id: 3 },
  );
  expect(await client.next()).toMatchObject({ type: 'ack', id: 2 });
  expect(await client.next()).toMatchObject({ type: 'ack', id: 3 });
  answerJoin();
  expect(await client.next()).toMatchObject({ type: 'error', id: 1 });
  await client.send({ type: 'event', event: 'rooms', id: 4 });
  expect(await client.next()).toMatchObject({ id: 4, args: [['home']] });
  await client.close();
});

describe('with tokens', () => {
  const SECRET = 'a-secret-of-tokens-that-has-32-bytes-or-more';
  const asUser = (sub: string): object => ({ token: madeUp({ alg: 'HS256' }, { sub }, SECRET) });

  test('the backend is told the user, and cannot make it another', async () => {
    const config = {
      hookUrl: backend.url,
      hookSecret: HOOK_SECRET,
      hookCalls: ['connect', 'event'],
      tokenSecret: SECRET,
    } as const;
    await using withTokens = await HoldfastProcess.start({ app: APP, workers: 1, config });
    const open = (auth: object): Promise<PlainClient> =>
      openPlain({ url: withTokens.url, freshConnections: false }, 'websocket', { auth });
    backend.answers = () => ({ allow: true });
    const client = await open(asUser('ada'));
    expect(client.connect.user).toBe('ada');
    expect(backend.asked('connect')).toMatchObject([{ user: 'ada' }]);
    await client.close();
    expect(await faultOf(open({}))).toContain('not authenticated');
    expect(backend.asked('connect')).toHaveLength(1);
    backend.answers = () => ({ allow: true, user: 'bob' });
    expect(await faultOf(open(asUser('ada')))).toContain('not authenticated');
  });
});

test('nobody is let in whom the backend gives no user, unless anonymous ones are', async () => {
  backend.answers = () => ({ allow: true });
  expect(await faultOf(openPlain(endpoint(), 'websocket'))).toContain('not authenticated');
});

test('signatures are right, and metrics have it all', async () => {
  const socket = await connected({ name: 'bob' });
  await socket.emitWithAck('vote', 'x');
  await socket.emitWithAck('holdfast:join', 'b');
  socket.close();
  await connected({}).catch(() => {});
  expect(backend.forged).toBe(0);
  const wanted = [
    ...ALL.map((call) => `holdfast_hook_requests_total{worker="N",call="${call}"}`),
    'holdfast_hook_request_seconds_total{worker="N"}',
    'holdfast_refusals_total{worker="N",outcome="refused",reason="hookRefused"}',
  ];
  await eventually(
    'all metrics are above 0',
    async () => {
      const text = await (await node.admin('/metrics')).text();
      const lines = text.replaceAll(/worker="\d"/g, 'worker="N"').split('\n');
      return wanted.filter((name) => !lines.some((line) => isAboveZero(line, name)));
    },
    (missing) => missing.length === 0,
  );
});

function isAboveZero(line: string, name: string): boolean {
  return line.startsWith(`${name} `) && Number(line.slice(name.length)) > 0;
}
