/** Who is in a room, over workers, transports and kinds of client. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import type { Socket } from 'socket.io-client';
import { connect } from '../../src/client/index.ts';
import type { RoomPresence } from '../../src/server/core/app/app.ts';
import { PLAIN_ROOM } from '../../src/server/core/rooms/room-settings.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { openPlain, PLAIN_KINDS, type PlainClient } from '../support/plain-client.ts';
import type { Message } from '../support/plain-messages.ts';
import { Clients, upgraded } from './clients.ts';
import { eventually } from './eventually.ts';

const APP = join(import.meta.dir, 'presence-app.ts');
/** Time to come back in, also on a crowded machine. */
const GRACE_MS = 5_000;
const NAMED_USERS = 8;

interface Notice {
  readonly room: string;
  readonly count: number;
  readonly joined?: readonly string[];
  readonly left?: readonly string[];
}

setDefaultTimeout(60_000);

const clients = new Clients();
const plain: PlainClient[] = [];
let node: HoldfastProcess;

beforeAll(async () => {
  const config = {
    rooms: {
      'p:*': { ...PLAIN_ROOM, presence: true },
      'p:kept:*': { ...PLAIN_ROOM, presence: true, history: { messages: 10, seconds: 60 } },
    },
    presenceGraceMs: GRACE_MS,
    presenceNamedUsers: NAMED_USERS,
  };
  node = await HoldfastProcess.start({ app: APP, workers: 3, config });
});

afterAll(async () => {
  clients.close();
  await Promise.all(plain.map((one) => one.close()));
  await node.stop();
});

interface Watcher {
  readonly socket: Socket;
  readonly notices: Notice[];
  /** Users as the notices have them, and no names where a notice had none. */
  readonly known: Set<string>;
}

async function watch(user: string | undefined, rooms: readonly string[]): Promise<Watcher> {
  const auth = user === undefined ? { rooms } : { user, rooms };
  const socket = clients.open(node.url, { transports: ['websocket'], auth });
  const notices: Notice[] = [];
  const known = new Set<string>();
  socket.on('presence', (notice: Notice) => {
    notices.push(notice);
    for (const name of notice.joined ?? []) known.add(name);
    for (const name of notice.left ?? []) known.delete(name);
  });
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  return { socket, notices, known };
}

async function who({ socket }: Watcher, room: string, most?: number): Promise<RoomPresence> {
  return (await socket.timeout(10_000).emitWithAck('who', room, most)) as RoomPresence;
}

async function open(kind: PlainClient['kind'], user: string, room: string): Promise<PlainClient> {
  const client = await openPlain({ url: node.url, freshConnections: false }, kind, {
    rooms: [room],
    auth: { user },
  });
  plain.push(client);
  return client;
}

async function answerTo(client: PlainClient, id: number): Promise<Message> {
  for (;;) {
    const message = await client.next(`the answer ${id}`);
    if (message['id'] === id) return message;
  }
}

/** The client is told that a user joined. */
async function hears(client: PlainClient, user: string): Promise<void> {
  for (;;) {
    const { event, args } = await client.next(`the notice of ${user}`);
    const [notice] = (args ?? []) as Notice[];
    if (event === 'presence' && notice?.joined?.includes(user)) return;
  }
}

const namesOf = ({ users }: Pick<RoomPresence, 'users'>): string[] =>
  users.map(({ user }) => user).toSorted();

test('every kind of client is seen, told, and may ask', async () => {
  const room = 'p:kinds';
  const ada = await watch('ada', [room]);
  const others = await Promise.all(PLAIN_KINDS.map((kind) => open(kind, kind, room)));
  const all = ['ada', ...PLAIN_KINDS].toSorted();
  await eventually(
    'ada hears of all',
    () => [...ada.known].toSorted(),
    (known) => {
      return JSON.stringify(known) === JSON.stringify(all);
    },
  );
  for (const [at, client] of others.entries()) {
    await client.send({ type: 'presence', room, id: 7 });
    const { type, args } = await answerTo(client, 7);
    expect(type).toBe('ack');
    const [told] = args as [RoomPresence & { room: string }];
    expect([told.room, told.count, told.anonymous, namesOf(told)]).toEqual([room, 5, 0, all]);
    const kind = PLAIN_KINDS[at] as string;
    const self = told.users.find(({ user }) => user === kind);
    expect(self).toMatchObject({ sessions: 1, transports: [kind] });
    expect(Math.abs(Date.now() - (self?.sinceMs ?? 0))).toBeLessThan(60_000);
  }
  await watch('late', [room]);
  for (const client of others) await hears(client, 'late');
});

