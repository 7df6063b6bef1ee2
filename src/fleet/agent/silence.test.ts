/** Who is given up, and when, by a clock that a test moves. */

import { describe, expect, test } from 'bun:test';
import { createCodec } from './client-protocol.ts';
import { type Client, Connection, type Target } from './connection.ts';
import { Sessions } from './sessions.ts';
import { Silence } from './silence.ts';

const PING_WITHIN_MS = 3_000;
const TURN_MS = 200;
const socketIo = createCodec('socket-io', undefined);
const websocket = createCodec('websocket', undefined);

function setUp(count: number, codec = socketIo, pingWithinMs = PING_WITHIN_MS) {
  const silence = new Silence();
  const sessions = new Sessions();
  const target: Target = {
    url: new URL('ws://127.0.0.1:1/'),
    hostname: '127.0.0.1',
    port: 1,
    isSecure: false,
    requests: new Map(),
    pingWithinMs,
  };
  for (let number = 0; number < count; number++) {
    const connection = new Connection(number, codec, target, 0);
    connection.phase = 'established';
    // All that is looked at of a socket.
    sessions.add({ data: connection } as Client);
  }
  let nowMs = 10_000;
  silence.turn(nowMs);
  /** @returns the numbers of those given up meanwhile; they stay */
  const pass = (ms: number): number[] => {
    const silent: number[] = [];
    for (const endMs = nowMs + ms; nowMs < endMs; ) {
      nowMs += TURN_MS;
      silence.turn(nowMs);
      silent.push(...silence.sweep(sessions).map(({ data }) => data.number));
    }
    return silent;
  };
  const stall = (ms: number): void => {
    nowMs += ms;
    silence.turn(nowMs);
  };
  return { silence, sessions, pass, stall };
}

describe('silence', () => {
  test('of longer than both times ends a session, and a ping begins it anew', () => {
    const { silence, sessions, pass } = setUp(3);
    expect(pass(2_000)).toEqual([]);
    const [pinged] = sessions.all() as [Client];
    pinged.data.pingedAtMs = silence.nowMs;
    expect(new Set(pass(2_200))).toEqual(new Set([1, 2]));
    expect(pass(2_000)).toContain(0);
  });

  test('is none of plain WebSocket, nor of a server that named no times', () => {
    expect(setUp(3, websocket).pass(60_000)).toEqual([]);
    expect(setUp(3, socketIo, Number.POSITIVE_INFINITY).pass(60_000)).toEqual([]);
  });

  test('does not grow while the agent is held up', () => {
    const { pass, stall } = setUp(3);
    stall(60_000);
    expect(pass(1_800)).toEqual([]);
    expect(pass(2_000)).not.toEqual([]);
  });

  test('of many is found within some seconds, a part in each', () => {
    const { pass } = setUp(20_000);
    pass(3_000);
    const first = pass(1_000);
    expect(first).toHaveLength(4_000);
    expect(new Set([...first, ...pass(4_000)]).size).toBe(20_000);
  });

  test('of nobody is nothing', () => {
    expect(setUp(0).pass(10_000)).toEqual([]);
  });
});
