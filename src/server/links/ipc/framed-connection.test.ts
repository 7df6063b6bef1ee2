/** Framed connections over real Unix sockets: what one end sends, the other gets, whole. */

import { afterEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FrameReader } from '../../protocol/frame.ts';
import { connectFramed, FramedConnection, listenFramed } from './framed-connection.ts';

const MIB = 1 << 20;
const MAX_FRAME_BYTES = 8 * MIB;

const cleanUp: (() => void)[] = [];

afterEach(() => {
  for (const undo of cleanUp.splice(0)) undo();
});

/** One end of a connection: what came, by type and length, and how it ended. */
class End {
  readonly connection: FramedConnection;
  readonly frames: { type: number; length: number; isWhole: boolean }[] = [];
  onFrame: (frame: FrameReader) => void = () => {};
  readonly refused: unknown[] = [];
  readonly faults: (Error | undefined)[] = [];
  drains = 0;

  constructor(maxFrameBytes: number = MAX_FRAME_BYTES) {
    this.connection = new FramedConnection(
      {
        onFrame: (_connection, frame) => this.#take(frame),
        onFault: (_connection, fault) => this.refused.push(fault),
        onClose: (_connection, fault) => this.faults.push(fault),
        onDrain: () => this.drains++,
      },
      maxFrameBytes,
    );
  }

  /** Sends bytes that all have the value of the type. */
  send(type: number, length: number): void {
    this.connection.frame(type).raw(Buffer.alloc(length, type)).finish();
    this.connection.send();
  }

  #take(frame: FrameReader): void {
    const body = frame.body();
    const isWhole = body.equals(Buffer.alloc(body.length, frame.type));
    this.frames.push({ type: frame.type, length: body.length, isWhole });
    this.onFrame(frame);
  }
}

/** Listens with ends of its own. */
function listen(maxFrameBytes?: number): { path: string; ends: End[] } {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-ipc-'));
  const path = join(folder, 'test.sock');
  const ends: End[] = [];
  const stop = listenFramed(path, () => {
    const end = new End(maxFrameBytes);
    ends.push(end);
    return end.connection;
  });
  cleanUp.push(stop, () => rmSync(folder, { recursive: true }));
  return { path, ends };
}

async function connect(maxFrameBytes?: number): Promise<{ near: End; far: End }> {
  const { path, ends } = listen(maxFrameBytes);
  const near = new End();
  await connectFramed(path, near.connection);
  cleanUp.push(() => near.connection.close());
  await until(() => ends.length === 1);
  return { near, far: ends[0] as End };
}

async function until(holds: () => boolean): Promise<void> {
  for (const endMs = performance.now() + 10_000; !holds(); await Bun.sleep(1)) {
    if (performance.now() > endMs) throw new Error(`not within 10 s: ${String(holds)}`);
  }
}

const whole = (type: number, length: number): object => ({ type, length, isWhole: true });

test('frames of one turn and of many come in order, both ways', async () => {
  const { near, far } = await connect();
  for (let type = 1; type <= 100; type++) {
    near.send(type, type);
    far.send(type, type * 2);
    if (type % 10 === 0) await Bun.sleep(0);
  }
  await until(() => far.frames.length === 100 && near.frames.length === 100);
  expect(far.frames).toEqual(far.frames.map((_, index) => whole(index + 1, index + 1) as never));
  expect(near.frames.at(-1)).toEqual(whole(100, 200) as never);
});

test('frames of 5 MB pass whole, small ones behind them too', async () => {
  const { near, far } = await connect();
  for (const type of [1, 2, 3]) {
    near.send(type, 5_000_000);
    near.send(type + 10, 10);
  }
  await until(() => far.frames.length === 6);
  expect(far.frames).toEqual(
    [1, 2, 3].flatMap((type) => [whole(type, 5_000_000), whole(type + 10, 10)]) as never,
  );
  await until(() => near.connection.queuedBytes === 0);
});

test('what a peer does not read waits, and is counted until it has left', async () => {
  const { near, far } = await connect();
  far.connection.setReading(false);
  let sentBytes = 0;
  for (let type = 1; type <= 20; type++) {
    near.send(type, MIB);
    sentBytes += MIB;
    expect(near.connection.queuedBytes).toBeGreaterThan(0);
    await Bun.sleep(0);
  }
  // Some is in the buffers of the system.
  expect(near.connection.queuedBytes).toBeGreaterThan(sentBytes - 4 * MIB);
  expect(near.connection.queuedBytes).toBeLessThan(sentBytes + MIB);
  expect([near.drains, far.frames.length]).toEqual([0, 0]);
  far.connection.setReading(true);
  await until(() => far.frames.length === 20 && near.drains > 0);
  expect(near.connection.queuedBytes).toBe(0);
  expect(far.frames.every(({ isWhole, length }) => isWhole && length === MIB)).toBe(true);
});

