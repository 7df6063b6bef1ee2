/** Who takes much of what a worker shares, on the real command, beside honest clients. */

import { afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { Attackers } from '../support/attackers.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { beside, expectServed } from '../support/honest-clients.ts';
import { ask, Clients } from './clients.ts';

setDefaultTimeout(120_000);

const clients = new Clients();
let node: HoldfastProcess;

beforeEach(async () => {
  node = await HoldfastProcess.start({ app: join(import.meta.dir, 'shares-app.ts'), workers: 1 });
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
