/** Limits by address and by user: who is over one is told, counted, and nobody else minds. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { Clients } from './clients.ts';
import { eventually } from './eventually.ts';

const APP = join(import.meta.dir, 'system-app.ts');
const PAGE = 'https://page.example';
const LIMITS = {
  maxSessionsPerAddress: 8,
  maxUnauthenticatedPerAddress: 6,
  maxSilentPerAddress: 4,
  maxHandshakesPerAddress: 30,
  maxSessionsPerUser: 2,
};

setDefaultTimeout(60_000);

const clients = new Clients();
let node: HoldfastProcess;

beforeAll(async () => {
  // Each test comes from addresses of its own.
  const trustedProxies = ['127.0.0.0/8', '::1'];
  const config = { ...LIMITS, trustedProxies, corsOrigins: [PAGE] };
  node = await HoldfastProcess.start({ app: APP, workers: 1, config });
});

afterAll(async () => {
  clients.close();
  await node.stop();
});

function handshake(address: string): Promise<Response> {
  const headers = { 'x-forwarded-for': address, origin: PAGE };
  return fetch(`${node.url}/socket.io/?EIO=4&transport=polling`, { headers });
}

async function statuses(addresses: readonly string[]): Promise<number[]> {
  const found: number[] = [];
  for (const address of addresses) {
    const answer = await handshake(address);
    found.push(answer.status);
    await answer.text();
  }
  return found;
}

const times = (count: number, address: string): string[] =>
  Array.from({ length: count }, () => address);

async function counted(reason: string): Promise<number> {
  const text = await (await node.admin('/metrics')).text();
  const line = text.split('\n').find((one) => one.includes(`reason="${reason}"`));
  return Number(line?.split(' ').at(-1) ?? 0);
}

test('who never asks is refused after a few, as Socket.IO refuses; others come in', async () => {
  expect(await statuses(times(4, '192.0.2.1'))).toEqual([200, 200, 200, 200]);
  const refused = await handshake('192.0.2.1');
  expect(refused.status).toBe(429);
  expect(await refused.json()).toEqual({ code: 4, message: expect.any(String) });
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(refused.headers.get('access-control-allow-origin')).toBe(PAGE);
  expect(await statuses(['192.0.2.2'])).toEqual([200]);
  await eventually(
    'it is counted',
    () => counted('addressSilent'),
    (count) => count >= 1,
  );
  // One line a reason and second, with the first of whom it tells, who may be of another test.
  await eventually(
    'the log names the address',
    async () => {
      await handshake('192.0.2.1');
      return node.log.some(({ detail }) => detail === '192.0.2.1');
    },
    Boolean,
  );
});

test('IPv6 counts by its first 64 bits', async () => {
  const addresses = ['1::', '2::', '3::', '4::', '5::'].map((rest) => `2001:db8:1:2:${rest}`);
  expect((await statuses(addresses)).at(-1)).toBe(429);
  expect(await statuses(['2001:db8:1:3::1'])).toEqual([200]);
});

test('clients that join count as unauthenticated, and users as sessions', async () => {
  const connect = (address: string, user?: string): Promise<unknown> =>
    clients.connect(node.url, {
      reconnection: false,
      extraHeaders: { 'x-forwarded-for': address },
      ...(user === undefined ? {} : { auth: { user } }),
    });
  for (let i = 0; i < LIMITS.maxUnauthenticatedPerAddress; i++) await connect('192.0.2.3');
  expect(connect('192.0.2.3')).rejects.toThrow();
  for (let i = 0; i < LIMITS.maxSessionsPerAddress; i++) await connect('192.0.2.4', `user ${i}`);
  expect(connect('192.0.2.4', 'one more')).rejects.toThrow();
  await eventually(
    'it is counted',
    () => counted('addressSessions'),
    (count) => count >= 1,
  );
  expect(await counted('addressUnauthenticated')).toBeGreaterThanOrEqual(1);
});

test('a user has so many sessions, and gets a place again when one has gone', async () => {
  const connect = (): ReturnType<Clients['connect']> =>
    clients.connect(node.url, {
      reconnection: false,
      transports: ['websocket'],
      auth: { user: 'greedy' },
      extraHeaders: { 'x-forwarded-for': '192.0.2.5' },
    });
  const sockets = [await connect(), await connect()];
  expect(connect()).rejects.toThrow('too many sessions of this user');
  sockets[0]?.disconnect();
  await eventually('there is a place', () => connect().catch(() => undefined), Boolean);
});

test('more handshakes in a second than may be are refused', async () => {
  const many = times(3 * LIMITS.maxHandshakesPerAddress, '192.0.2.6');
  await Promise.all(many.map((address) => statuses([address])));
  const isCounted = (count: number): boolean => count > 0;
  await eventually('it is counted', () => counted('addressHandshakes'), isCounted);
});