test('only members may ask, of rooms with presence', async () => {
  const client = await open('websocket', 'eve', 'p:own');
  const asks = ['p:kinds', 'plain', 'p:none', client.id];
  for (const [id, room] of asks.entries()) {
    await client.send({ type: 'presence', room, id });
    expect(await answerTo(client, id)).toMatchObject({
      type: 'error',
      reason: 'presenceForbidden',
    });
  }
  await client.send(
    { type: 'join', room: 'plain', id: 10 },
    { type: 'presence', room: 'plain', id: 11 },
  );
  expect(await answerTo(client, 11)).toMatchObject({ reason: 'presenceForbidden' });
  for (const wrong of [{ room: 'p:own' }, { id: 12 }, { room: '', id: 12 }, { room: 5, id: 12 }]) {
    await client.send({ type: 'presence', ...wrong } as Message);
  }
  await client.send({ type: 'presence', room: 'p:own', id: 13 });
  const [told] = (await answerTo(client, 13))['args'] as [RoomPresence];
  expect(told.count).toBe(1);
});

test('the small client asks', async () => {
  const room = 'p:small';
  const client = connect(node.url, { rooms: [room], auth: { user: 'ada' } });
  const told = await client.presence(room);
  expect([told.room, told.count, told.users?.[0]?.user]).toEqual([room, 1, 'ada']);
  expect(client.presence('p:kinds')).rejects.toMatchObject({ reason: 'presenceForbidden' });
  await client.presence('p:kinds').catch(() => {});
  client.close();
});

test('clients of Socket.IO ask by an event of the server', async () => {
  const room = 'p:event';
  const { socket } = await watch('ada', [room]);
  expect(await socket.emitWithAck('holdfast:presence', room)).toMatchObject({
    room,
    count: 1,
    users: [{ user: 'ada', sessions: 1, transports: ['websocket'] }],
  });
  for (const args of [['p:kinds'], ['plain'], [], [room, 2], [{}]]) {
    const refused = await socket.emitWithAck('holdfast:presence', ...args);
    expect(Object.keys(refused as object)).toEqual(['error']);
  }
});

test('tabs on all workers are one user, and a transport that changes is seen', async () => {
  const room = 'p:tabs';
  const watcher = await watch('watcher', [room]);
  const tabs = await Promise.all(Array.from({ length: 9 }, () => watch('tabs', [room])));
  const found = await eventually(
    'nine sessions of one user',
    () => who(watcher, room),
    ({ users }) => users.some(({ user, sessions }) => user === 'tabs' && sessions === 9),
  );
  expect(found.count).toBe(2);
  const upgrading = clients.open(node.url, { auth: { user: 'up', rooms: [room] } });
  await upgraded(upgrading);
  await eventually(
    'the upgrade is seen',
    () => who(watcher, room),
    ({ users }) => users.find(({ user }) => user === 'up')?.transports.join() === 'websocket',
  );
  for (const { socket } of tabs.slice(1)) socket.disconnect();
  await eventually(
    'one tab is left',
    () => who(watcher, room),
    ({ users }) => users.some(({ user, sessions }) => user === 'tabs' && sessions === 1),
  );
  expect(watcher.notices.flatMap(({ left = [] }) => left)).toEqual([]);
});

test('who comes back in time was never away, who leaves is gone at once', async () => {
  const room = 'p:grace';
  const watcher = await watch('watcher', [room]);
  let bob = await watch('bob', [room]);
  await eventually('bob is there', () => watcher.known.has('bob'), Boolean);
  for (let round = 0; round < 3; round++) {
    bob.socket.disconnect();
    await Bun.sleep(GRACE_MS / 3);
    bob = await watch('bob', [room]);
  }
  expect(watcher.notices.flatMap(({ left = [] }) => left)).toEqual([]);
  const beganMs = performance.now();
  await bob.socket.emitWithAck('leave', room);
  await eventually(
    'bob has left',
    () => watcher.known.has('bob'),
    (isThere) => !isThere,
  );
  expect(performance.now() - beganMs).toBeLessThan(GRACE_MS);
  await bob.socket.emitWithAck('join', room);
  await eventually('bob is back', () => watcher.known.has('bob'), Boolean);
  bob.socket.disconnect();
  await eventually(
    'bob is gone',
    () => watcher.known.has('bob'),
    (isThere) => !isThere,
  );
});

