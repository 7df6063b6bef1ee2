/**
 * Two hundred unmodified Socket.IO clients over four workers on one port.
 *
 * With HOLDFAST_SOAK_SECONDS=120 the heartbeats are those of the default configuration, and the
 * clients must hold for that long.
 */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { type ClientState, Crowd } from './crowd.ts';
import { eventually } from './eventually.ts';

const APP = join(import.meta.dir, 'system-app.ts');
const CLIENTS = 200;
const POLLING_CLIENTS = 50;
const WORKERS = 4;
const ROOMS = 7;
const USERS = 20;
const BYTE_LENGTHS = [0, 1, 125, 126, 65_535, 65_536, 100_000];
const HEARTBEATS = 4;

const soakSeconds = Number(process.env['HOLDFAST_SOAK_SECONDS'] ?? 0);
const SHORT_HEARTBEATS = { pingIntervalMs: 1000, pingTimeoutMs: 20_000 };

setDefaultTimeout(60_000);

let node: HoldfastProcess;
let crowd: Crowd;

const numbers = Array.from({ length: CLIENTS }, (_, i) => i);
const isPolling = (number: number): boolean => number < POLLING_CLIENTS;
const roomOf = (number: number): string => `room-${number % ROOMS}`;
const userOf = (number: number): string => `user-${number % USERS}`;

beforeAll(async () => {
  const config = soakSeconds > 0 ? {} : SHORT_HEARTBEATS;
  node = await HoldfastProcess.start({ app: APP, workers: WORKERS, config });
  crowd = new Crowd();
}, 60_000);

afterAll(async () => {
  await crowd[Symbol.asyncDispose]();
  await node.stop();
}, 60_000);

describe('200 clients over 4 workers', () => {
  test('all connect at the first try, and all but the polling ones upgrade', async () => {
    const options = numbers.map((number) => ({
      auth: { user: userOf(number), rooms: [roomOf(number)] },
      ...(isPolling(number) ? { transports: ['polling'] } : {}),
    }));
    await crowd.connect(node.url, options);
    const states = await eventually(
      'the clients have upgraded',
      () => crowd.states(),
      (all) => all.every((state, i) => state.transport === transportOf(i)),
    );
    expect(states.map(({ connects }) => connects)).toEqual(numbers.map(() => 1));
    expectUndisturbed(states);
  }, 60_000);

  test('the node counts them, and some had to be passed on between workers', async () => {
    const load = await eventually(
      'the load report is up to date',
      () => node.load(),
      ({ transports }) =>
        transports.polling === POLLING_CLIENTS &&
        transports.websocket === CLIENTS - POLLING_CLIENTS,
    );
    expect(load.connections).toBe(CLIENTS);
    expect(load.workers.every(({ connections }) => connections > 0)).toBe(true);
    const metrics = await (await node.admin('/metrics')).text();
    const forwarded = metrics.matchAll(/^holdfast_requests_forwarded_total\{.*\} (\d+)$/gm);
    expect([...forwarded].reduce((sum, [, value]) => sum + Number(value), 0)).toBeGreaterThan(0);
  });

  test('all get a broadcast of `holdfast send`, once', async () => {
    await node.send('hello, everyone');
    const states = await allHeard('message');
    expect(states.map(({ heard }) => heard['message'])).toEqual(
      numbers.map(() => [['hello, everyone']]),
    );
  });

  test('rooms and users reach exactly their own, on all workers', async () => {
    await node.send('to a room', '--event', 'roomed', '--room', 'room-3');
    await node.send('--event', 'joint', '--args', '[1,2]', '--room', 'room-1', '--room', 'room-2');
    await node.send('to a user', '--event', 'personal', '--user', 'user-7');
    await node.send('to some', '--event', 'partial', '--room', 'room-3', '--except', 'room-3');
    await node.send('to others', '--event', 'others', '--except', 'room-0');
    // Messages keep their order, so whoever was to hear one of those has heard it before this.
    await node.send('fence', '--event', 'fence');
    const states = await allHeard('fence');
    const hearers = (event: string): number[] =>
      numbers.filter((number) => states[number]?.heard[event] !== undefined);
    expect(hearers('roomed')).toEqual(numbers.filter((number) => number % ROOMS === 3));
    expect(hearers('joint')).toEqual(numbers.filter((number) => [1, 2].includes(number % ROOMS)));
    expect(hearers('personal')).toEqual(numbers.filter((number) => number % USERS === 7));
    expect(hearers('partial')).toEqual([]);
    expect(hearers('others')).toEqual(numbers.filter((number) => number % ROOMS !== 0));
    const times = states.flatMap(({ heard }) => Object.values(heard).map((calls) => calls.length));
    expect(new Set(times)).toEqual(new Set([1]));
  }, 120_000);

  test('acks return both ways', async () => {
    const answers = await crowd.ask<string>('echo', 'are you there?');
    expect(answers).toEqual(numbers.map(() => 'are you there?'));
  });

  test.each(BYTE_LENGTHS)('%p bytes arrive as they were, both ways', async (length) => {
    expect(await crowd.exchange([length])).toEqual(numbers.map(() => 'same'));
  });

  test(
    'none is dropped over the heartbeats',
    async () => {
      const endMs = performance.now() + soakSeconds * 1000;
      const states = await eventually(
        'every client has been pinged often enough, for long enough',
        () => crowd.states(),
        (all) => performance.now() >= endMs && all.every(({ pings }) => pings >= HEARTBEATS),
        soakSeconds * 1000 + 30_000,
      );
      expectUndisturbed(states);
      expect((await node.load()).connections).toBe(CLIENTS);
      await node.send('still there');
      expectUndisturbed(await allHeard('message', 2));
    },
    soakSeconds * 1000 + 60_000,
  );

  test('all leave when they want to', async () => {
    await crowd.close();
    await eventually(
      'the node counts no connection',
      () => node.load(),
      ({ connections }) => connections === 0,
    );
    const states = await crowd.states();
    expect(states.map(({ disconnects }) => disconnects)).toEqual(
      numbers.map(() => ['io client disconnect']),
    );
    expect(node.log.filter(({ level }) => level !== 'info')).toEqual([]);
  });
});

function transportOf(number: number): string {
  return isPolling(number) ? 'polling' : 'websocket';
}

function allHeard(event: string, times = 1): Promise<readonly ClientState[]> {
  return eventually(
    `every client hears '${event}'`,
    () => crowd.states(),
    (states) => states.every(({ heard }) => (heard[event]?.length ?? 0) >= times),
  );
}

/** No client had trouble to connect, and none was disconnected since. */
function expectUndisturbed(states: readonly ClientState[]): void {
  const troubled = states.filter(
    ({ errors, disconnects, reconnectAttempts }) =>
      errors.length + disconnects.length + reconnectAttempts > 0,
  );
  expect(troubled).toEqual([]);
}
