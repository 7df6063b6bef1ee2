/**
 * Places taken by sessions that nobody is behind: far more than there are, over a few sockets, from
 * an address of their own, from that of honest clients, and from many. Honest clients go on, and
 * new ones get in.
 */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { Attackers } from '../support/attackers.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { HonestWatch } from '../support/honest-watch.ts';
import { eventually } from './eventually.ts';

const APP = join(import.meta.dir, 'lockout-app.ts');
const HOST = join(import.meta.dir, 'lockout-host.mjs');
const PLACES = 100;
const ATTACK_MS = 1_000;
const ROUND_MS = 14;
/** The next attack would show who is still busy with the last one. */
const RECOVERED_MS = 200;

/** Honest clients come from 127.0.0.1. */
const ADDRESSES = {
  'the same': '127.0.0.1',
  another: '127.0.0.2',
  many: Array.from({ length: 18 }, (_, number) => `127.0.3.${number + 1}`).join(','),
};

setDefaultTimeout(60_000);

let node: HoldfastProcess;
let honest: HonestWatch;

beforeAll(async () => {
  node = await HoldfastProcess.start({
    app: APP,
    workers: 1,
    config: { maxSessionsPerWorker: PLACES, pingIntervalMs: 1_000, pingTimeoutMs: 1_000 },
  });
  honest = await HonestWatch.start(node.url, {
    roundMs: ROUND_MS,
    recoveredMs: RECOVERED_MS,
    // Who only came may have to make place once, but not one in a hundred.
    reconnects: true,
  });
});

afterAll(async () => {
  await honest[Symbol.asyncDispose]();
  await node.stop();
});

/** Sessions that there are, the honest ones included. */
async function sessions(): Promise<number> {
  return (await node.load()).connections;
}

test.each([
  ['never poll', 'another'],
  ['never poll', 'the same'],
  ['never poll', 'many'],
  ['never poll as users', 'the same'],
  ['poll a few times', 'the same'],
  ['never join', 'the same'],
  ['poll once', 'another'],
  ['poll once', 'the same'],
  ['poll once', 'many'],
  ['are refused', 'the same'],
  ['never join over WebSocket', 'another'],
  ['never join over WebSocket', 'the same'],
] as const)('%s, from %s', async (kind, whose) => {
  const addresses = ADDRESSES[whose];
  const args = [String(node.publicPort), kind, String(1.5 * PLACES), addresses];
  await honest.expectServedDuring(async () => {
    const attack = Bun.spawn(['node', HOST, ...args], {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'inherit',
    });
    try {
      await attack.stdout.getReader().read();
      await Bun.sleep(ATTACK_MS);
      expect((await node.admin('/ready')).status).toBe(200);
    } finally {
      attack.kill('SIGKILL');
      await attack.exited;
    }
  });
});

test('places come back, though pongs go on that answer no ping', async () => {
  await using attackers = new Attackers(node.publicPort);
  await eventually('the attackers are gone', sessions, (count) => count < PLACES / 2);
  const ids = await Promise.all(Array.from({ length: PLACES / 2 }, () => attackers.openPolling()));
  const timer = setInterval(() => ids.forEach((sid) => void attackers.post(sid, '3')), 300);
  try {
    await eventually('they are there', sessions, (count) => count > PLACES / 2);
    await eventually('those who never poll are gone', sessions, (count) => count < PLACES / 2);
  } finally {
    clearInterval(timer);
  }
  expect(node.logText).toContain('unprovenCut');
  await node.logged('who they are', ({ addresses }) => String(addresses).includes('127.0.0.'));
  expect(node.logText).not.toContain('uncaught');
});
