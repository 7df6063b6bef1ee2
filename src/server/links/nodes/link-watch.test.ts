/** Links over real TCP, whose other end may be gone without a word. */

import { afterEach, beforeEach, expect, test } from 'bun:test';
import type { Socket } from 'bun';
import { LIMITS } from '../../core/limits/limits.ts';
import { Refusals } from '../../core/limits/refusals.ts';
import {
  FramedConnection,
  framedSocketHandler,
  type SocketHolder,
} from '../ipc/framed-connection.ts';
import { LinkWatch } from './link-watch.ts';

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

let refusals: Refusals;
let watch: LinkWatch;
let ended: string[];
let far: Socket;
let near: FramedConnection;
let heard: number;
let stop: () => void;

beforeEach(async () => {
  refusals = new Refusals(SILENT);
  watch = new LinkWatch(refusals);
  ended = [];
  heard = 0;
  const { promise, resolve } = Promise.withResolvers<Socket>();
  const server = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      open: (socket) => resolve(socket),
      data: (_socket, chunk) => void (heard += chunk.byteLength),
    },
  });
  stop = () => server.stop(true);
  near = new FramedConnection(
    {
      onFrame() {},
      onFault() {},
      onClose: (_link, fault) => void ended.push(String(fault?.message)),
    },
    LIMITS.ipcFrameBytes,
  );
  await Bun.connect<SocketHolder>({
    hostname: '127.0.0.1',
    port: server.port,
    data: near,
    socket: { ...framedSocketHandler, open: (socket) => near.attach(socket) },
  });
  far = await promise;
  watch.add(near);
});

afterEach(() => {
  near.close();
  stop();
});

async function until(holds: () => boolean): Promise<void> {
  for (const endMs = performance.now() + 5_000; !holds(); await Bun.sleep(1)) {
    if (performance.now() > endMs) throw new Error(`not within 5 s: ${String(holds)}`);
  }
}

/** What `alive` looks like from outside. */
const ALIVE = Buffer.from([0, 0, 0, 5, 17, 0, 0, 0, 0]);

test('a link that says something now and then stays', async () => {
  for (let round = 1; round <= 5; round++) {
    far.write(ALIVE);
    await until(() => near.receivedBytes === round * ALIVE.byteLength);
    watch.beat();
    watch.beat();
    await until(() => heard === 2 * round * ALIVE.byteLength);
  }
  expect([ended, watch.size]).toEqual([[], 1]);
});

test('one from which nothing comes is cut in the third beat, and counted', async () => {
  watch.beat();
  watch.beat();
  expect(near.open).toBe(true);
  watch.beat();
  await until(() => ended.length === 1);
  expect(ended[0]).toContain('silent');
  expect(refusals.totals()).toEqual({ clusterSilent: 1 });
  expect(watch.size).toBe(0);
});

test('one that ended is forgotten', async () => {
  far.end();
  await until(() => ended.length === 1);
  watch.beat();
  expect([watch.size, refusals.totals()]).toEqual([0, {}]);
});
