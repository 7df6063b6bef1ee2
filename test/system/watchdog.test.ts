/**
 * Workers whose event loop stands still: said, out of readiness, replaced; others are served. Each
 * test waits for the patience of a node of its own, so all of them wait together.
 */

import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { HonestClients } from '../support/honest-clients.ts';
import { ask, Clients } from './clients.ts';
import { eventually } from './eventually.ts';

const APP = join(import.meta.dir, 'system-app.ts');
const HONEST_APP = join(import.meta.dir, 'printing-app.ts');
const STALL_MS = 4_000;
const KINDS = ['connect', 'ack', 'event', 'broadcast'] as const;

setDefaultTimeout(90_000);

const clients = new Clients();

afterAll(() => clients.close());

/** Workers are watched from their first word on. */
async function heardOf(node: HoldfastProcess): Promise<void> {
  await eventually(
    'all workers have reported',
    () => node.process(),
    ({ workers }) => workers.every(({ sampleAgeMs }) => sampleAgeMs !== null),
  );
}

/** The worker stalls, and is replaced by another process. */
async function stallsAndComesBack(node: HoldfastProcess, worker: number): Promise<void> {
  const before = (await node.workerPids())[worker];
  const state = async (): Promise<string | undefined> =>
    (await node.process()).workers[worker]?.state;
  await eventually('the worker is stalled', state, (is) => is === 'stalled');
  const stalled = (await node.process()).workers[worker];
  expect(stalled?.sampleAgeMs).toBeGreaterThan(STALL_MS / 2 - 1_000);
  const metrics = await (await node.admin('/metrics')).text();
  expect(metrics).toContain(`holdfast_worker_up{worker="${worker}"} 0`);
  expect(metrics).toContain(`holdfast_worker_stalls_total{worker="${worker}"} 1`);
  await eventually(
    'it is replaced',
    () => node.workerPids(),
    (pids) => pids[worker] !== undefined && pids[worker] !== before,
    30_000,
  );
}

describe.concurrent('a worker', () => {
  test('that loops for ever is out of readiness, named, and replaced', async () => {
    // Time for a command in between, also on a crowded machine.
    const config = { stallTimeoutMs: 2 * STALL_MS };
    await using node = await HoldfastProcess.start({ app: APP, workers: 1, config });
    await heardOf(node);
    const socket = await clients.connect(node.url, { transports: ['websocket'] });
    socket.emit('block');
    await eventually(
      'the node is not ready',
      async () => (await node.admin('/ready')).status,
      (status) => status === 503,
    );
    const [{ out }] = await Promise.all([node.command('status'), stallsAndComesBack(node, 0)]);
    expect(out).toContain('stalled');
    const { msg } = await node.logged('why', ({ msg: text }) => text.startsWith('worker 0 ended'));
    expect(msg).toMatch(/its event loop stood still for \d+ s; .*code of the app runs/);
    expect((await node.admin('/ready')).status).toBe(200);
    const next = await clients.connect(node.url);
    expect(await ask<string>(next, 'echo', 'served again')).toBe('served again');
    await node.stop();
  });

  test('that a signal stopped is replaced, and one that goes on in time is not', async () => {
    const config = { stallTimeoutMs: STALL_MS };
    await using node = await HoldfastProcess.start({ app: APP, workers: 2, config });
    await heardOf(node);
    const [first, second] = (await node.workerPids()) as [number, number];
    process.kill(second, 'SIGSTOP');
    await node.logged('it stands still', ({ msg }) => msg.startsWith('worker 1 stands still'));
    process.kill(second, 'SIGCONT');
    await node.logged('it answers', ({ msg }) => msg === 'worker 1 answers again');
    expect((await node.workerPids())[1]).toBe(second);
    process.kill(first, 'SIGSTOP');
    await stallsAndComesBack(node, 0);
    const entry = await node.logged('why', ({ msg }) => msg.startsWith('worker 0 ended'));
    expect(entry.msg).toContain('a signal has stopped it');
    await node.stop();
  });

  test('is not blamed for a controller that stood still', async () => {
    const config = { stallTimeoutMs: STALL_MS };
    await using node = await HoldfastProcess.start({ app: APP, workers: 2, config });
    await heardOf(node);
    const pids = await node.workerPids();
    process.kill(node.controllerPid, 'SIGSTOP');
    await Bun.sleep(2 * STALL_MS);
    process.kill(node.controllerPid, 'SIGCONT');
    await Bun.sleep(STALL_MS / 2);
    expect(await node.workerPids()).toEqual(pids);
    expect(node.log.filter(({ msg }) => msg.includes('stands still'))).toEqual([]);
    await node.stop();
  });

  test('keeps nobody waiting who is on another one, and all are served after', async () => {
    const config = { stallTimeoutMs: STALL_MS };
    await using node = await HoldfastProcess.start({ app: HONEST_APP, workers: 2, config });
    await heardOf(node);
    const [, second] = (await node.workerPids()) as [number, number];
    await using honest = await HonestClients.start(node.url, { failedAfterMs: 5_000 });
    await Bun.sleep(1_000);
    await honest.take();
    process.kill(second, 'SIGSTOP');
    await stallsAndComesBack(node, 1);
    const stalled = await honest.take();
    // The kernel deals half of the connections to the one that stands still, at times far more.
    expect(stalled.ack.count - stalled.ack.failures.length).toBeGreaterThan(stalled.ack.count / 20);
    await eventually(
      'all are served',
      async () => {
        await Bun.sleep(1_000);
        return await honest.take();
      },
      (after) => KINDS.every((kind) => after[kind].count > 0 && after[kind].failures.length === 0),
    );
    await node.stop();
  });
});
