/** Messages that never end, on the real command, beside honest clients: they fill no memory. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { fragments, halfFrame } from '../fuzz/websocket-frames.ts';
import { Attackers, type AttackSocket } from '../support/attackers.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { bytesOf, HONEST_APP, memoryComesBack } from '../support/honest-clients.ts';
import { HonestWatch } from '../support/honest-watch.ts';

setDefaultTimeout(120_000);

const MIB = 1 << 20;
const WORKERS = 2;
/** Of both workers. */
const BUDGET_BYTES = 64 * MIB;
/** What comes between two looks, which a busy machine takes late, and garbage of the honest. */
const SLACK_BYTES = 300 * MIB;
/** As much as one message may have, without its end. */
const MESSAGE_BYTES = 1_000_000;
const ONE_FRAME = halfFrame(MESSAGE_BYTES - 1, MESSAGE_BYTES);
const IN_PARTS = Buffer.concat(fragments(10, MESSAGE_BYTES / 10 - 1));
/** If nobody stopped them, they would hold more than half as much again as is allowed. */
const ATTACKERS = 600;

let node: HoldfastProcess;
let honest: HonestWatch;
let pids: readonly number[];
let restBytes: number;

beforeAll(async () => {
  node = await HoldfastProcess.start({
    app: HONEST_APP,
    workers: WORKERS,
    config: { memoryBudgetBytes: BUDGET_BYTES / WORKERS },
  });
  honest = await HonestWatch.start(node.url);
  pids = (await node.workerPids()).map(Number);
  restBytes = bytesOf(pids);
});

afterAll(async () => {
  await honest[Symbol.asyncDispose]();
  await node.stop();
});

async function cuts(): Promise<number> {
  const text = await (await node.admin('/metrics')).text();
  const counts = text.matchAll(/^holdfast_refusals_total\{.*reason="memoryBudget"\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Attacks beside honest clients. @returns how many attackers were cut */
async function attackedBy(attack: (attackers: Attackers) => Promise<void>): Promise<number> {
  const before = await cuts();
  let mostBytes = 0;
  const watch = setInterval(() => {
    mostBytes = Math.max(mostBytes, bytesOf(pids));
  }, 50);
  try {
    await honest.expectServedDuring(async () => {
      await using attackers = new Attackers(node.publicPort);
      await attack(attackers);
    });
  } finally {
    clearInterval(watch);
  }
  console.log(`rest ${restBytes / MIB} MiB, most ${mostBytes / MIB} MiB`);
  expect(mostBytes - restBytes).toBeLessThan(BUDGET_BYTES + SLACK_BYTES);
  await memoryComesBack(pids, restBytes, 60 * MIB);
  return (await cuts()) - before;
}

test.each([
  ['as one frame', ONE_FRAME],
  ['in parts, with a pong after each', IN_PARTS],
])('of clients that are nobody yet, %s', async (_how, half) => {
  const cut = await attackedBy(async (attackers) => {
    for (let i = 0; i < ATTACKERS; i++) (await attackers.openUnjoined()).write(half);
    await Bun.sleep(1_000);
  });
  expect(cut).toBeGreaterThan(ATTACKERS / 2);
});

test('that come a few bytes at a time, with a message before', async () => {
  const part = Buffer.alloc(10_000, 'x');
  const cut = await attackedBy(async (attackers) => {
    const sockets: AttackSocket[] = [];
    for (let i = 0; i < 250; i++) sockets.push(await attackers.openWebSocket());
    for (const socket of sockets) socket.write(halfFrame(1, MESSAGE_BYTES));
    for (let i = 0; i < 99; i++) {
      for (const socket of sockets) socket.write(part);
      await Bun.sleep(80);
    }
  });
  expect(cut).toBeGreaterThan(100);
});

test('over sockets that are to take over a session', async () => {
  const cut = await attackedBy(async (attackers) => {
    for (let i = 0; i < ATTACKERS; i++) {
      (await attackers.openOffered(await attackers.openPolling())).write(ONE_FRAME);
    }
    await Bun.sleep(1_000);
  });
  expect(cut).toBeGreaterThan(ATTACKERS / 2);
});

test('over sockets that have taken over a session, of this worker or of another', async () => {
  const cut = await attackedBy(async (attackers) => {
    for (let i = 0; i < ATTACKERS; i++) {
      const socket = await attackers.openOffered(await attackers.openPolling());
      socket.send('2probe');
      await socket.heard('3probe');
      socket.send('5');
      socket.write(ONE_FRAME);
    }
    await Bun.sleep(1_000);
  });
  expect(cut).toBeGreaterThan(ATTACKERS / 2);
});

test('of attackers that come again and again', async () => {
  const cut = await attackedBy(async (attackers) => {
    for (let round = 0; round < 6; round++) {
      const sockets: AttackSocket[] = [];
      for (let i = 0; i < 150; i++) {
        const socket = await attackers.openUnjoined();
        socket.write(ONE_FRAME);
        sockets.push(socket);
      }
      await Bun.sleep(500);
      for (const socket of sockets) socket.destroy();
    }
  });
  expect(cut).toBeGreaterThan(0);
});
