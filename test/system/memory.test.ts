/** Attacks on the memory of a worker, on the real command, beside honest clients. */

import { afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { textFrame } from '../fuzz/websocket-frames.ts';
import { Attackers } from '../support/attackers.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { beside, bytesOf, expectServed, memoryComesBack } from '../support/honest-clients.ts';

setDefaultTimeout(180_000);

const MIB = 1 << 20;
const BUDGET_BYTES = 64 * MIB;
/** What the heap may grow by for what is garbage already. */
const SLACK_BYTES = 150 * MIB;

let node: HoldfastProcess;
let pids: readonly number[];
let restBytes: number;

beforeEach(async () => {
  node = await HoldfastProcess.start({
    app: join(import.meta.dir, 'memory-app.ts'),
    workers: 1,
    // Short, so that what attackers leave behind is gone soon.
    config: { memoryBudgetBytes: BUDGET_BYTES, pingIntervalMs: 3_000, pingTimeoutMs: 3_000 },
  });
  pids = (await node.workerPids()).map(Number);
  restBytes = bytesOf(pids);
});

afterEach(() => node.stop());

async function refusals(): Promise<string> {
  const lines = (await (await node.admin('/metrics')).text()).split('\n');
  return lines.filter((line) => line.startsWith('holdfast_refusals_total')).join('\n');
}

/** Carries out an attack beside honest clients. @returns the most that the worker held meanwhile */
async function attackedBy(attack: () => Promise<void>): Promise<number> {
  let mostBytes = 0;
  const watch = setInterval(() => {
    mostBytes = Math.max(mostBytes, bytesOf(pids));
  }, 100);
  try {
    const { quiet, attacked } = await beside(node.url, attack);
    expectServed(attacked, quiet);
  } finally {
    clearInterval(watch);
  }
  console.log(`rest ${restBytes / MIB} MiB, most ${mostBytes / MIB} MiB`);
  expect(mostBytes - restBytes).toBeLessThan(BUDGET_BYTES + SLACK_BYTES);
  await memoryComesBack(pids, restBytes, 60 * MIB);
  return mostBytes;
}

test('sessions that never poll and ask for large acks', async () => {
  await attackedBy(async () => {
    await using attackers = new Attackers(node.publicPort);
    for (let i = 0; i < 1_000; i++) {
      await attackers.post(await attackers.openPolling(), '420["large"]');
    }
  });
  expect(await refusals()).toMatch(/reason="memoryBudget"\} \d{3}/);
});

test('sockets that never read and ask for large acks', async () => {
  await attackedBy(async () => {
    await using attackers = new Attackers(node.publicPort);
    for (let i = 0; i < 60; i++) {
      const socket = await attackers.openWebSocket();
      socket.stopReading();
      for (let ask = 0; ask < 10; ask++) socket.send(`42${ask}["large"]`);
    }
    await Bun.sleep(1_000);
  });
  expect(await refusals()).toMatch(/reason="memoryBudget"\} \d+/);
});

test('half-sent binary events', async () => {
  const brackets = textFrame(`451-${'['.repeat(499_000)}${']'.repeat(499_000)}`);
  await attackedBy(async () => {
    await using attackers = new Attackers(node.publicPort);
    for (let i = 0; i < 100; i++) (await attackers.openWebSocket()).write(brackets);
    await Bun.sleep(1_000);
  });
  expect(await refusals()).toMatch(/reason="memoryBudget"\} \d+/);
});
