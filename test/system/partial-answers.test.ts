/**
 * Answers over all workers of a node, where one session's data cannot travel, is very large, or a
 * worker is stopped: they come whole, or say what is missing.
 */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import type { Socket } from 'socket.io-client';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { ask, Clients } from './clients.ts';
import { eventually } from './eventually.ts';

setDefaultTimeout(120_000);

const WORKERS = 3;
const PER_WORKER = 4;
const MIB = 1 << 20;

interface Found {
  readonly id: string;
  readonly size: number;
  readonly dataError?: string;
}

interface Outcome<T = unknown> {
  readonly answer?: T;
  readonly error?: string;
  readonly partial?: T;
  readonly workers?: readonly number[];
}

const clients = new Clients();
let node: HoldfastProcess;
/** Clients by worker. */
const crowd: Socket[][] = Array.from({ length: WORKERS }, () => []);

beforeAll(async () => {
  node = await HoldfastProcess.start({
    app: join(import.meta.dir, 'partial-answers-app.ts'),
    workers: WORKERS,
  });
  while (crowd.some((sockets) => sockets.length < PER_WORKER)) {
    const socket = await clients.connect(node.url, { transports: ['websocket'] });
    const sockets = crowd[await ask<number>(socket, 'worker')] as Socket[];
    if (sockets.length === PER_WORKER) socket.disconnect();
    else sockets.push(socket);
    socket.on('who', (answer: (id: string) => void) => answer(socket.id as string));
  }
  await eventually(
    'those that are too many have left',
    () => asked<number>('count'),
    ({ answer }) => answer === WORKERS * PER_WORKER,
  );
});
afterAll(async () => {
  clients.close();
  await node.stop();
});

const at = (worker: number, index: number): Socket => crowd[worker]?.[index] as Socket;

/** What a client of worker 0 is told. */
function asked<T>(name: string): Promise<Outcome<T>> {
  return ask<Outcome<T>>(at(0, 0), 'ask', name);
}

test('data that cannot be copied is missing alone, and says why', async () => {
  await ask(at(1, 0), 'data', 'function');
  await ask(at(1, 1), 'data', 'text', 7);
  const { answer = [] } = await asked<Found[]>('sessions');
  expect(answer).toHaveLength(WORKERS * PER_WORKER);
  const found = new Map(answer.map((session) => [session.id, session]));
  expect(found.get(at(1, 0).id as string)?.dataError).toContain('cloned');
  expect(found.get(at(1, 1).id as string)).toMatchObject({ size: 7 });
  expect(answer.filter(({ dataError }) => dataError !== undefined)).toHaveLength(1);
  await ask(at(1, 0), 'data', 'text', 0);
});

test('more data than a frame holds comes whole, one session with too much says so', async () => {
  // Together more than the 64 MiB of a frame.
  for (let index = 0; index < 3; index++) await ask(at(1, index), 'data', 'text', 12 * MIB);
  for (let index = 0; index < 3; index++) await ask(at(2, index), 'data', 'text', 12 * MIB);
  await ask(at(1, 3), 'data', 'text', 20 * MIB);
  const { answer = [] } = await asked<Found[]>('sessions');
  expect(answer).toHaveLength(WORKERS * PER_WORKER);
  expect(answer.filter(({ size }) => size === 12 * MIB)).toHaveLength(6);
  const large = answer.find(({ id }) => id === at(1, 3).id);
  expect(large?.dataError).toMatch(/it takes \d+ bytes/);
  for (const worker of [1, 2]) {
    for (let index = 0; index < PER_WORKER; index++) {
      await ask(at(worker, index), 'data', 'text', 0);
    }
  }
});

test('a handler that fails on one worker is no answer of all', async () => {
  expect(await asked('fails')).toEqual({
    error: 'PartialAnswerError',
    partial: ['answered'],
    workers: [1],
  });
  const { answer } = await asked<number[]>('server');
  expect(answer?.toSorted()).toEqual([1, 2]);
});

test('a stopped worker is named by every answer, by /load and by the status', async () => {
  const pid = (await node.workerPids())[1] as number;
  process.kill(pid, 'SIGSTOP');
  try {
    const [count, sessions, server, acks] = await Promise.all([
      asked<number>('count'),
      asked<Found[]>('sessions'),
      asked<number[]>('server'),
      asked<string[]>('acks'),
    ]);
    const part = { error: 'PartialAnswerError', workers: [1] };
    expect(count).toEqual({ ...part, partial: 2 * PER_WORKER });
    expect(sessions).toMatchObject(part);
    expect(sessions.partial).toHaveLength(2 * PER_WORKER);
    expect(server).toEqual({ ...part, partial: [2] });
    expect(acks).toMatchObject({ error: 'AckTimeoutError', workers: [1] });
    expect(acks.partial).toHaveLength(2 * PER_WORKER);
    const load = await eventually(
      '/load names the worker',
      () => node.load(),
      ({ missing }) => missing.length > 0,
    );
    expect(load.missing).toEqual([1]);
    const status = await node.command('status');
    expect(status.out).toMatch(/Worker 1 .*: the totals are not whole\./);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await eventually(
    'the worker answers again',
    () => asked<number>('count'),
    ({ answer }) => answer === WORKERS * PER_WORKER,
  );
});
