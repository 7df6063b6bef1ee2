/** Sessions of a user are bounded over all workers, exactly, whatever dies or comes at once. */

import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import type { Socket } from 'socket.io-client';
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
