/** Who sends to a worker that takes little: turns by bytes, order, and who is to wait. */

import { beforeEach, expect, test } from 'bun:test';
import { LIMITS } from '../../core/limits/limits.ts';
import { FrameSplitter, FrameWriter } from '../../protocol/frame.ts';
import { Outlet, type OutletConnection, type Sender } from './outlet.ts';

const KIB = 1_024;

/** A connection that takes so many bytes in all. */
class FakeConnection implements OutletConnection {
  allowance = 0;
  sentBytes = 0;
  readonly #writer: FrameWriter = new FrameWriter(LIMITS.ipcFrameBytes);
  readonly #splitter: FrameSplitter = new FrameSplitter(LIMITS.ipcFrameBytes);
  #queue: Buffer = Buffer.alloc(0);
  /** First bytes of what was sent. */
  readonly heard: string[] = [];

  get queuedBytes(): number {
    return this.#queue.byteLength + this.#writer.length;
  }

  frame(type: number): FrameWriter {
    return this.#writer.begin(type);
  }

  send(): void {}

  readonly flush = (): void => {
    this.#queue = Buffer.concat([this.#queue, this.#writer.take()]);
    const taken = this.#queue.subarray(0, this.allowance);
    this.#queue = this.#queue.subarray(taken.byteLength);
    this.allowance -= taken.byteLength;
    this.sentBytes += taken.byteLength;
    this.#splitter.push(Buffer.from(taken), (frame) => {
      this.heard.push(frame.rest().toString('latin1', 0, 8).trim());
    });
  };
}

class FakeSender implements Sender {
  held = 0;

  hold(isHeld: boolean): void {
    this.held += isHeld ? 1 : -1;
  }
}

let connection: FakeConnection;
let outlet: Outlet;
let said: string[];

beforeEach(() => {
  connection = new FakeConnection();
  said = [];
  outlet = new Outlet(connection, {
    onRoom: () => said.push('room'),
    onStuck: (isStuck) => said.push(isStuck ? 'stuck' : 'moving'),
  });
});

function put(sender: Sender, name: string, bytes: number): boolean {
  const body = Buffer.alloc(bytes, name.padEnd(8));
  return outlet.pass(7, body) || outlet.keep(sender, 7, body);
}

/** Lets the connection take so much, as often as it has something to give. */
function take(bytes: number): void {
  connection.allowance = bytes;
  connection.flush();
  while (connection.allowance > 0 && outlet.queuedBytes > 0) {
    outlet.drained();
    connection.flush();
  }
}

test('as long as all is taken, all leaves in the order in which it came', () => {
  const senders = [new FakeSender(), new FakeSender()];
  connection.allowance = Number.MAX_SAFE_INTEGER;
  const names = Array.from({ length: 100 }, (_, index) => `${index}`);
  for (const [index, name] of names.entries()) put(senders[index % 2] as Sender, name, 50 * KIB);
  connection.flush();
  expect(connection.heard).toEqual(names);
  expect(senders.map(({ held }) => held)).toEqual([0, 0]);
});

test('who floods waits behind itself: others pass, each in its own order', () => {
  const [flooder, honest] = [new FakeSender(), new FakeSender()];
  for (let i = 0; i < 200; i++) put(flooder, `f${i}`, 50 * KIB);
  for (let i = 0; i < 10; i++) put(honest, `h${i}`, KIB);
  expect([flooder.held, honest.held]).toEqual([1, 0]);
  take(1_000 * KIB);
  const early = connection.heard.filter((name) => name.startsWith('h'));
  expect(early).toEqual(Array.from({ length: 10 }, (_, index) => `h${index}`));
  take(Number.MAX_SAFE_INTEGER);
  const ofFlooder = connection.heard.filter((name) => name.startsWith('f'));
  expect(ofFlooder).toEqual(Array.from({ length: 200 }, (_, index) => `f${index}`));
  expect([flooder.held, outlet.queuedBytes]).toEqual([0, 0]);
});

test('turns are counted in bytes, whatever the size of frames', () => {
  const [large, small] = [new FakeSender(), new FakeSender()];
  put(large, 'first', 300 * KIB);
  for (let i = 0; i < 40; i++) put(large, 'large', 200 * KIB);
  for (let i = 0; i < 8_000; i++) put(small, 'small', KIB);
  take(4_300 * KIB);
  const count = (name: string): number => connection.heard.filter((one) => one === name).length;
  expect(count('large') * 200).toBeWithin(1_600, 2_600);
  expect(count('small')).toBeWithin(1_600, 2_600);
});

test('a frame larger than any turn is sent, and paid for', () => {
  const [large, small] = [new FakeSender(), new FakeSender()];
  put(large, 'first', 300 * KIB);
  for (let i = 0; i < 3; i++) put(large, 'large', 8_000 * KIB);
  for (let i = 0; i < 100; i++) put(small, 'small', 60 * KIB);
  take(Number.MAX_SAFE_INTEGER);
  expect(connection.heard.length).toBe(104);
  const lastSmall = connection.heard.lastIndexOf('small');
  const larger = connection.heard.filter((name, at) => name === 'large' && at < lastSmall);
  expect(larger).toHaveLength(1);
});

test('a worker that takes nothing holds nobody for long, and keeps so much of each', () => {
  const [flooder, honest] = [new FakeSender(), new FakeSender()];
  const startMs = performance.now();
  for (let i = 0; i < 20; i++) put(flooder, `f${i}`, 100 * KIB);
  outlet.judge(startMs + 100);
  expect([flooder.held, outlet.isStuck, outlet.hasRoom(flooder)]).toEqual([1, false, true]);
  outlet.judge(startMs + 2 * LIMITS.ipcStallMs);
  expect([flooder.held, outlet.isStuck]).toEqual([0, true]);
  let kept = 20;
  while (put(flooder, `f${kept}`, 100 * KIB)) kept++;
  expect(kept * 100 * KIB).toBeWithin(LIMITS.hubLaneBytes, LIMITS.hubLaneBytes + 600 * KIB);
  expect([outlet.hasRoom(flooder), outlet.hasRoom(honest)]).toEqual([false, true]);
  expect(put(honest, 'h', KIB)).toBeTrue();
  take(Number.MAX_SAFE_INTEGER);
  expect(connection.heard).toHaveLength(kept + 1);
  expect(said).toEqual(['stuck', 'room', 'moving']);
});

test('nobody waits for a worker that is gone', () => {
  const flooder = new FakeSender();
  for (let i = 0; i < 20; i++) put(flooder, `f${i}`, 100 * KIB);
  expect(flooder.held).toBe(1);
  outlet.close();
  expect([flooder.held, said]).toEqual([0, ['room']]);
});
