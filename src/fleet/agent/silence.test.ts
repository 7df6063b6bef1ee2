/** Who is given up, and when, by a clock that a test moves. */

import { describe, expect, test } from 'bun:test';
import { ORDER } from '../../../test/support/swarm-run.ts';
import { type Client, Connection, wayOf } from './connection.ts';
import type { ClientProtocol } from './contract.ts';
import { Itinerary } from './itinerary.ts';
import { Sessions } from './sessions.ts';
import { Silence } from './silence.ts';

const PING_WITHIN_MS = 3_000;
const TURN_MS = 200;

function setUp(
  count: number,
  protocol: ClientProtocol = 'socket-io',
  pingTimesMs: readonly [number, number] = [PING_WITHIN_MS - 1_000, 1_000],
) {
  const silence = new Silence();
  const sessions = new Sessions();
  const { target, codec } = new Itinerary({ ...ORDER, mix: [{ protocol, weight: 1 }] }).next();
  const { times } = wayOf(new Connection(0, codec, target, 0));
  times.told(...pingTimesMs);
  for (let number = 0; number < count; number++) {
    const connection = new Connection(number, codec, target, 0);
    connection.phase = 'established';
    connection.heardAtMs = 0;
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
  return { silence, sessions, times, pass, stall };
}

describe('silence', () => {
  test('of longer than both times ends a session, and a ping begins it anew', () => {
    const { silence, sessions, pass } = setUp(3);
    expect(pass(2_000)).toEqual([]);
    const [pinged] = sessions.all() as [Client];
    pinged.data.heardAtMs = silence.nowMs;
    expect(new Set(pass(2_200))).toEqual(new Set([1, 2]));
    expect(pass(2_000)).toContain(0);
  });

  test('is none of a server that named no times, nor of one not heard yet', () => {
    expect(setUp(3, 'socket-io', [0, 0]).pass(60_000)).toEqual([]);
    const { sessions, pass } = setUp(3, 'websocket');
    for (const { data } of sessions.all()) data.heardAtMs = -1;
    expect(pass(60_000)).toEqual([]);
  });

  test('of a stream is that of a ping', () => {
    const { pass } = setUp(3, 'sse');
    expect(pass(2_800)).toEqual([]);
    expect(pass(2_000)).not.toEqual([]);
  });

  test('of a poll is longer than any hold, until one has come back with nothing', () => {
    const { silence, sessions, times, pass } = setUp(3, 'poll');
    expect(pass(240_000)).toEqual([]);
    times.held(4_000);
    times.held(500);
    for (const { data } of sessions.all()) data.heardAtMs = silence.nowMs;
    expect(pass(4_800)).toEqual([]);
    expect(pass(2_000)).not.toEqual([]);
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
