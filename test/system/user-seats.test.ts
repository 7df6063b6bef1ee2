/** Sessions of a user are bounded over all workers, exactly, whatever dies or comes at once. */

import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import type { Socket } from 'socket.io-client';
import { PLAIN_ROOM } from '../../src/server/core/rooms/room-settings.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { openPlain } from '../support/plain-client.ts';
import { Clients } from './clients.ts';
import { eventually } from './eventually.ts';

const APP = join(import.meta.dir, 'presence-app.ts');
const MOST = 3;

setDefaultTimeout(60_000);

const clients = new Clients();

afterAll(() => clients.close());

interface Tried {
  readonly socket: Socket;
  readonly isIn: boolean;
}

/** @returns once the client is in or has been refused */
async function tryIn(node: HoldfastProcess, user: string): Promise<Tried> {
  const socket = clients.open(node.url, {
    transports: ['websocket'],
    reconnection: false,
    auth: { user },
  });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.once('connect', () => resolve(true));
  socket.once('connect_error', () => resolve(false));
  return { socket, isIn: await promise };
}

function tryMany(node: HoldfastProcess, user: string, count: number): Promise<Tried[]> {
  return Promise.all(Array.from({ length: count }, () => tryIn(node, user)));
}

async function counted(node: HoldfastProcess, reason: string): Promise<number> {
  const text = await (await node.admin('/metrics')).text();
  const lines = text.split('\n').filter((line) => line.includes(`reason="${reason}"`));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

test('refuses one too many over all workers, and takes another when one leaves', async () => {
  const config = { maxSessionsPerUser: MOST };
  await using node = await HoldfastProcess.start({ app: APP, workers: 3, config });
  const tried = await tryMany(node, 'ada', 24);
  const inside = tried.filter(({ isIn }) => isIn);
  expect(inside).toHaveLength(MOST);
  expect((await tryIn(node, 'bob')).isIn).toBe(true);
  const plain = openPlain({ url: node.url, freshConnections: false }, 'polling', {
    auth: { user: 'ada' },
  });
  expect(plain).rejects.toThrow();
  await plain.catch(() => {});
  await eventually(
    'all are counted',
    () => counted(node, 'userSessions'),
    (count) => count === 22,
  );
  inside[0]?.socket.disconnect();
  await eventually('a place is free', async () => (await tryIn(node, 'ada')).isIn, Boolean);
  expect((await tryIn(node, 'ada')).isIn).toBe(false);
  // Sessions of a worker that dies count no more.
  const workers = await node.workerPids();
  for (const pid of workers) process.kill(pid as number, 'SIGKILL');
  await eventually(
    'all workers are others',
    () => node.workerPids(),
    (pids) => pids.every((pid, at) => pid !== undefined && pid !== workers[at]),
  );
  const again = await tryMany(node, 'ada', 12);
  expect(again.filter(({ isIn }) => isIn)).toHaveLength(MOST);
  await node.stop();
});

test('ends the oldest, on whichever worker, and leaves as many as may be', async () => {
  const config = { maxSessionsPerUser: MOST, sessionsOverLimit: 'endOldest' as const };
  await using node = await HoldfastProcess.start({ app: APP, workers: 3, config });
  const first = await tryMany(node, 'ada', MOST);
  const ends = first.map(({ socket }) => {
    return new Promise<string>((resolve) => socket.once('disconnect', resolve));
  });
  const next: Tried[] = [];
  for (let at = 0; at < MOST; at++) next.push(await tryIn(node, 'ada'));
  expect(next.every(({ isIn }) => isIn)).toBe(true);
  expect(new Set(await Promise.all(ends))).toEqual(new Set(['io server disconnect']));
  expect(next.every(({ socket }) => socket.connected)).toBe(true);
  // Many at once: whoever of them is left, there are as many as may be.
  const storm = await tryMany(node, 'ada', 30);
  expect(storm.every(({ isIn }) => isIn)).toBe(true);
  const all = [...next, ...storm];
  await eventually(
    'the others have ended',
    () => all.filter(({ socket }) => socket.connected).length,
    (count) => count === MOST,
  );
  await Bun.sleep(300);
  expect(all.filter(({ socket }) => socket.connected)).toHaveLength(MOST);
  await eventually(
    'each is counted',
    () => counted(node, 'userSessionsEnded'),
    (count) => count === MOST + 30,
  );
  await node.stop();
});

test('without its controller a worker goes on letting users in, by what it has', async () => {
  const config = { maxSessionsPerUser: MOST };
  await using node = await HoldfastProcess.start({ app: APP, workers: 1, config });
  expect((await tryMany(node, 'ada', 2)).every(({ isIn }) => isIn)).toBe(true);
  process.kill(node.controllerPid, 'SIGKILL');
  await Bun.sleep(1_500);
  const tried = await tryMany(node, 'ada', 4);
  expect(tried.filter(({ isIn }) => isIn)).toHaveLength(MOST - 2);
});

/** Comes in, or comes back with what it was given; hears something, so that it has a position. */
async function comeIn(node: HoldfastProcess, presented: Readonly<Record<string, string>> = {}) {
  const client = await openPlain({ url: node.url, freshConnections: true }, 'websocket', {
    auth: { user: 'ada' },
    rooms: ['kept'],
    query: presented,
  });
  await node.publish({ event: 'said', args: [], room: 'kept' });
  let message = await client.next('what is said');
  while (message['event'] !== 'said') message = await client.next('what is said');
  const left = {
    since: message['position'] as string,
    recovery: client.connect['recovery'] as string,
  };
  return { client, left };
}

test('a client that comes back has the seat it had, also before its end is known', async () => {
  const history = { messages: 100, seconds: 60 };
  const kept = { ...PLAIN_ROOM, history, recovery: true };
  const config = { maxSessionsPerUser: 1, rooms: { kept } };
  await using node = await HoldfastProcess.start({ app: APP, workers: 3, config });
  let { client, left } = await comeIn(node);
  const { id } = client.connect;
  for (let round = 0; round < 8; round++) {
    const isCutFirst = round % 2 === 0;
    if (isCutFirst) await client.close();
    const back = await comeIn(node, left);
    expect(back.client.connect).toMatchObject({ id, recovered: true });
    if (!isCutFirst) await client.close();
    ({ client, left } = back);
    // Nobody else gets in by it.
    expect((await tryIn(node, 'ada')).isIn).toBe(false);
  }
  await client.close();
  await eventually('the seat is free', async () => (await tryIn(node, 'ada')).isIn, Boolean);
  await node.stop();
});

test('one that came back, on whichever worker, ends for a newer one', async () => {
  const history = { messages: 100, seconds: 60 };
  const rooms = { kept: { ...PLAIN_ROOM, history, recovery: true } };
  const config = { maxSessionsPerUser: 1, sessionsOverLimit: 'endOldest' as const, rooms };
  await using node = await HoldfastProcess.start({ app: APP, workers: 3, config });
  for (let round = 0; round < 5; round++) {
    const first = await comeIn(node);
    await first.client.close();
    const { client } = await comeIn(node, first.left);
    expect(client.connect.recovered).toBe(true);
    const newer = await tryIn(node, 'ada');
    expect(newer.isIn).toBe(true);
    await client.ended();
    expect(newer.socket.connected).toBe(true);
  }
  await node.stop();
});
