/** Which sessions are unproven, and which clients that poll count as heard. */

import { beforeEach, expect, spyOn, test } from 'bun:test';
import { ENGINE_SETTINGS, FakeEngine, settle } from '../../../../test/support/fake-engine.ts';
import type { FrameHandler } from '../../core/contracts/client-connection.ts';
import { STANDING, type Standing } from '../../core/contracts/place-holder.ts';

let fake: FakeEngine;

beforeEach(() => {
  fake = new FakeEngine({
    authenticate: ({ auth: { user } }) => (typeof user === 'string' ? { user } : {}),
  });
});

/** As much time as it takes for one ping and its answer, with what a client does at each beat. */
function pass(onBeat: () => void): void {
  const { tickMs } = fake.heartbeat;
  const { pingIntervalMs, pingTimeoutMs } = ENGINE_SETTINGS;
  for (let ms = 0; ms <= 2 * (pingIntervalMs + pingTimeoutMs); ms += tickMs) {
    fake.heartbeat.beat(performance.now());
    onBeat();
  }
}

test('pongs of a client that does not fetch its pings do not keep its session', async () => {
  const poller = await fake.openPoller();
  pass(() => poller.post('3'));
  expect(fake.ended).toEqual(['ping timeout']);
});

test('a client that fetches its pings and answers stays', async () => {
  const poller = await fake.openPoller();
  poller.poll();
  pass(() => {
    if (!poller.news().some((answer) => answer.includes('2'))) return;
    poller.post('3');
    poller.poll();
  });
  expect(fake.ended).toEqual([]);
});

test('a poll for a ping whose time is over is too late, before a beat has found that', async () => {
  const asked = await fake.openPoller();
  spyOn(fake.heartbeat, 'isOverdue').mockReturnValue(true);
  asked.poll();
  const late = await fake.openPoller();
  while (asked.answers.length === 0) fake.heartbeat.beat(performance.now());
  late.poll();
  expect(late.news()).toEqual(['400']);
  expect(asked.news()).toEqual(['2']);
  expect(fake.ended).toEqual(['ping timeout']);
});

function unproven(): Standing[] {
  const found: Standing[] = [];
  fake.context.visitUnproven((holder) => found.push(holder.standing));
  return found;
}

test('one that has not joined is unproven, and one on a WebSocket that has is not', async () => {
  fake.createPoller();
  expect(unproven()).toEqual([STANDING.new]);
  await fake.openSocket();
  expect(unproven()).toEqual([STANDING.new]);
  fake.openUnjoined(false, '3');
  expect(unproven()).toEqual([STANDING.new, STANDING.new]);
});

test('one that polls is unproven while no request of it is under way', async () => {
  const poller = await fake.openPoller();
  expect(unproven()).toEqual([STANDING.new]);
  poller.poll();
  expect(unproven()).toEqual([]);
  fake.core.server.emit('x');
  await settle();
  expect(unproven()).toEqual([STANDING.new]);
  poller.poll();
  fake.core.server.emit('x');
  await settle();
  expect(unproven()).toEqual([STANDING.settled]);
  poller.offer();
  expect(unproven()).toEqual([]);
});

test('to come back with a poll is a sign of life, also before it has joined', () => {
  const since: number[] = [];
  const look = (): unknown => fake.context.visitUnproven((_holder, _from, ms) => since.push(ms));
  const poller = fake.createPoller();
  look();
  fake.heartbeat.beat(performance.now());
  const comingBackMs = fake.heartbeat.clockMs;
  poller.poll();
  look();
  expect(since[0]).toBeLessThan(comingBackMs);
  expect(since[1]).toBeGreaterThanOrEqual(comingBackMs);
});

test('a socket that one is about to move to is known as carrying it', async () => {
  const poller = await fake.openPoller();
  const known = (): number[] => fake.context.carryingConnections().filter((one) => one !== 0);
  expect(known()).toEqual([]);
  const offered = poller.offer();
  expect(known()).toEqual([3]);
  (offered.data as FrameHandler).onSocketClose(offered);
  expect(known()).toEqual([]);
});

test('a user is known as one', async () => {
  const poller = fake.createPoller();
  poller.post('40{"user":"u"}');
  await settle();
  expect(unproven()).toEqual([STANDING.newUser]);
});

test('to make place ends the session', async () => {
  const socket = fake.openUnjoined(false, '3');
  fake.context.visitUnproven((holder) => queueMicrotask(() => holder.giveUpPlace()));
  await settle();
  expect([socket.closes, fake.context.size]).toEqual([[1013], 0]);
});