test('who has no user is a number', async () => {
  const room = 'p:anonymous';
  const watcher = await watch('watcher', [room]);
  const some = await Promise.all(Array.from({ length: 4 }, () => watch(undefined, [room])));
  const isFour = ({ count, anonymous }: RoomPresence): boolean => count === 5 && anonymous === 4;
  await eventually('four without a user', () => who(watcher, room), isFour);
  await eventually(
    'are told as a number',
    () => watcher.notices.at(-1)?.count,
    (n) => n === 5,
  );
  some[0]?.socket.disconnect();
  await eventually(
    'three',
    () => watcher.notices.at(-1)?.count,
    (count) => count === 4,
  );
});

test('a larger room is told counts, to clients without names', async () => {
  const room = 'p:large';
  const watcher = await watch('watcher', [room]);
  const count = NAMED_USERS + 4;
  await Promise.all(Array.from({ length: count - 1 }, (_, i) => watch(`u${i}`, [room])));
  const last = await eventually(
    'the count of all',
    () => watcher.notices.at(-1),
    (notice) => notice?.count === count,
  );
  expect(last).toEqual({ room, count });
  expect((await who(watcher, room)).users).toHaveLength(count);
  expect((await who(watcher, room, 3)).users).toHaveLength(3);
  const client = await open('websocket', 'u0', room);
  await client.send({ type: 'presence', room, id: 1 });
  expect((await answerTo(client, 1))['args']).toEqual([{ room, count, anonymous: 0 }]);
});

test('rooms without presence say so to the app', async () => {
  const { socket } = await watch('ada', ['plain']);
  const answer = await socket.emitWithAck('who', 'plain');
  expect(JSON.stringify(answer)).toContain('error');
});

test('a session is in so many rooms with presence and no more', async () => {
  const { socket } = await watch('many', []);
  for (let i = 0; i < 100; i++) socket.emit('join', `p:many:${i}`);
  const answer = await socket.emitWithAck('join', 'p:many:100');
  expect(JSON.stringify(answer)).toContain('error');
  expect(await socket.emitWithAck('join', 'plain')).toBeUndefined();
});

test('users of a worker that was killed are forgotten, unless they come back', async () => {
  const room = 'p:killed';
  const watcher = await watch('watcher', [room]);
  const some = await Promise.all(Array.from({ length: 6 }, (_, i) => watch(`k${i}`, [room])));
  await eventually(
    'all are there',
    () => watcher.known.size,
    (size) => size === 7,
  );
  const own = (await watcher.socket.emitWithAck('worker')) as number;
  const workers = await Promise.all(
    some.map(async ({ socket }) => (await socket.emitWithAck('worker')) as number),
  );
  const victim = workers.find((worker) => worker !== own);
  if (victim === undefined) return;
  const names = workers.flatMap((worker, i) => (worker === victim ? [`k${i}`] : []));
  const [first, ...rest] = names;
  // One of them comes back, the others do not.
  for (const [i, { socket }] of some.entries()) {
    if (`k${i}` !== first) socket.io.reconnection(false);
  }
  process.kill((await node.workerPids())[victim] as number, 'SIGKILL');
  await eventually(
    'the others are forgotten',
    () => [...watcher.known],
    (known) => {
      return rest.every((name) => !known.includes(name));
    },
  );
  await Bun.sleep(GRACE_MS);
  expect(watcher.known.has(first as string)).toBe(true);
  expect(watcher.notices.flatMap(({ left = [] }) => left).toSorted()).toEqual(rest.toSorted());
});

test('notices take no place in the history of a room', async () => {
  const room = 'p:kept:1';
  const client = await open('websocket', 'ada', room);
  await watch('bob', [room]);
  for (;;) {
    const message = await client.next('the notice of bob');
    const [notice] = (message['args'] ?? []) as Notice[];
    if (message['event'] !== 'presence') continue;
    expect(message['position']).toBeUndefined();
    if (notice?.joined?.includes('bob')) break;
  }
  const text = await (await node.admin('/metrics')).text();
  expect(text).toContain('holdfast_history_messages 0');
});

test('metrics tell what presence does', async () => {
  const watcher = await watch('watcher', ['p:counted']);
  await watch('bob', ['p:counted']);
  await eventually('bob is there', () => watcher.known.has('bob'), Boolean);
  await eventually(
    'rooms, users, changes and frames are counted',
    async () => (await node.admin('/metrics')).text(),
    (text) => {
      const counts = ['rooms', 'users', 'changes_total', 'frames_total'].map((name) =>
        new RegExp(`^holdfast_presence_${name} ([0-9]+)$`, 'm').exec(text)?.at(1),
      );
      return counts.every((count) => Number(count) > 0);
    },
  );
  const text = await (await node.admin('/metrics')).text();
  expect(text).toContain('holdfast_presence_refused_total 0');
});
