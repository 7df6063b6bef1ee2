/**
 * Engine.IO v4: heartbeats. The times asserted here are the protocol's own, so this file waits for
 * the clock where the others wait for an answer; its tests wait together.
 */

import { describe, expect, test } from 'bun:test';
import { joinPolling, joinWebSocket, nextMessage } from '../support/raw-joined.ts';
import type { Endpoint } from '../support/raw-polling.ts';
import { openSession, Watcher } from '../support/raw-socketio.ts';
import { probeWebSocket, type RawWebSocket } from '../support/raw-websocket.ts';
import { describeOnTargets } from './target.ts';

const PING_INTERVAL_MS = 500;
const PING_TIMEOUT_MS = 400;

/** What a busy machine may add to any time measured here. */
const SLACK_MS = 250;

/** A client gives up when no ping has come for this long. */
const LONGEST_SILENCE_MS = PING_INTERVAL_MS + PING_TIMEOUT_MS;

/** By when a server must have given up a client that answers nothing. */
const LATEST_GIVING_UP_MS = 2 * LONGEST_SILENCE_MS + SLACK_MS;

describeOnTargets(
  'Engine.IO heartbeat',
  (endpoint) => {
    describe.concurrent('for sessions beside each other', () => declareHeartbeats(endpoint));
  },
  { pingIntervalMs: PING_INTERVAL_MS, pingTimeoutMs: PING_TIMEOUT_MS },
);

function declareHeartbeats(endpoint: Endpoint): void {
  test('WebSocket: pings come often enough that no client gives up', async () => {
    const start = performance.now();
    const { socket } = await joinWebSocket(endpoint.url);
    await pings(socket, 6);
    expect(silences(start, socket.pingTimes)).toSatisfy((longest) => longest < bound());
    expect(averageGap(socket.pingTimes)).toSatisfy((gap) => gap > PING_INTERVAL_MS / 2);
    socket.close();
  });

  test('WebSocket: a client that answers stays', async () => {
    const { socket } = await joinWebSocket(endpoint.url);
    await pings(socket, 8);
    socket.send('42["message",1]');
    expect(await socket.next()).toBe('42["message-back",1]');
    socket.close();
  });

  test('WebSocket: a client that never answers is closed, not before its time', async () => {
    const { socket } = await joinWebSocket(endpoint.url, { answerPings: false });
    const first = await socket.next('the first ping');
    expect(first).toBe('2');
    await socket.end('the server gives up the client', LATEST_GIVING_UP_MS);
    const [pinged = 0] = socket.pingTimes;
    expect(performance.now() - pinged).toBeGreaterThan(PING_TIMEOUT_MS - SLACK_MS / 3);
  });

  test('WebSocket: a client that stops answering is closed', async () => {
    const { socket } = await joinWebSocket(endpoint.url);
    await pings(socket, 3);
    socket.answerPings = false;
    await socket.end('the server gives up the client', LATEST_GIVING_UP_MS);
  });

  test('WebSocket: the app hears of a ping timeout', async () => {
    const watcher = await Watcher.open(endpoint);
    const { sid } = await joinWebSocket(endpoint.url, { answerPings: false });
    expect(await watcher.reason(sid)).toBe('ping timeout');
    await watcher.close();
  });

  test('polling: a ping comes in a poll, and answering keeps the session', async () => {
    const start = performance.now();
    const session = await joinPolling(endpoint);
    const times: number[] = [];
    while (times.length < 6) {
      const answer = await session.get();
      expect([answer.status, answer.body]).toEqual([200, '2']);
      times.push(performance.now());
      await session.post('3');
    }
    expect(silences(start, times)).toSatisfy((longest) => longest < bound());
    expect(averageGap(times)).toSatisfy((gap) => gap > PING_INTERVAL_MS / 2);
    await session.post('1');
  });

  test('polling: a client that polls but never answers is closed', async () => {
    const session = await joinPolling(endpoint);
    const start = performance.now();
    const bodies: string[] = [];
    let answer = await session.get();
    for (; answer.status === 200; answer = await session.get()) {
      bodies.push(answer.body);
    }
    expect(performance.now() - start).toBeLessThan(LATEST_GIVING_UP_MS);
    expect(bodies[0]).toBe('2');
    expect(bodies.slice(1).every((body) => ['2', '1', '6'].includes(body))).toBe(true);
    expect(answer.status).toBe(400);
  });

  test('polling: a client that does nothing is closed', async () => {
    const watcher = await Watcher.open(endpoint);
    const { wire, sid } = await openSession(endpoint, 'polling');
    expect(await watcher.reason(sid, LATEST_GIVING_UP_MS)).toBe('ping timeout');
    await wire.ended();
    await watcher.close();
  });

  test('upgraded: pings come over the WebSocket, and answering keeps the session', async () => {
    const session = await joinPolling(endpoint);
    const socket = await probeWebSocket(endpoint.url, session.sid);
    const start = performance.now();
    socket.send('5');
    await pings(socket, 5);
    expect(silences(start, socket.pingTimes)).toSatisfy((longest) => longest < bound());
    socket.send('42["message",1]');
    expect(await nextMessage(socket)).toBe('42["message-back",1]');
    socket.close();
  });

  test('upgraded: a client that stops answering is closed', async () => {
    const session = await joinPolling(endpoint);
    const socket = await probeWebSocket(endpoint.url, session.sid);
    socket.send('5');
    await pings(socket, 2);
    socket.answerPings = false;
    await socket.end('the server gives up the client', LATEST_GIVING_UP_MS);
  });

  test('a ping sent over polling may be answered over the WebSocket', async () => {
    const session = await joinPolling(endpoint);
    expect((await session.get()).body).toBe('2');
    const socket = await probeWebSocket(endpoint.url, session.sid);
    socket.send('5', '3');
    await pings(socket, 3);
    socket.send('42["message",1]');
    expect(await nextMessage(socket)).toBe('42["message-back",1]');
    socket.close();
  });
}

function bound(): number {
  return LONGEST_SILENCE_MS + SLACK_MS;
}

/** Waits until this many pings have come. */
async function pings(socket: RawWebSocket, count: number): Promise<void> {
  const deadline = performance.now() + count * bound();
  while (socket.pingTimes.length < count) {
    if (performance.now() > deadline || socket.closure !== undefined) {
      throw new Error(`${socket.pingTimes.length} pings came, not ${count}`);
    }
    await Bun.sleep(10);
  }
}

/** The longest time without a ping. */
function silences(start: number, times: readonly number[]): number {
  return Math.max(...times.map((time, index) => time - (times[index - 1] ?? start)));
}

function averageGap(times: readonly number[]): number {
  return ((times.at(-1) ?? 0) - (times[0] ?? 0)) / (times.length - 1);
}