test('frames sent before the connection is made are not lost', async () => {
  const { path, ends } = listen();
  const near = new End();
  near.send(1, 10);
  const connected = connectFramed(path, near.connection);
  near.send(2, 10);
  await Promise.resolve();
  near.send(3, 10);
  await connected;
  await until(() => ends[0]?.frames.length === 3);
  expect(ends[0]?.frames.map(({ type }) => type)).toEqual([1, 2, 3]);
  near.connection.close();
});

test('connecting where nobody listens is refused', async () => {
  const near = new End();
  const missing = join(tmpdir(), 'holdfast-nobody.sock');
  const refusal = await connectFramed(missing, near.connection).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(Error);
  expect(near.connection.open).toBe(false);
});

test('the end is told once to each side, without a fault', async () => {
  const { near, far } = await connect();
  near.send(1, 10);
  near.connection.close();
  near.connection.close();
  await until(() => far.faults.length > 0 && near.faults.length > 0);
  await Bun.sleep(5);
  expect([near.faults, far.faults]).toEqual([[undefined], [undefined]]);
  expect(far.frames).toEqual([whole(1, 10) as never]);
  expect([near.connection.open, far.connection.open]).toEqual([false, false]);
});

test('frames sent after the end are forgotten', async () => {
  const { near, far } = await connect();
  far.connection.close();
  await until(() => near.faults.length === 1);
  for (let i = 0; i < 10; i++) near.send(1, MIB);
  await Bun.sleep(1);
  expect(near.connection.queuedBytes).toBe(0);
  near.connection.close();
});

test('closing with more queued than the peer takes ends both sides', async () => {
  const { near, far } = await connect();
  far.connection.setReading(false);
  for (let type = 1; type <= 8; type++) near.send(type, MIB);
  await Bun.sleep(1);
  near.connection.close();
  far.connection.setReading(true);
  await until(() => near.faults.length === 1 && far.faults.length === 1);
  expect(far.frames.every(({ isWhole }) => isWhole)).toBe(true);
  expect(near.connection.queuedBytes).toBe(0);
});

test('closing before the connection is made leaves none open', async () => {
  const { path, ends } = listen();
  const near = new End();
  const connected = connectFramed(path, near.connection);
  near.connection.close();
  await connected.catch(() => {});
  await Bun.sleep(10);
  expect(near.connection.open).toBe(false);
  expect(ends.filter(({ connection }) => connection.open)).toEqual([]);
});

test('a frame larger than allowed ends the connection, with the fault', async () => {
  const { near, far } = await connect(1_000);
  near.send(1, 999);
  await until(() => far.frames.length === 1);
  near.send(2, 1_000);
  await until(() => near.faults.length === 1);
  expect(far.faults).toEqual([expect.any(RangeError)]);
  expect(far.frames).toHaveLength(1);
});

test('a frame that its taker cannot read is told, and the next one follows', async () => {
  const { near, far } = await connect();
  far.onFrame = (frame) => {
    if (frame.type === 1) frame.texts();
  };
  for (const type of [1, 2, 1, 3]) near.send(type, 3);
  await until(() => far.frames.length === 4);
  expect(far.refused).toEqual([expect.any(RangeError), expect.any(RangeError)]);
  expect(far.connection.open).toBe(true);
});

test('a frame that no reader would take is refused, and those around it pass', async () => {
  const { near, far } = await connect();
  near.send(1, 10);
  expect(() => near.send(2, MAX_FRAME_BYTES)).toThrow(RangeError);
  near.send(3, 10);
  await until(() => far.frames.length === 2);
  expect(far.frames).toEqual([whole(1, 10), whole(3, 10)] as never);
});

test('a peer that stops reading and dies leaves nothing behind', async () => {
  const { near, far } = await connect();
  near.connection.setReading(false);
  far.send(1, 4 * MIB);
  await Bun.sleep(1);
  expect(far.connection.queuedBytes).toBeGreaterThan(0);
  near.connection.close();
  await until(() => far.faults.length === 1);
  expect(far.connection.queuedBytes).toBe(0);
});
