/** Hooks of the real command under clients that ask for very much, or leave while one is asked. */

import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { LIMITS } from '../../src/server/core/limits/limits.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { HOOK_SECRET, HookBackend } from '../support/hook-backend.ts';
import { openPlain, type PlainClient } from '../support/plain-client.ts';
import { RawWebSocket } from '../support/raw-websocket.ts';
import { eventually } from './eventually.ts';

const APP = join(import.meta.dir, 'hooks-app.ts');
/** So long the backend takes for each call. */
const WORK_MS = 20;
const FLOOD = 20_000;
/** Far less than the flood takes, one after another, and more than a busy machine for two calls. */
const FAIR_MS = 2_000;
const GROWTH_MAX_BYTES = 150 * 2 ** 20;

const ANSWERS = { connect: { allow: true, user: 'u' }, join: { allow: true }, event: { ack: [1] } };
const backend = new HookBackend();
let node: HoldfastProcess;

setDefaultTimeout(60_000);

beforeAll(async () => {
  node = await HoldfastProcess.start({
    app: APP,
    workers: 1,
    config: {
      hookUrl: backend.url,
      hookSecret: HOOK_SECRET,
      hookCalls: ['connect', 'event', 'join', 'disconnect'],
      hookConcurrency: 8,
    },
  });
});

afterAll(async () => {
  await node.stop();
  await backend[Symbol.asyncDispose]();
});

beforeEach(() => {
  backend.calls.length = 0;
  backend.answers = async ({ call }) => {
    await Bun.sleep(WORK_MS);
    return ANSWERS[call as keyof typeof ANSWERS] ?? {};
  };
});

function open(): Promise<PlainClient> {
  return openPlain({ url: node.url, freshConnections: true }, 'websocket');
}

async function rssBytes(): Promise<number> {
  const { workers } = await node.process();
  return workers.reduce((sum, worker) => sum + (worker.rssBytes ?? 0), 0);
}

test('one client that floods with events leaves the others their turn', async () => {
  const before = await rssBytes();
  const flooder = await open();
  const events = Array.from({ length: FLOOD }, () => '{"type":"event","event":"x"}');
  await flooder.send(...events);
  const times: number[] = [];
  for (let i = 0; i < 20; i++) {
    const fromMs = performance.now();
    const honest = await open();
    await honest.send({ type: 'event', event: 'vote', id: 1 });
    expect(await honest.next()).toMatchObject({ type: 'ack', id: 1 });
    await honest.close();
    times.push(performance.now() - fromMs);
  }
  times.sort((a, b) => a - b);
  expect(times[times.length / 2]).toBeLessThan(FAIR_MS);
  expect((await rssBytes()) - before).toBeLessThan(GROWTH_MAX_BYTES);
  const flooded = backend.asked('event').filter(({ event }) => event === 'x');
  expect(flooded.length).toBeLessThan(LIMITS.hookCallsWaiting);
  await flooder.close();
});

test('clients that leave while they are asked about were never there', async () => {
  const sockets = Array.from(
    { length: 50 },
    () => new RawWebSocket(node.url, { path: '/ws', wholeQuery: 'room=a', headers: {} }),
  );
  await Promise.all(sockets.map((socket) => socket.opened));
  await eventually(
    'some are asked about',
    () => backend.asked('join').length,
    (count) => count > 5,
  );
  for (const socket of sockets) socket.close();
  const sessions = async (): Promise<number> => (await node.load()).connections;
  await eventually('nobody is there', sessions, (count) => count === 0);
  await Bun.sleep(20 * WORK_MS);
  const joined = backend.asked('disconnect').length;
  expect(joined).toBeLessThan(50);
  const client = await open();
  await client.send({ type: 'join', room: 'a', id: 1 });
  expect(await client.next()).toMatchObject({ type: 'ack', id: 1 });
  await client.close();
});

test('joins and leaves without end are bounded', async () => {
  const client = await open();
  const turn = ['{"type":"join","room":"a"}', '{"type":"leave","room":"a"}'];
  await client.send(...Array.from({ length: 1_000 }, () => turn).flat());
  await client.send({ type: 'event', event: 'rooms', id: 1 });
  let answer = await client.next();
  while (answer['id'] !== 1) answer = await client.next();
  expect(answer).toMatchObject({ type: 'ack', args: [[]] });
  await Bun.sleep(5 * WORK_MS);
  expect(backend.asked('join').length).toBeLessThanOrEqual(3 * LIMITS.joinsAskedPerSession);
  await client.close();
});
