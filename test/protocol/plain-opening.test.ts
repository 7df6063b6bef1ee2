/** The plain protocol: what the first request may ask for, and the first message, `connect`. */

import { describe, expect, test } from 'bun:test';
import {
  HTTP_KINDS,
  type HttpKind,
  openingRequest,
  openPlain,
  PATHS,
  PLAIN_KINDS,
  type PlainKind,
  plainRequest,
  pollAnswerOf,
} from '../support/plain-client.ts';
import { event, type Message, type PollAnswer, question } from '../support/plain-messages.ts';
import { expectRefusal, expectRefused } from '../support/plain-refusal.ts';
import { SETTLE_MS } from '../support/raw-deadline.ts';
import type { Endpoint } from '../support/raw-polling.ts';
import { RawWebSocket } from '../support/raw-websocket.ts';
import {
  asked,
  describePlain,
  expectAlive,
  MAX_PAYLOAD_BYTES,
  Opened,
  PING_INTERVAL_MS,
  PING_TIMEOUT_MS,
} from './plain-target.ts';

const SESSION_ID = /^[\w-]{24}$/;
const OPENING_KINDS: readonly HttpKind[] = ['sse', 'polling'];
const BAD_AUTH = ['x', '{', '[]', 'null', '7', 'true', '"text"', '{"user":"u1"}}', '['.repeat(100)];
const ODD_ROOMS = ['__proto__', 'constructor', 'a b&c=d+e%/?#', 'Räume ✓', '{"a":1}', 'x\ny'];

/** A room that nobody else of the suite uses. */
const newRoom = (): string => crypto.randomUUID();

describePlain('opening a plain session', (endpoint) => {
  for (const kind of PLAIN_KINDS) {
    describe(`over ${kind}`, () => {
      declareFirstMessage(endpoint, kind);
      declareRooms(endpoint, kind);
      declareAuth(endpoint, kind);
    });
  }
  declareMessageAuth(endpoint);
  declarePostedOpenings(endpoint);
});

function declareFirstMessage(endpoint: Endpoint, kind: PlainKind): void {
  test('the first message says what there is to know', async () => {
    const room = newRoom();
    const client = await openPlain(endpoint, kind, { rooms: [room] });
    const session = expect.stringMatching(SESSION_ID) as unknown as string;
    expect(client.connect).toEqual({
      type: 'connect',
      ...(kind === 'websocket' ? {} : { session }),
      id: expect.stringMatching(/./),
      namespace: '/',
      rooms: [room],
      recovered: false,
      pingInterval: PING_INTERVAL_MS,
      pingTimeout: PING_TIMEOUT_MS,
      maxPayload: MAX_PAYLOAD_BYTES,
    });
    await client.close();
  });

  test('all of the query may be left out, and what is not known is passed over', async () => {
    await using opened = new Opened(endpoint);
    expect((await opened.open(kind)).connect.rooms).toEqual([]);
    const client = await opened.open(kind, { query: { colour: 'red', recovered: 'true' } });
    expect(client.connect).toMatchObject({ recovered: false, rooms: [] });
  });

  test('a user is named when authentication gave one', async () => {
    await using opened = new Opened(endpoint);
    const known = await opened.open(kind, { auth: { user: 'u1' } });
    expect(known.connect.user).toBe('u1');
    const unknown = await opened.open(kind, { auth: {} });
    expect(unknown.connect).not.toHaveProperty('user');
  });

  test('a namespace has handlers and rooms of its own', async () => {
    await using opened = new Opened(endpoint);
    const room = newRoom();
    const client = await opened.open(kind, { namespace: '/custom', rooms: [room] });
    const other = await opened.open(kind, { rooms: [room] });
    expect(client.connect.namespace).toBe('/custom');
    const who = { namespace: '/custom', id: client.id };
    expect(await asked(client, 'who')).toMatchObject({ args: [who] });
    await other.send(event('tell', room, 'told', 'only /'));
    expect(await other.next()).toEqual(event('told', 'only /'));
    await expectAlive(client);
  });

  test('ids of sessions differ in most of their characters', async () => {
    await using opened = new Opened(endpoint);
    const clients = await Promise.all(Array.from({ length: 12 }, () => opened.open(kind)));
    const ids = clients.map(({ id }) => id);
    expect(new Set(ids.map((id) => id.slice(-10))).size).toBe(ids.length);
    if (kind === 'websocket') return;
    const secrets = clients.map(({ session }) => session);
    expect(secrets.filter((secret) => !SESSION_ID.test(secret))).toEqual([]);
    expect(new Set(secrets.map((secret) => secret.slice(-10))).size).toBe(secrets.length);
    // Who knows the name of a session knows nothing of its secret.
    expect(secrets.filter((secret, at) => secret.slice(-10) === ids[at]?.slice(-10))).toEqual([]);
  });

  test('query, headers and address are in the handshake', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind, {
      rooms: ['a'],
      query: { token: 'tökén' },
      headers: { cookie: 'id=7; theme=dark', authorization: 'Bearer abc' },
    });
    const answer = await asked(client, 'who');
    const [who] = answer['args'] as [Record<string, string>];
    expect(who).toMatchObject({
      cookie: 'id=7; theme=dark',
      authorization: 'Bearer abc',
      address: '127.0.0.1',
    });
    const query = new URLSearchParams(who['query']);
    expect([query.get('token'), query.getAll('room')]).toEqual(['tökén', ['a']]);
  });
}

