/** A worker that is full refuses before any upgrade, and keeps those it has. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import type { Socket } from 'socket.io-client';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { ask, Clients, record } from './clients.ts';
import { eventually } from './eventually.ts';

const APP = join(import.meta.dir, 'system-app.ts');
const MOST = 3;
const UPGRADE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
  'sec-websocket-version': '13',
};

setDefaultTimeout(60_000);

const clients = new Clients();
let node: HoldfastProcess;
/** Those that are in, and what each heard of its end. */
let sockets: Socket[];
let disconnects: string[][];

beforeAll(async () => {
  node = await HoldfastProcess.start({
    app: APP,
    workers: 1,
    config: { maxSessionsPerWorker: MOST },
  });
  sockets = await clients.connectMany(node.url, MOST, (number) => ({
    transports: [number === 0 ? 'polling' : 'websocket'],
  }));
  disconnects = record<string>(sockets, 'disconnect');
});

afterAll(async () => {
  clients.close();
  await node.stop();
});

test.each([
  ['polling', {}],
  ['websocket', UPGRADE],
])('a handshake over %s gets 503 and is told when to come back', async (transport, headers) => {
  const url = `${node.url}/socket.io/?EIO=4&transport=${transport}`;
  const answer = await fetch(url, { headers });
  expect(answer.status).toBe(503);
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  await answer.text();
});

test('the worker and the node say that they take no sessions', async () => {
  expect((await fetch(`${node.url}/ready`)).status).toBe(503);
  expect((await fetch(`${node.url}/health`)).status).toBe(200);
  await eventually(
    'the admin port says so, too',
    () => node.admin('/ready'),
    ({ status }) => status === 503,
  );
});

test('two hundred handshakes more cost those that are in nothing', async () => {
  const url = `${node.url}/socket.io/?EIO=4&transport=polling`;
  const refusals = Array.from({ length: 200 }, async () => (await fetch(url)).status);
  expect(new Set(await Promise.all(refusals))).toEqual(new Set([503]));
  expect(disconnects.flat()).toEqual([]);
  for (const socket of sockets) {
    expect(await ask<string>(socket, 'echo', 'still here')).toBe('still here');
  }
  const { workers } = await node.process();
  expect(workers.map(({ restarts }) => restarts)).toEqual([0]);
});

test('a place that gets free is given to the next', async () => {
  sockets.pop()?.disconnect();
  disconnects.pop();
  await eventually(
    'the worker takes sessions again',
    () => fetch(`${node.url}/ready`),
    ({ status }) => status === 200,
  );
  sockets.push(await clients.connect(node.url, { transports: ['websocket'] }));
  disconnects.push(...record<string>(sockets.slice(-1), 'disconnect'));
});
