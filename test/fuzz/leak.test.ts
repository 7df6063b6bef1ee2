/** Crowds that come and go: a worker weighs the same after each of them. */

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { join } from 'node:path';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { becomesEmpty, megabytes, restingBytes } from './plateau.ts';
import { Tcp } from './tcp.ts';
import { handshake, textFrame } from './websocket-frames.ts';

const SESSIONS = 5_000;
/** The first two make the worker as large as it gets. */
const WARM_UP = 2;
const ROUNDS_MAX = 6;
const PARALLEL = 250;
/** One in so many sessions polls, and leaves without a word. */
const POLLING_EVERY = 10;
const TIMEOUT_MS = 180_000;
/**
 * A session that stays weighs at least twice as much. The noise is a tenth of this, and now and
 * then, beside other work, more than all of it; but what stays is there after each crowd.
 */
const TOLERANCE_BYTES = SESSIONS * 300;

let node: HoldfastProcess;

beforeAll(async () => {
  node = await HoldfastProcess.start({
    app: join(import.meta.dir, 'fuzz-app.ts'),
    workers: 1,
    // Long enough for the crowd's own pace on a machine that has other work.
    config: { pingIntervalMs: 2_500, pingTimeoutMs: 2_500, connectTimeoutMs: 5_000 },
  });
}, TIMEOUT_MS);

afterAll(() => node.stop(), TIMEOUT_MS);

/** A session that joins, asks, is answered, and goes by closing or by vanishing. */
async function visitByWebSocket(number: number): Promise<void> {
  const tcp = await Tcp.open(node.publicPort);
  await tcp.write(handshake());
  await until(tcp, '"sid"');
  await tcp.write(textFrame('40'));
  await until(tcp, 'hello');
  await tcp.write(textFrame(`427["echo","${number}"]`));
  await until(tcp, `437["${number}"]`);
  tcp.end(number % 2 === 0 ? 'close' : 'reset');
}

async function visitByPolling(): Promise<void> {
  const base = `${node.url}/socket.io/?EIO=4&transport=polling`;
  const opened = await (await fetch(base)).text();
  const sid = /"sid":"([^"]+)"/.exec(opened)?.[1];
  await (await fetch(`${base}&sid=${sid}`, { method: 'POST', body: '40' })).text();
  expect(await (await fetch(`${base}&sid=${sid}`)).text()).toContain('40{');
}

async function until(tcp: Tcp, text: string): Promise<void> {
  for (let tries = 0; tries < 100 && !tcp.received.includes(text); tries++) {
    await tcp.until((received) => received.includes(text));
  }
  expect(tcp.received).toContain(text);
}

async function crowd(): Promise<void> {
  let next = 0;
  const visitor = async (): Promise<void> => {
    while (next < SESSIONS) {
      const number = next++;
      if (number % POLLING_EVERY === 0) await visitByPolling();
      else await visitByWebSocket(number);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, visitor));
}

test(
  `crowds of ${SESSIONS} sessions leave nothing behind`,
  async () => {
    const plateaus: number[] = [];
    const growth = (): number => (plateaus.at(-1) ?? 0) - (plateaus.at(-2) ?? 0);
    while (
      plateaus.length <= WARM_UP ||
      (growth() >= TOLERANCE_BYTES && plateaus.length < ROUNDS_MAX)
    ) {
      await crowd();
      await becomesEmpty(node);
      plateaus.push(await restingBytes(node));
    }
    console.log(`leak: the worker weighs ${plateaus.map(megabytes).join(', ')} after the crowds`);
    const { workers } = await node.process();
    expect(workers[0]?.restarts).toBe(0);
    expect(growth()).toBeLessThan(TOLERANCE_BYTES);
  },
  TIMEOUT_MS,
);
