/**
 * A running node under everything that a client should not send.
 *
 * `HOLDFAST_FUZZ_SECONDS` bounds the time, half of it for a first round and half for the same
 * attacks again; `HOLDFAST_FUZZ_SEED` repeats a run. Every attack has a generator of its own, made
 * from the seed and the number of the attack. Whatever the attacks, the worker must live, say
 * nothing of an uncaught error, answer nothing with 500, keep its other sessions, and come back to
 * the size that it had after the first round.
 */

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { join } from 'node:path';
import { io, type Socket } from 'socket.io-client';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { within } from '../support/raw-deadline.ts';
import { attackAdmin, attackHttp } from './http-attacks.ts';
import { attackPlainHttp, attackPlainSession, attackPlainSocket } from './plain-attacks.ts';
import { becomesEmpty, megabytes, restingBytes } from './plateau.ts';
import { Random } from './random.ts';
import {
  attackBrokenPost,
  attackConnect,
  attackPolling,
  attackUpgrade,
  attackWebSocket,
} from './session-attacks.ts';

const SECONDS = Number(process.env['HOLDFAST_FUZZ_SECONDS'] ?? 10);
const TIMEOUT_MS = SECONDS * 3_000 + 60_000;
const PARALLEL = 24;
const BYSTANDERS = 5;
/** Once warm, a round of the same attacks may leave this much behind: noise of the allocator. */
const TOLERANCE_BYTES = 12_000_000;

const CONFIG = {
  pingIntervalMs: 500,
  pollHoldMs: 300,
  // The attackers share a process with the sessions that must stay, which may answer late.
  pingTimeoutMs: 2_500,
  upgradeTimeoutMs: 300,
  connectTimeoutMs: 500,
  maxPayloadBytes: 100_000,
  maxBackpressureBytes: 200_000,
  logLevel: 'warn',
} as const;

type Attack = (random: Random, port: number) => Promise<string>;

const ATTACKS: readonly Attack[] = [
  attackHttp,
  attackHttp,
  attackPolling,
  attackPolling,
  attackBrokenPost,
  attackWebSocket,
  attackWebSocket,
  attackWebSocket,
  attackUpgrade,
  attackConnect,
  attackPlainHttp,
  attackPlainHttp,
  attackPlainSession,
  attackPlainSession,
  attackPlainSocket,
  attackPlainSocket,
];
const ADMIN_SHARE = 0.1;

let node: HoldfastProcess;
let pid: number | undefined;
let seed: number;
const bystanders: Socket[] = [];
/** Attacks that were answered with an error of the server, by number. */
const failures: string[] = [];

beforeAll(async () => {
  seed = Random.announced('fuzz').seed;
  const app = join(import.meta.dir, 'fuzz-app.ts');
  node = await HoldfastProcess.start({ app, workers: 1, config: CONFIG });
  [pid] = await node.workerPids();
}, TIMEOUT_MS);

afterAll(async () => {
  for (const socket of bystanders) socket.close();
  await node.stop();
}, TIMEOUT_MS);

/** Attacks until the time is over or the number is reached. @returns how many there were */
async function attack(most: number, endMs: number): Promise<number> {
  let next = 0;
  const attacker = async (): Promise<void> => {
    while (next < most && performance.now() < endMs) {
      const number = next++;
      await attackOnce(number);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, attacker));
  return next;
}

async function attackOnce(number: number): Promise<void> {
  const random = new Random(seed + number);
  const isAdmin = random.chance(ADMIN_SHARE);
  const chosen = isAdmin ? attackAdmin : random.pick(ATTACKS);
  const answers = await chosen(random, isAdmin ? node.adminPort : node.publicPort);
  const [error] = /HTTP\/1\.1 500[^\r\n]*/.exec(answers) ?? [];
  if (error !== undefined) failures.push(`seed ${seed}, attack ${number}: ${error}`);
}

