/** Clients that send too much, on the real command, beside honest ones. */

import { afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { pingFrame, textFrame } from '../fuzz/websocket-frames.ts';
import { Attackers, type AttackSocket } from '../support/attackers.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { beside, expectServed } from '../support/honest-clients.ts';
import { ask, Clients } from './clients.ts';
import { eventually } from './eventually.ts';

setDefaultTimeout(120_000);

const SEPARATOR = '\x1e';
const ATTACK_MS = 4_000;
const BODY_BYTES = 900_000;
const UNSENT_MAX_BYTES = 1 << 20;

const clients = new Clients();
let node: HoldfastProcess;

beforeEach(async () => {
  node = await HoldfastProcess.start({ app: join(import.meta.dir, 'rates-app.ts'), workers: 1 });
});

afterEach(async () => {
  clients.close();
  await node.stop();
});

/** Sends a frame again and again, as fast as it is read. @returns how many were sent */
async function flood(socket: AttackSocket, frame: Buffer): Promise<number> {
  const untilMs = performance.now() + ATTACK_MS;
  const frames = Buffer.concat(Array<Buffer>(1_000).fill(frame));
  let sent = 0;
  while (performance.now() < untilMs && !socket.isClosed) {
    if (socket.unsentBytes > UNSENT_MAX_BYTES) await Bun.sleep(5);
    else {
      socket.write(frames);
      sent += 1_000;
      await Bun.sleep(0);
    }
  }
  return sent;
}

async function heldBytes(): Promise<number> {
  const text = await (await node.admin('/metrics')).text();
  return Number(/holdfast_worker_held_bytes\{.*\} (\d+)/.exec(text)?.[1] ?? 0);
}

async function refusals(reason: string): Promise<number> {
  const text = await (await node.admin('/metrics')).text();
  const found = new RegExp(`holdfast_refusals_total\\{.*reason="${reason}"\\} (\\d+)`).exec(text);
  return Number(found?.[1] ?? 0);
}

test('floods of any kind are slowed down, and honest clients served', async () => {
  let beganAtMs = 0;
  const { quiet, attacked } = await beside(node.url, async () => {
    beganAtMs = performance.now();
    await using attackers = new Attackers(node.publicPort);
    const events = await attackers.openWebSocket();
    const guesser = await attackers.openWebSocket();
    const acker = await attackers.openWebSocket();
    const pinger = await attackers.openWebSocket();
    pinger.stopReading();
    const poster = await attackers.openPolling();
    const body = Array<string>(Math.floor(BODY_BYTES / 2))
      .fill('3')
      .join(SEPARATOR);
    void attackers.post(poster, body).catch(() => {});
    await Promise.all([
      flood(events, textFrame('42["count"]')),
      flood(guesser, textFrame('40/private,{"password":1}')),
      flood(acker, textFrame('437["nobody asked"]')),
      flood(pinger, pingFrame()),
    ]);
    const isClosed = [events, guesser, acker, pinger].map((attacker) => attacker.isClosed);
    expect(isClosed).toEqual(Array(4).fill(false));
    const isHeld = (bytes: number): boolean => bytes > 0;
    await eventually('answers to pings are counted', heldBytes, isHeld);
  });
  expectServed(attacked, quiet);
  const socket = await clients.connect(node.url);
  const taken = await ask<number>(socket, 'taken');
  // Five thousand at once and in each second, and what the table lets through unseen.
  expect(taken).toBeLessThan(5_000 * (2 + (performance.now() - beganAtMs) / 1_000));
  const isCounted = (count: number): boolean => count > 0;
  for (const reason of ['tooManyMessages', 'tooManyConnects', 'tooManyAcks', 'ackUnasked']) {
    await eventually(`${reason} is counted`, () => refusals(reason), isCounted);
  }
  // Two hundred at once and twenty in each second; the old way some hundred thousand.
  expect(await refusals('notAuthenticated')).toBeLessThan(600);
});

test('an event that comes more often than the app says is refused, and that told', async () => {
  const socket = await clients.connect(node.url);
  const told = new Promise<unknown>((resolve) => socket.on('error', resolve));
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => ask<unknown>(socket, 'vote', 1)),
  );
  expect(answers.filter((answer) => answer === 'counted').length).toBeWithin(5, 10);
  expect(answers.at(-1)).toEqual({ error: 'this event came too often' });
  socket.emit('vote', 1);
  expect(await told).toEqual({ message: 'this event came too often', refused: 1 });
  expect(await ask<number>(socket, 'taken')).toBe(0);
  const isCounted = (count: number): boolean => count > 10;
  await eventually('refusals are counted', () => refusals('eventTooOften'), isCounted);
});

test('what a client has buffered in an outage arrives, in one POST', async () => {
  await using attackers = new Attackers(node.publicPort);
  const sid = await attackers.openPolling();
  const body = Array<string>(1_500).fill('42["count"]').join(SEPARATOR);
  expect(await attackers.post(sid, body)).toBe(200);
  const socket = await clients.connect(node.url);
  expect(await ask<number>(socket, 'taken')).toBe(1_500);
});

test.each(['websocket', 'polling'])(
  'who sends too much at once by %s, and leaves, loses nothing',
  async (by) => {
    const socket = await clients.connect(node.url, { transports: [by] });
    const count = 9_000;
    for (let sent = 0; sent < count; sent++) socket.emit('count');
    socket.disconnect();
    const other = await clients.connect(node.url);
    const taken = (): Promise<number> => ask<number>(other, 'taken');
    await eventually('all is taken', taken, (sum) => sum === count);
    await eventually(
      'its wait is counted',
      () => refusals('tooManyMessages'),
      (held) => held > 0,
    );
  },
);