function declareRooms(endpoint: Endpoint, kind: PlainKind): void {
  test('rooms of the query and of the app are joined before the first message', async () => {
    await using opened = new Opened(endpoint);
    const [first, second, third] = [newRoom(), newRoom(), newRoom()];
    const teller = await opened.open('websocket');
    const opening = { rooms: [first, second], auth: { rooms: [second, third] } };
    const client = await opened.open(kind, opening);
    expect([...client.connect.rooms].sort()).toEqual([first, second, third].sort());
    for (const room of [first, second, third]) {
      await asked(teller, 'tell', room, 'told', room);
      expect(await client.next()).toEqual(event('told', room));
    }
    const { args } = (await asked(client, 'who')) as unknown as { args: [{ rooms: string[] }] };
    expect([...args[0].rooms].sort()).toEqual([first, second, third].sort());
  });

  test.each(ODD_ROOMS)('a room may be named %j', async (room) => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind, { rooms: [room] });
    expect(client.connect.rooms).toEqual([room]);
    await client.send(event('tell', room, 'told', 1));
    expect(await client.next()).toEqual(event('told', 1));
  });

  test('a room that is named a thousand times is one room', async () => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind, { rooms: Array(1000).fill('r') });
    expect(client.connect.rooms).toEqual(['r']);
    await client.send(event('tell', 'r', 'told', 1));
    expect(await client.next()).toEqual(event('told', 1));
    await expectAlive(client);
  });

  test('a thousand rooms are joined', async () => {
    await using opened = new Opened(endpoint);
    const rooms = Array.from({ length: 1000 }, (_, number) => `m${number}`);
    const client = await opened.open(kind, { rooms });
    expect([...client.connect.rooms].sort()).toEqual([...rooms].sort());
    await client.send(event('tell', 'm999', 'told', 1));
    expect(await client.next()).toEqual(event('told', 1));
  });

  test('one room that is refused refuses the session', async () => {
    const refused = { status: 403, reason: 'joinForbidden' };
    await expectRefused(endpoint, kind, { rooms: ['forbidden'] }, refused);
    await expectRefused(endpoint, kind, { rooms: ['a', 'forbidden', 'b'] }, refused);
  });

  test.each([
    ['without a name', ''],
    ['with a name beyond 256 characters', 'x'.repeat(257)],
  ])('a room %s is not understood', async (_what, room) => {
    await expectRefused(endpoint, kind, { rooms: [room] }, { status: 400, reason: 'badRequest' });
  });

  test('the room that is another session cannot be joined', async () => {
    await using opened = new Opened(endpoint);
    const victim = await opened.open(kind);
    const intruder = await opened.open(kind, { rooms: [victim.id] }).catch(() => undefined);
    await victim.send(event('back', 'a secret'));
    expect(await victim.next()).toEqual(event('back', 'a secret'));
    await victim.send(event('tell', victim.id, 'told', 'another'));
    expect(await victim.next()).toEqual(event('told', 'another'));
    if (intruder !== undefined) await expectAlive(intruder);
  });
}

function declareAuth(endpoint: Endpoint, kind: PlainKind): void {
  test.each(['query', 'message'] as const)('auth comes by the %s', async (by) => {
    await using opened = new Opened(endpoint);
    const auth = { user: 'zoë', rooms: ['vip'], deep: [{ list: [1, null, 'ü&=+%'] }] };
    const room = newRoom();
    const client = await opened.open(kind, { auth, by, rooms: [room] });
    expect(client.connect).toMatchObject({ user: 'zoë' });
    expect([...client.connect.rooms].sort()).toEqual([room, 'vip'].sort());
    expect(await asked(client, 'who')).toMatchObject({ args: [{ auth, user: 'zoë' }] });
    const { args } = (await asked(client, 'who')) as unknown as { args: [{ query: string }] };
    if (by === 'message') expect(args[0].query).not.toContain('zo');
  });

  test.each(['query', 'message'] as const)('the app refuses auth by the %s', async (by) => {
    const auth = { refuse: 'not today' };
    const refused = { status: 401, reason: 'notAuthenticated', data: { asked: 'not today' } };
    await expectRefused(endpoint, kind, { auth, by }, refused);
  });

  test('auth that pollutes prototypes pollutes none', async () => {
    await using opened = new Opened(endpoint);
    const query = { auth: '{"__proto__":{"user":"admin","rooms":["vip"]},"constructor":1}' };
    const client = await opened.open(kind, { query });
    expect(client.connect).toMatchObject({ rooms: [] });
    expect(client.connect).not.toHaveProperty('user');
  });

  test.each(BAD_AUTH)('auth that is %j is not understood', async (auth) => {
    const refused = { status: 400, reason: 'badRequest' };
    await expectRefused(endpoint, kind, { query: { auth } }, refused);
  });
}

