/**
 * A room that is kept, with a client of every kind over four workers: each gets every message once
 * and in order, while their connections are cut and workers are killed.
 */

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { Cable } from '../support/cable.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { requirement } from '../support/requires.ts';
import { Clients } from './clients.ts';
import { eventually } from './eventually.ts';
import {
  fetchReturning,
  pageReturning,
  type Returning,
  smallReturning,
  socketIoReturning,
} from './returning-clients.ts';

const ROOM = 'match:42';
const MESSAGES = 1_000;
const CUTS = 20;
const KEPT = {
  join: 'anyone',
  publish: 'nobody',
  history: { messages: 1_000, seconds: 300 },
  recovery: true,
  presence: false,
} as const;
const KILLS = 2;
/** Messages come over so long, as all else does. An `EventSource` comes back after 2 s. */
const DURATION_MS = 60_000;
const WAIT_MS = 60_000;
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'];

const program = requirement('chromium');
const clients = new Clients();
const cables: Cable[] = [];
let node: HoldfastProcess;
let browser: Browser | undefined;
let participants: readonly Returning[] = [];

beforeAll(async () => {
  if (!program.available) return;
  node = await HoldfastProcess.start({
    app: join(import.meta.dir, 'returning-app.ts'),
    workers: 4,
    config: { rooms: { 'match:*': KEPT } },
  });
  browser = await chromium.launch({ executablePath: program.path, args: ARGUMENTS });
  const [first, second, third, fourth, fifth, sixth] = (await Promise.all(
    Array.from({ length: 6 }, () => Cable.to(node.publicPort)),
  )) as [Cable, Cable, Cable, Cable, Cable, Cable];
  cables.push(first, second, third, fourth, fifth, sixth);
  const options = { auth: { rooms: [ROOM] }, reconnectionDelay: 100, reconnectionDelayMax: 500 };
  participants = [
    socketIoReturning(await clients.connect(first.url, options)),
    await smallReturning(second.url, ROOM),
    await pageReturning(browser, third.url, 'websocket', ROOM),
    await pageReturning(browser, fourth.url, 'sse', ROOM),
    await fetchReturning(fifth.url, 'polling', ROOM),
    await fetchReturning(sixth.url, 'stream', ROOM),
  ];
}, 90_000);

afterAll(async () => {
  await Promise.allSettled(participants.map((participant) => participant.close()));
  clients.close();
  await browser?.close();
  for (const cable of cables) await cable[Symbol.asyncDispose]();
  if (program.available) await node.stop();
}, 60_000);

test.skipIf(!program.available)(
  program.title('each gets every one of a thousand messages once, in order'),
  async () => {
    await Promise.all([say(), ...cables.map(cutAgainAndAgain), killWorkers()]);
    expect(cables.map(({ cuts }) => cuts)).toEqual(cables.map(() => CUTS));
    const numbers = Array.from({ length: MESSAGES }, (_, number) => number);
    for (const participant of participants) {
      const { name } = participant;
      const heard = await eventually(
        `${name} hears the last`,
        () => participant.heard(),
        (all) => all.includes(MESSAGES - 1),
        WAIT_MS,
      );
      expect([name, heard]).toEqual([name, numbers]);
      expect([name, await participant.unrecovered()]).toEqual([name, 0]);
    }
  },
  DURATION_MS + 2 * WAIT_MS,
);

async function say(): Promise<void> {
  for (let number = 0; number < MESSAGES; number++) {
    const said = { event: 'number', args: [number], room: ROOM };
    const answer = await node.post('/send', JSON.stringify(said));
    expect(answer.status).toBe(202);
    await Bun.sleep(DURATION_MS / MESSAGES / 1.2);
  }
}

async function cutAgainAndAgain(cable: Cable): Promise<void> {
  for (let left = CUTS; left > 0; ) {
    await Bun.sleep((DURATION_MS / CUTS) * (0.5 + Math.random() * 0.8));
    if (cable.cut()) left--;
  }
}

async function killWorkers(): Promise<void> {
  for (let kill = 1; kill <= KILLS; kill++) {
    await Bun.sleep(DURATION_MS / (KILLS + 1));
    const pids = (await node.workerPids()).filter((pid) => pid !== undefined);
    process.kill(pids[Math.floor(Math.random() * pids.length)] as number, 'SIGKILL');
  }
}
