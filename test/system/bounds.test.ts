/** Bounds as clients meet them: what honest ones do fits, and what does not is refused alone. */

import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { Manager } from 'socket.io-client';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { NAMESPACES } from './bounds-app.ts';
import { ask, Clients, joined } from './clients.ts';

setDefaultTimeout(60_000);

const clients = new Clients();
let node: HoldfastProcess;

beforeAll(async () => {
  node = await HoldfastProcess.start({ app: join(import.meta.dir, 'bounds-app.ts'), workers: 1 });
}, 60_000);

afterEach(() => clients.close());

afterAll(() => node.stop(), 30_000);

test('a client is in as many namespaces of the app as it likes over one connection', async () => {
  const manager = new Manager(node.url, { transports: ['websocket'] });
  const sockets = Array.from({ length: NAMESPACES }, (_, index) => manager.socket(`/n${index}`));
  await Promise.all(sockets.map(joined));
  expect(await Promise.all(sockets.map((socket, i) => ask<number>(socket, 'echo', i)))).toEqual(
    sockets.map((_, index) => index),
  );
  manager._close();
});

test('a session is in a thousand rooms, and joins all that are asked for or none', async () => {
  const socket = await clients.connect(node.url);
  expect(await ask<number>(socket, 'join', 1_000)).toBe(1_000);
  expect(await ask<object>(socket, 'join', 20_000)).toHaveProperty('error');
  expect(await ask<number>(socket, 'rooms')).toBe(1_000);
});

test('values nested a few hundred deep pass, with binary data and without', async () => {
  const socket = await clients.connect(node.url);
  const nested = (value: unknown): unknown => {
    let outer = value;
    for (let depth = 0; depth < 300; depth++) outer = [outer];
    return outer;
  };
  for (const value of [nested(1), nested(Buffer.from('x'))]) {
    expect(await ask<unknown>(socket, 'echo', value)).toEqual(value);
  }
});
