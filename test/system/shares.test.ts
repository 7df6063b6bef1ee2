/** Who takes much of what a worker shares, on the real command, beside honest clients. */

import { afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import type { Socket } from 'socket.io-client';
import { Attackers } from '../support/attackers.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { beside, expectServed } from '../support/honest-clients.ts';
import { ask, byWorker, Clients } from './clients.ts';

setDefaultTimeout(120_000);

/** Questions that a worker may have open. */
const MORE_THAN_ALL = 120_000;

const clients = new Clients();
let node: HoldfastProcess;

beforeEach(async () => {
  node = await HoldfastProcess.start({ app: join(import.meta.dir, 'shares-app.ts'), workers: 2 });
});

afterEach(async () => {
  clients.close();
  await node.stop();
});

test('those who owe a thousand acks each leave questions for the others', async () => {
  const asked = await clients.connect(node.url);
  asked.on('question', (value: unknown, answer: (value: unknown) => void) => answer(value));
  const answers: unknown[] = [];
  const { quiet, attacked } = await beside(node.url, async () => {
    await using attackers = new Attackers(node.publicPort);
    for (let i = 0; i < 220; i++) {
      const attacker = await attackers.openWebSocket();
      attacker.send('42["askMe",1000]');
      if (i % 10 === 9) answers.push(await ask(asked, 'askOnce', i));
    }
  });
  expectServed(attacked, quiet);
  expect(answers).toEqual(Array.from({ length: 22 }, (_, index) => 10 * index + 9));
});

test('those who ask other workers without an end leave questions for the others', async () => {
  const sockets = await clients.connectMany(node.url, 24, () => ({ transports: ['websocket'] }));
  const mine = (await byWorker(sockets)).get(0) ?? [];
  const [honest, ...flooders] = mine as [Socket, ...Socket[]];
  expect(flooders.length).toBeGreaterThan(0);
  const { workers } = await node.process();
  const silent = workers[1]?.pid as number;
  // Who is asked does not answer, so each question stays open for seconds.
  process.kill(silent, 'SIGSTOP');
  try {
    for (const flooder of flooders.slice(0, 2)) {
      expect(await ask<number>(flooder, 'askWorkers', MORE_THAN_ALL)).toBeGreaterThan(0);
    }
    expect(await ask<number>(honest, 'askWorkers', 10)).toBe(0);
  } finally {
    process.kill(silent, 'SIGCONT');
  }
});
