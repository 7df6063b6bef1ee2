/**
 * Real clients, as they come by default, that are told something and sent away at any moment of
 * their upgrade: they hear it, know that it was meant, and stay away.
 */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import type { Socket } from 'socket.io-client';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { within } from '../support/raw-deadline.ts';
import { RawPolling } from '../support/raw-polling.ts';
import { probeWebSocket } from '../support/raw-websocket.ts';
import { Clients } from './clients.ts';
import { eventually } from './eventually.ts';

setDefaultTimeout(120_000);

const APP = join(import.meta.dir, 'last-words-app.ts');
const KICKS = 120;
/** At a time, so that the upgrade is as quick as in real life. */
const CROWD = 6;
/** An upgrade on this machine takes some 10 to 30 ms; a kick falls into each part of it. */
const DELAYS_MS = [0, 0, 1, 2, 3, 5, 8, 12, 17, 23, 30, 40];
const RECONNECT_MS = 20;

interface Farewell {
  readonly heard: readonly number[];
  readonly reason: string;
}

describe.each([1, 3])('with %d worker(s)', (workers) => {
  let node: HoldfastProcess;
  const clients = new Clients();

  beforeAll(async () => {
    node = await HoldfastProcess.start({
      app: APP,
      workers,
    });
  });
  afterAll(async () => {
    clients.close();
    await node.stop();
  });

  test.each([
    ['disconnect(true)', true],
    ['disconnect()', false],
  ])(
    '%s right after connecting is heard by every client, and none comes back',
    async (_n, close) => {
      const farewells: Farewell[] = [];
      const attempts: number[] = [];
      for (let first = 0; first < KICKS; first += CROWD) {
        const crowd = Array.from({ length: CROWD }, (_, index) => {
          const delayMs = DELAYS_MS[(first + index) % DELAYS_MS.length] as number;
          const auth = { delayMs, close } as never;
          const socket = clients.open(node.url, { auth, reconnectionDelay: RECONNECT_MS });
          socket.io.on('reconnect_attempt', (attempt) => attempts.push(attempt));
          return farewell(socket);
        });
        farewells.push(...(await Promise.all(crowd)));
      }
      const lost = farewells.filter(
        ({ heard, reason }) => heard.length !== 1 || reason !== 'io server disconnect',
      );
      expect(lost).toEqual([]);
      await eventually(
        'nobody is left',
        () => node.load(),
        ({ connections }) => connections === 0,
      );
      expect(attempts).toEqual([]);
    },
  );
});

describe('a node that stops', () => {
  const open = async (node: HoldfastProcess): Promise<RawPolling> => {
    const session = await RawPolling.open({ url: node.url, freshConnections: false });
    await session.post('40');
    expect(await session.next()).toStartWith('40');
    await session.post('42["say"]');
    return session;
  };

  /** From then on the sessions are over. */
  const stopping = async (node: HoldfastProcess): Promise<void> => {
    node.kill('SIGTERM');
    const ask = async (): Promise<number> => (await fetch(`${node.url}/ready`)).status;
    await eventually('the worker stops', ask, (status) => status === 503);
  };

  test('gives clients between two polls the time to hear what was said to them', async () => {
    const node = await HoldfastProcess.start({ app: APP, workers: 1 });
    const session = await open(node);
    await stopping(node);
    expect(await session.next('the last words')).toBe('42["said"]');
    await node.ended(0);
  });

  test('gives it to those in the middle of their upgrade, too', async () => {
    const node = await HoldfastProcess.start({ app: APP, workers: 1 });
    const session = await open(node);
    const socket = await probeWebSocket(node.url, session.sid);
    await stopping(node);
    socket.send('5');
    expect(await socket.text('the last words')).toBe('42["said"]');
    await node.ended(0);
  });
});

/** What a client heard by the time it was sent away. */
async function farewell(socket: Socket): Promise<Farewell> {
  const heard: number[] = [];
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.on('bye', (delayMs: number) => heard.push(delayMs));
  socket.on('disconnect', resolve);
  return { heard, reason: await within('the client is sent away', promise, 20_000) };
}
