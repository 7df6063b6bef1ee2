/**
 * Floods of the log: what clients and the app make a node say as often as they can stays small, and
 * honest clients are served meanwhile.
 */

import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { bytesOf, memoryComesBack } from '../support/honest-clients.ts';
import { HonestWatch } from '../support/honest-watch.ts';
import { Clients } from './clients.ts';

const APP = join(import.meta.dir, 'printing-app.ts');
const WORKERS = 2;
const FLOOD_MS = 3_000;
/** Of each attacker: enough for a flood, and leaves the machine to those who are watched. */
const PACE_MS = 50;
/** What one second of a worker's log may hold, and some: lines, and what the app prints. */
const LOG_BYTES_PER_SECOND = 700_000;
const MEMORY_BYTES = 60_000_000;

setDefaultTimeout(120_000);

const clients = new Clients();
let node: HoldfastProcess;
let honest: HonestWatch;
let pids: readonly number[];
let restBytes: number;

beforeAll(async () => {
  node = await HoldfastProcess.start({ app: APP, workers: WORKERS });
  honest = await HonestWatch.start(node.url);
  pids = [node.controllerPid, ...((await node.workerPids()) as number[])];
  restBytes = bytesOf(pids);
});

afterEach(() => clients.close());

afterAll(async () => {
  await honest[Symbol.asyncDispose]();
  await node.stop();
});

type Flood = (isOver: () => boolean) => Promise<void>;

/** Has the app do something again and again, as often as once was enough to flood a disk. */
function byClients(everyMs: number, event: string, ...args: readonly unknown[]): Flood {
  return async (isOver) => {
    const sockets = await clients.connectMany(node.url, 4, () => ({ transports: ['websocket'] }));
    const flood = sockets.map(async (socket) => {
      while (!isOver()) {
        socket.emit(event, ...args);
        await Promise.all([Bun.sleep(everyMs), socket.timeout(20_000).emitWithAck('echo', 1)]);
      }
    });
    await Promise.all(flood);
  };
}

async function byBadHosts(isOver: () => boolean): Promise<void> {
  const request = 'GET /x HTTP/1.1\r\nHost: a:99999\r\n\r\n'.repeat(20);
  const attacker = async (): Promise<void> => {
    while (!isOver()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const socket = await Bun.connect({
        hostname: '127.0.0.1',
        port: node.publicPort,
        socket: { data: () => resolve(), close: () => resolve(), error: () => resolve() },
      });
      socket.write(request);
      await Promise.all([promise, Bun.sleep(PACE_MS)]);
      socket.terminate();
    }
  };
  await Promise.all(Array.from({ length: 8 }, attacker));
}

test.each<[string, Flood]>([
  ['requests with a wrong Host', byBadHosts],
  ['answers that the app does not wait for', byClients(PACE_MS, 'forget', 20)],
  ['long texts thrown by the app', byClients(PACE_MS, 'throwLater', 'x'.repeat(100_000), 5)],
  ['an app that prints', byClients(PACE_MS, 'print', 'console', 'y'.repeat(500), 500)],
  ['a process of the app that prints', byClients(200, 'printByProcess', 'z'.repeat(500), 5_000)],
])('%s', async (_name, flood) => {
  const loggedBefore = node.logText.length;
  const startedAtMs = performance.now();
  await honest.expectServedDuring(async () => {
    const untilMs = performance.now() + FLOOD_MS;
    await flood(() => performance.now() > untilMs);
  });
  clients.close();
  const floodedSeconds = (performance.now() - startedAtMs) / 1_000;
  const logged = node.logText.length - loggedBefore;
  const mostBytes = WORKERS * LOG_BYTES_PER_SECOND * floodedSeconds;
  console.log(`log-floods: ${logged} of ${mostBytes.toFixed(0)} bytes`);
  expect(logged).toBeLessThan(mostBytes);
  await memoryComesBack(pids, restBytes, MEMORY_BYTES);
  expect((await node.process()).workers.map(({ restarts }) => restarts)).toEqual([0, 0]);
});
