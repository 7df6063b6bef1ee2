/** Rooms, users and sessions as the admin API and the app know them, over workers. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import type { Socket } from 'socket.io-client';
import { findToken } from '../../src/host/access/left-token.ts';
import type {
  DisconnectReport,
  RoomReport,
  RoomsReport,
  UserReport,
} from '../../src/server/controller/sessions-view.ts';
import type { UserPlaces } from '../../src/server/core/app/app.ts';
import { PLAIN_ROOM } from '../../src/server/core/rooms/room-settings.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { Clients } from './clients.ts';
import { eventually } from './eventually.ts';

const APP = join(import.meta.dir, 'presence-app.ts');
const WORKERS = 3;

setDefaultTimeout(60_000);

const clients = new Clients();
let node: HoldfastProcess;

beforeAll(async () => {
  const config = { rooms: { 'p:*': { ...PLAIN_ROOM, presence: true } } };
  node = await HoldfastProcess.start({ app: APP, workers: WORKERS, config });
});

afterAll(async () => {
  clients.close();
  await node.stop();
});

async function enter(user: string, rooms: readonly string[]): Promise<Socket> {
  const socket = clients.open(node.url, {
    transports: ['websocket'],
    reconnection: false,
    auth: { user, rooms },
  });
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  return socket;
}

function enterMany(count: number, user: (at: number) => string, room: string): Promise<Socket[]> {
  return Promise.all(Array.from({ length: count }, (_, at) => enter(user(at), [room])));
}

function workersOf(sockets: readonly Socket[]): Promise<number[]> {
  return Promise.all(sockets.map(async (socket) => (await socket.emitWithAck('worker')) as number));
}

async function asked<T>(path: string): Promise<T> {
  const authorization = `Bearer ${findToken({ of: 'admin', port: node.adminPort })}`;
  const response = await node.admin(path, { headers: { authorization } });
  expect(response.status).toBe(200);
  return (await response.json()) as T;
}

async function disconnect(body: object): Promise<DisconnectReport> {
  return (await (await node.post('/disconnect', JSON.stringify(body))).json()) as DisconnectReport;
}

test('where a user is: sessions, workers, transports, since when, rooms', async () => {
  const sockets = await enterMany(7, () => 'ada', 'w:user');
  const report = await asked<UserReport>('/users/ada');
  expect(report).toMatchObject({ user: 'ada', count: 7, missing: [], missingNodes: [] });
  expect(report.nodes).toHaveLength(1);
  const ids = report.sessions.map(({ id }) => id).toSorted();
  expect(ids).toEqual(sockets.map(({ id }) => id as string).toSorted());
  const workers = await workersOf(sockets);
  const byNumber = (a: number, b: number): number => a - b;
  expect(report.sessions.map(({ worker }) => worker).toSorted(byNumber)).toEqual(
    workers.toSorted(byNumber),
  );
  for (const { transport, sinceMs, rooms, roomCount, node: id } of report.sessions) {
    expect([transport, rooms, roomCount, id]).toEqual([
      'websocket',
      ['w:user'],
      1,
      report.nodes[0] as string,
    ]);
    expect(Math.abs(Date.now() - sinceMs)).toBeLessThan(60_000);
  }
  const places = (await sockets[0]?.emitWithAck('places', 'ada')) as UserPlaces;
  expect(places.count).toBe(7);
  expect(places.sessions.map(({ id }) => id).toSorted()).toEqual(ids);
  expect(await asked<UserReport>('/users/nobody')).toMatchObject({
    count: 0,
    sessions: [],
    nodes: [],
  });
  for (const socket of sockets) socket.disconnect();
  await eventually(
    'gone',
    () => asked<UserReport>('/users/ada'),
    ({ count }) => count === 0,
  );
});

test('rooms of all workers come in pages, each once, with the sum of its members', async () => {
  const names = Array.from({ length: 40 }, (_, at) => `page:${String(at).padStart(2, '0')}`);
  const all = await Promise.all(
    Array.from({ length: 9 }, (_, at) => enter(`p${at}`, names.slice(0, 40 - at))),
  );
  const found = new Map<string, number>();
  let after = 'page:';
  for (let pages = 0; pages < 20; pages++) {
    const query = new URLSearchParams({ after, most: '7' });
    const { rooms, next, missing } = await asked<RoomsReport>(`/rooms?${String(query)}`);
    expect(missing).toEqual([]);
    for (const { room, count } of rooms) {
      expect(found.has(room)).toBe(false);
      found.set(room, count);
    }
    if (next === null || !next.startsWith('page:')) break;
    after = next;
  }
  const ours = [...found.keys()].filter((room) => room.startsWith('page:'));
  expect(ours).toEqual(names);
  expect(found.get('page:00')).toBe(9);
  expect(found.get('page:39')).toBe(1);
  for (const socket of all) socket.disconnect();
});

test('a room tells who is in it', async () => {
  const name = 'p:a/b %';
  const sockets = await enterMany(3, (at) => `u${at % 2}`, name);
  const report = await eventually(
    'both users are there',
    () => asked<RoomReport>(`/rooms/${encodeURIComponent(name)}`),
    ({ presence }) => presence?.users.reduce((sum, { sessions }) => sum + sessions, 0) === 3,
  );
  expect(report).toMatchObject({ room: name, sessions: 3, missing: [], missingNodes: [] });
  expect(report.presence).toMatchObject({ count: 2, anonymous: 0 });
  expect((await asked<RoomReport>('/rooms/plain')).presence).toBeNull();
  const { out, code } = await node.command('rooms', name);
  expect(code).toBe(0);
  expect(out).toContain('Room p:a/b %: 3 sessions, 2 users');
  for (const socket of sockets) socket.disconnect();
});

test('disconnects by session, user and room, and says how many', async () => {
  const [one, ...rest] = (await enterMany(6, () => 'eve', 'd:room')) as [Socket, ...Socket[]];
  const others = await enterMany(3, (at) => `d${at}`, 'd:room');
  const ends = new Map<Socket, string>();
  for (const socket of [one, ...rest, ...others]) {
    socket.on('disconnect', (reason) => ends.set(socket, reason));
  }
  const session = one.id as string;
  expect(await disconnect({ session })).toEqual({ disconnected: 1, missing: [], missingNodes: [] });
  expect(await disconnect({ session })).toEqual({ disconnected: 0, missing: [], missingNodes: [] });
  await eventually(
    'it is told',
    () => ends.get(one),
    (reason) => reason !== undefined,
  );
  expect(ends.get(one)).toBe('io server disconnect');
  expect(ends.size).toBe(1);
  expect(await disconnect({ user: 'eve', close: true })).toEqual({
    disconnected: 5,
    missing: [],
    missingNodes: [],
  });
  await eventually(
    'all are told',
    () => ends.size,
    (size) => size === 6,
  );
  expect((await node.command('disconnect', '--room', 'd:room')).out).toBe('3 sessions ended.\n');
  await eventually(
    'all are told',
    () => ends.size,
    (size) => size === 9,
  );
  expect(await disconnect({ room: 'd:room' })).toEqual({
    disconnected: 0,
    missing: [],
    missingNodes: [],
  });
  const nowhere = { session, namespace: '/none' };
  expect(await disconnect(nowhere)).toEqual({ disconnected: 0, missing: [], missingNodes: [] });
  expect(await asked<RoomsReport>('/rooms?namespace=/none')).toMatchObject({
    rooms: [],
    missing: [],
  });
  expect(node.log.filter(({ audit }) => audit === 'disconnect').length).toBeGreaterThan(0);
});

test('a worker that stands still is missing, and named', async () => {
  const sockets = await enterMany(9, () => 'still', 'still:room');
  const workers = await workersOf(sockets);
  const stopped = workers[0] as number;
  const pid = (await node.workerPids())[stopped] as number;
  process.kill(pid, 'SIGSTOP');
  const left = workers.filter((worker) => worker !== stopped).length;
  const [user, rooms, command] = await Promise.all([
    asked<UserReport>('/users/still'),
    asked<RoomsReport>('/rooms'),
    node.command('users', 'still'),
  ]);
  expect([user.count, user.missing]).toEqual([left, [stopped]]);
  expect(rooms.missing).toEqual([stopped]);
  expect(command.code).toBe(1);
  expect(command.err).toContain(`Worker ${stopped} did not answer`);
  // Killed while it is asked: the answer does not wait for its time.
  const answer = disconnect({ user: 'still' });
  await Bun.sleep(100);
  process.kill(pid, 'SIGKILL');
  expect(await answer).toEqual({ disconnected: left, missing: [stopped], missingNodes: [] });
});
