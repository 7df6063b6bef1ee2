/** Attacks on the memory of a worker, on the real command, beside honest clients. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { textFrame } from '../fuzz/websocket-frames.ts';
import { Attackers } from '../support/attackers.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { bytesOf, memoryComesBack } from '../support/honest-clients.ts';
import { HonestWatch } from '../support/honest-watch.ts';

setDefaultTimeout(180_000);

const MIB = 1 << 20;
const BUDGET_BYTES = 64 * MIB;
/** What the heap may grow by for what is garbage already. */
const SLACK_BYTES = 150 * MIB;

let node: HoldfastProcess;
let honest: HonestWatch;
let pids: readonly number[];
let restBytes: number;

beforeAll(async () => {
  node = await HoldfastProcess.start({
    app: join(import.meta.dir, 'memory-app.ts'),
    workers: 1,
    // Short, so that what attackers leave behind is gone soon.
    config: { memoryBudgetBytes: BUDGET_BYTES, pingIntervalMs: 3_000, pingTimeoutMs: 3_000 },
  });
  honest = await HonestWatch.start(node.url);
  pids = (await node.workerPids()).map(Number);
  restBytes = bytesOf(pids);
});

afterAll(async () => {
  await honest[Symbol.asyncDispose]();
  await node.stop();
});

async function refusals(): Promise<number> {
  const text = await (await node.admin('/metrics')).text();
  const counts = text.matchAll(/^holdfast_refusals_total\{.*reason="memoryBudget"\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

/**
 * Carries out an attack beside honest clients.
 *
 * @returns how often something was refused for the budget
 */
async function attackedBy(attack: () => Promise<void>): Promise<number> {
  const before = await refusals();
  let mostBytes = 0;
  const watch = setInterval(() => {
    mostBytes = Math.max(mostBytes, bytesOf(pids));
  }, 100);
  try {
    await honest.expectServedDuring(attack);
  } finally {
    clearInterval(watch);
  }
  console.log(`rest ${restBytes / MIB} MiB, most ${mostBytes / MIB} MiB`);
  expect(mostBytes - restBytes).toBeLessThan(BUDGET_BYTES + SLACK_BYTES);
  await memoryComesBack(pids, restBytes, 60 * MIB);
  return (await refusals()) - before;
}

test('sessions that never poll and ask for large acks', async () => {
  const refused = await attackedBy(async () => {
    await using attackers = new Attackers(node.publicPort);
    for (let i = 0; i < 1_000; i++) {
      await attackers.post(await attackers.openPolling(), '420["large"]');
    }
  });
  expect(refused).toBeGreaterThan(99);
});

test('sockets that never read and ask for large acks', async () => {
  const refused = await attackedBy(async () => {
    await using attackers = new Attackers(node.publicPort);
    for (let i = 0; i < 60; i++) {
      const socket = await attackers.openWebSocket();
      socket.stopReading();
      for (let ask = 0; ask < 10; ask++) socket.send(`42${ask}["large"]`);
    }
    await Bun.sleep(1_000);
  });
  expect(refused).toBeGreaterThan(0);
});

test('half-sent binary events', async () => {
  const brackets = textFrame(`451-${'['.repeat(499_000)}${']'.repeat(499_000)}`);
  const refused = await attackedBy(async () => {
    await using attackers = new Attackers(node.publicPort);
    for (let i = 0; i < 100; i++) (await attackers.openWebSocket()).write(brackets);
    await Bun.sleep(1_000);
  });
  expect(refused).toBeGreaterThan(0);
});