function declareMessageAuth(endpoint: Endpoint): void {
  const openSocket = (): RawWebSocket =>
    new RawWebSocket(endpoint.url, {
      path: PATHS.websocket,
      wholeQuery: 'auth=message',
      answerPings: false,
    });

  test('a WebSocket that brings its auth hears nothing before', async () => {
    const socket = openSocket();
    await socket.opened;
    await Bun.sleep(SETTLE_MS);
    expect(socket.unread).toEqual([]);
    socket.send('{"type":"connect","auth":{"user":"u2"}}', JSON.stringify(question(1, 'who')));
    expect(JSON.parse(await socket.text())).toMatchObject({ type: 'connect', user: 'u2' });
    expect(JSON.parse(await socket.text())).toMatchObject({ type: 'ack', id: 1 });
    socket.close();
  });

  test.each([
    'no JSON',
    '[]',
    '{}',
    '{"type":"event","event":"echo","args":[1],"id":1}',
    '{"type":"join","room":"a","id":1}',
    '{"type":"connect","auth":[]}',
    '{"type":"connect","auth":"text"}',
    '{"type":"connect","auth":null}',
  ])('a first frame that is %j ends it', async (frame) => {
    const socket = openSocket();
    await socket.opened;
    socket.send(frame);
    const error = JSON.parse(await socket.text('why the socket is refused')) as Message;
    expect(error).toMatchObject({ type: 'error', reason: 'badMessage' });
    expect((await socket.end()).code).toBe(1008);
  });

  test('a first frame of bytes ends it', async () => {
    const socket = openSocket();
    await socket.opened;
    socket.send(Uint8Array.of(1, 2, 3));
    expect(JSON.parse(await socket.text())).toMatchObject({ type: 'error', reason: 'badMessage' });
    expect((await socket.end()).code).toBe(1008);
  });
}

function declarePostedOpenings(endpoint: Endpoint): void {
  test.each([
    'no JSON',
    '{}',
    '[]',
    '{"type":"event","event":"echo","args":[1]}',
    '{"type":"connect","auth":[]}',
    '{"type":"connect","auth":"text"}',
  ])('a body that is %j opens no session', async (body) => {
    for (const path of ['/sse', '/poll', '/poll?stream=1']) {
      const answer = await plainRequest(endpoint, path, { method: 'POST', body });
      expectRefusal(answer, { status: 400, reason: 'badRequest' });
    }
  });

  test.each([...HTTP_KINDS])('the word `message` is no auth over %s', async (kind) => {
    const refused = { status: 400, reason: 'badRequest' };
    await expectRefused(endpoint, kind, { query: { auth: 'message' } }, refused);
  });

  test('a body over maxPayload opens no session', async () => {
    const auth = { user: 'x'.repeat(MAX_PAYLOAD_BYTES) };
    for (const kind of HTTP_KINDS) {
      const refused = { status: 413, reason: 'payloadTooLarge' };
      await expectRefused(endpoint, kind, { auth, by: 'message' }, refused);
    }
  });

  test('who comes back with the id of a session that it had gets a new one', async () => {
    await using opened = new Opened(endpoint);
    const before = await opened.open('sse');
    for (const id of [before.session, 'A'.repeat(24), 'x', '']) {
      const client = await opened.open('sse', { headers: { 'last-event-id': id } });
      expect(client.session).not.toBe(before.session);
      await expectAlive(client);
    }
    await expectAlive(before);
  });

  test('a body that opens a session is taken whatever its type', async () => {
    for (const type of ['text/plain', 'application/json', 'application/octet-stream']) {
      const [path, init] = openingRequest('polling', { auth: { user: 'u3' }, by: 'message' });
      const headers = { 'content-type': type };
      const answer = await plainRequest(endpoint, path, { ...init, headers });
      const [connect] = (pollAnswerOf(answer) as PollAnswer).messages;
      expect(connect).toMatchObject({ type: 'connect', user: 'u3' });
    }
  });

  test.each(OPENING_KINDS)('rooms of the query count when %s is opened by POST', async (kind) => {
    await using opened = new Opened(endpoint);
    const client = await opened.open(kind, { by: 'message', auth: {}, rooms: ['a', 'b'] });
    expect([...client.connect.rooms].sort()).toEqual(['a', 'b']);
    const other = await opened.open(kind, { by: 'message', auth: {}, namespace: '/custom' });
    expect(other.connect.namespace).toBe('/custom');
  });
}
