/** What waits for clients: how much it may be and for how long, and who is cut when it is more. */

import { beforeEach, describe, expect, test } from 'bun:test';
import {
  ENGINE_SETTINGS,
  FakeEngine,
  type FakeSocket,
  settle,
} from '../../../../test/support/fake-engine.ts';
import type { App } from '../../core/app/app.ts';

const { maxBackpressureBytes, backpressureTimeoutMs, memoryBudgetBytes } = ENGINE_SETTINGS;

let fake: FakeEngine;

beforeEach(() => {
  fake = new FakeEngine(APP);
});

const APP: App = {
  on: {
    large: () => 'x'.repeat(maxBackpressureBytes / 2),
    flood: (session, bytes: number) => {
      for (let left = bytes; left > 0; left -= 1_000) session.emit('x', 'y'.repeat(1_000));
    },
  },
};

/** As the heartbeat does at each tick, so much later. */
const sweep = (laterMs: number): void =>
  fake.context.slowReaders.sweep(performance.now() + laterMs);

describe('over polling', () => {
  test('more than may wait for long can be said in one turn, and is heard', async () => {
    const poller = await fake.openPoller();
    poller.post(`42["flood",${maxBackpressureBytes * 4}]`);
    await settle();
    expect(fake.budget.heldBytes).toBeGreaterThan(maxBackpressureBytes * 4);
    poller.poll();
    expect(poller.news()[0]?.length).toBeGreaterThan(maxBackpressureBytes * 4);
    expect([fake.ended, fake.budget.heldBytes]).toEqual([[], 0]);
  });

  test('a client that lets too much wait for too long is ended', async () => {
    const poller = await fake.openPoller();
    const other = await fake.openPoller();
    fake.core.server.emit('x', 'y'.repeat(maxBackpressureBytes));
    await settle();
    other.poll();
    await Bun.sleep(backpressureTimeoutMs + 5);
    fake.core.server.emit('x');
    await settle();
    expect(fake.ended).toEqual(['transport error']);
    expect(fake.refusals.totals()).toEqual({ slowReader: 1 });
    expect(fake.budget.heldBytes).toBeLessThan(1_000);
    poller.poll();
    expect(poller.news()).toEqual(['400']);
  });

  test('one that asks in between may let as much wait again', async () => {
    const poller = await fake.openPoller();
    for (let round = 0; round < 3; round++) {
      fake.core.server.emit('x', 'y'.repeat(2 * maxBackpressureBytes));
      await settle();
      poller.poll();
      await Bun.sleep(backpressureTimeoutMs);
    }
    expect([fake.ended, poller.news().length]).toEqual([[], 3]);
  });

  test('of many that never ask those go that hold most, and the budget holds', async () => {
    const small = await fake.openPoller();
    fake.core.server.emit('x');
    await settle();
    const hogs = await Promise.all(Array.from({ length: 30 }, () => fake.openPoller()));
    for (const hog of hogs) hog.post(Array(5).fill('421["large"]').join('\x1e'));
    expect(fake.budget.heldBytes).toBeLessThanOrEqual(memoryBudgetBytes);
    await settle();
    expect(fake.ended.length).toBeGreaterThan(20);
    // On a busy machine one may have been too slow before it held most.
    const { memoryBudget = 0, slowReader = 0, ...others } = fake.refusals.totals();
    expect([memoryBudget + slowReader, others]).toEqual([fake.ended.length, {}]);
    expect(memoryBudget).toBeGreaterThan(slowReader);
    small.poll();
    expect(small.news()).toEqual(['42["x"]']);
  });

  test('one that is told too much in one go is let go in the middle of it', async () => {
    const poller = await fake.openPoller();
    const other = await fake.openPoller();
    other.poll();
    poller.post(`42["flood",${memoryBudgetBytes * 10}]`);
    fake.core.server.emit('all');
    await settle();
    expect([fake.ended, fake.budget.heldBytes]).toEqual([['transport error'], 0]);
    expect(other.news()).toEqual(['42["all"]']);
  });

  test('last words count, and are forgotten in time or when they are asked for', async () => {
    const pollers = await Promise.all([fake.openPoller(), fake.openPoller()]);
    fake.core.server.emit('bye', 'y'.repeat(1_000));
    fake.core.server.disconnect(true);
    await settle();
    expect(fake.budget.heldBytes).toBeGreaterThan(2_000);
    pollers[0].poll();
    expect(pollers[0].news()[0]).toStartWith('42["bye"');
    expect(fake.budget.heldBytes).toBeLessThan(2_000);
    for (let tick = 0; tick < 2 * ENGINE_SETTINGS.pingTimeoutMs; tick += fake.heartbeat.tickMs) {
      fake.heartbeat.beat(performance.now());
    }
    fake.context.sweep();
    expect(fake.budget.heldBytes).toBe(0);
  });

  test('the largest last words go first', async () => {
    const [quiet, loud] = [await fake.openPoller(), await fake.openPoller()];
    fake.core.server.emit('x');
    await settle();
    loud.post(`42["flood",${memoryBudgetBytes / 2}]`);
    fake.core.server.disconnect(true);
    await settle();
    const hog = await fake.openPoller();
    hog.post(`42["flood",${memoryBudgetBytes * 0.45}]`);
    expect(fake.budget.heldBytes).toBeLessThan(memoryBudgetBytes / 2);
    for (const poller of [quiet, loud, hog]) poller.poll();
    expect(quiet.news()[0]).toStartWith('42["x"]');
    expect(loud.news()).toEqual(['400']);
    expect(hog.news()[0]).toStartWith('42["x","y');
  });

  test('what waited moves to the socket at the upgrade, and is counted there', async () => {
    const poller = await fake.openPoller();
    fake.core.server.emit('x', 'y'.repeat(5_000));
    await settle();
    const socket = poller.offer();
    socket.bring('2probe');
    socket.isBehind = true;
    socket.bring('5');
    expect(fake.budget.heldBytes).toBe(socket.bufferedBytes);
    socket.bufferedBytes = 0;
    sweep(0);
    expect(fake.budget.heldBytes).toBe(0);
  });
});