async function connect(transports: ('polling' | 'websocket')[]): Promise<Socket> {
  const socket = io(node.url, { transports, reconnection: false, forceNew: true });
  const connected = Promise.withResolvers<void>();
  socket.on('connect', connected.resolve);
  socket.on('connect_error', connected.reject);
  await within('a client connects', connected.promise);
  return socket;
}

async function expectEcho(socket: Socket): Promise<void> {
  const answer: unknown = await socket.timeout(10_000).emitWithAck('echo', { a: ['é🐟', 1] });
  expect(answer).toEqual({ a: ['é🐟', 1] });
}

test(
  'attacks leave the node as it was',
  async () => {
    for (let i = 0; i < BYSTANDERS; i++) bystanders.push(await connect(['websocket']));
    const startMs = performance.now();
    const count = await attack(Number.POSITIVE_INFINITY, startMs + SECONDS * 500);
    const firstBytes = await weighWithBystanders();
    await attack(count, performance.now() + SECONDS * 2_000);
    const secondBytes = await weighWithBystanders();
    console.log(
      `fuzz: ${count} attacks, twice; the worker weighs ${megabytes(firstBytes)} after the first ` +
        `round and ${megabytes(secondBytes)} after the second`,
    );
    expect(failures).toEqual([]);
    expect(secondBytes - firstBytes).toBeLessThan(TOLERANCE_BYTES);
  },
  TIMEOUT_MS,
);

/** The sessions of the attacks are gone; what is left is the bystanders'. */
async function weighWithBystanders(): Promise<number> {
  const isAlone = async (): Promise<boolean> =>
    (await node.load()).connections === bystanders.length;
  const endMs = performance.now() + 15_000;
  while (!(await isAlone()) && performance.now() < endMs) await Bun.sleep(50);
  expect((await node.load()).connections).toBe(bystanders.length);
  return await restingBytes(node);
}

test('its other sessions have noticed nothing', async () => {
  for (const socket of bystanders) await expectEcho(socket);
});

test('it is the same worker, and it has no uncaught error to tell of', async () => {
  const { workers } = await node.process();
  expect(workers.map((worker) => [worker.pid, worker.restarts])).toEqual([[pid as number, 0]]);
  expect(toldKinds().filter((kind) => kind.startsWith('uncaught error'))).toEqual([]);
});

test('the log blames the app for its own faults only, and nobody for those of clients', () => {
  expect(toldKinds()).toEqual([]);
});

/** By design: handlers that fail, and clients that were refused or cut, summed up by the second. */
const EXPECTED: readonly RegExp[] = [
  /^handler '.*' failed/s,
  /^(refused|cut|dropped), \d+ in the last second: /,
  /^a caller of the admin API was refused$/,
  /^lines of the log were held back in the last second$/,
  // All of them come from this machine.
  /^most sessions come from a few addresses/,
];

/** What else the log says, one line of each kind. */
function toldKinds(): string[] {
  const told = node.log.filter(({ msg }) => !EXPECTED.some((kind) => kind.test(msg)));
  return [...new Set(told.map(({ msg, error }) => `${msg}: ${String(error).split('\n')[0]}`))];
}

test('the prototype of objects is as it was', () => {
  expect(({} as { polluted?: number }).polluted).toBeUndefined();
});

test('a client connects by polling, moves to a WebSocket, and is answered', async () => {
  const socket = await connect(['polling', 'websocket']);
  const upgraded = new Promise<void>((resolve) => {
    if (socket.io.engine.transport.name === 'websocket') resolve();
    else socket.io.engine.once('upgrade', () => resolve());
  });
  await within('the client moves to a WebSocket', upgraded);
  await expectEcho(socket);
  socket.close();
});

test(
  'once all have left, no session is left',
  async () => {
    for (const socket of bystanders.splice(0)) socket.close();
    await becomesEmpty(node);
    const { workers } = await node.process();
    expect(workers[0]?.pid).toBe(pid as number);
  },
  TIMEOUT_MS,
);