describe('over a WebSocket', () => {
  let socket: FakeSocket;

  beforeEach(async () => {
    socket = await fake.openSocket();
    socket.isBehind = true;
  });

  test('more than may wait for long can be said in one turn', () => {
    socket.bring(`42["flood",${maxBackpressureBytes * 4}]`);
    sweep(backpressureTimeoutMs + 1);
    expect([fake.ended, fake.budget.heldBytes]).toEqual([[], socket.bufferedBytes]);
    // It is read, and as much said again.
    socket.bufferedBytes = 100;
    socket.bring(`42["flood",${maxBackpressureBytes * 4}]`);
    sweep(2 * backpressureTimeoutMs + 2);
    expect(fake.ended).toEqual([]);
  });

  test('a client that does not read what has waited for long is cut', () => {
    socket.bring(`42["flood",${maxBackpressureBytes * 2}]`);
    sweep(backpressureTimeoutMs + 1);
    sweep(2 * backpressureTimeoutMs + 2);
    expect([fake.ended, fake.budget.heldBytes]).toEqual([['transport error'], 0]);
    expect([socket.closes, fake.refusals.totals()]).toEqual([[undefined], { slowReader: 1 }]);
  });

  test('who keeps up again is no longer watched', () => {
    socket.bring(`42["flood",${maxBackpressureBytes * 2}]`);
    socket.bufferedBytes = 0;
    sweep(0);
    expect([fake.context.slowReaders.size, fake.budget.heldBytes]).toEqual([0, 0]);
  });

  test('the one that holds most is cut at once, and hears of nothing after that', async () => {
    const other = await fake.openSocket();
    socket.bring(`42["flood",${memoryBudgetBytes * 2}]`);
    expect(fake.budget.heldBytes).toBe(0);
    const { length } = socket.sent;
    fake.core.server.emit('all');
    await settle();
    expect([socket.sent.length, fake.ended]).toEqual([length, ['transport error']]);
    expect(other.news()).toEqual(['42["all"]']);
    expect(fake.refusals.totals()).toEqual({ memoryBudget: 1 });
  });

  test('what a client leaves unread when it goes is not kept', () => {
    socket.bring('421["large"]', '1');
    expect([socket.closes, fake.budget.heldBytes]).toEqual([[undefined], 0]);
  });

  test('last words may take their time, and no more than that', async () => {
    const prompt = await fake.openSocket();
    prompt.isBehind = true;
    fake.core.server.emit('bye', 'y'.repeat(2 * maxBackpressureBytes));
    fake.core.server.disconnect(true);
    await settle();
    expect([fake.ended.length, socket.closes, prompt.closes]).toEqual([2, [], []]);
    prompt.bufferedBytes = 0;
    sweep(backpressureTimeoutMs + 1);
    expect(prompt.closes).toEqual([1000]);
    sweep(2 * backpressureTimeoutMs + 2);
    expect([socket.closes, fake.budget.heldBytes]).toEqual([[undefined], 0]);
  });

  test('answers to pings that are not read count, and in the end cut', () => {
    socket.bufferedBytes = maxBackpressureBytes * 2;
    socket.bringPing(125);
    sweep(0);
    expect(fake.budget.heldBytes).toBe(socket.bufferedBytes);
    sweep(backpressureTimeoutMs + 1);
    expect([fake.ended, fake.refusals.totals()]).toEqual([['transport error'], { slowReader: 1 }]);
    expect(fake.budget.heldBytes).toBe(0);
  });

  test('many pings have their client wait, and no more than one is kept', () => {
    for (let sent = 0; sent < 20_000; sent++) socket.bringPing(125);
    expect([socket.isPaused, fake.refusals.totals()]).toEqual([true, { tooManyMessages: 1 }]);
    expect(fake.budget.heldBytes).toBeLessThan(100);
  });
});
