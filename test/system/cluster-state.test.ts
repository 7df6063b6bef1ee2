/** What nodes keep together: who is in a room, where users are, how many sessions they may have. */

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import type { Config } from '../../src/host/config/schema.ts';
import type { RoomPresence, UserPlaces } from '../../src/server/core/app/app.ts';
import { PLAIN_ROOM } from '../../src/server/core/rooms/room-settings.ts';
import { listen, startNodes, stopNodes } from '../support/cluster-nodes.ts';
import type { HoldfastProcess } from '../support/holdfast-process.ts';
import { type RedisServer, startRedis } from '../support/redis-servers.ts';
import { requirement } from '../support/requires.ts';
import { eventually } from './eventually.ts';

const redis = requirement('redis');

setDefaultTimeout(60_000);

let server: RedisServer;

beforeAll(async () => {
  if (redis.available) server = await startRedis();
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

/** Runs with two nodes that share nothing with those of other tests. */
async function withNodes(
  brokerPrefix: string,
  config: Partial<Config>,
  run: (first: HoldfastProcess, second: HoldfastProcess) => Promise<void>,
): Promise<void> {
  const nodes = await startNodes(2, { broker: server.url, brokerPrefix, ...config });
  try {
    await run(nodes[0] as HoldfastProcess, nodes[1] as HoldfastProcess);
  } finally {
    await stopNodes(nodes);
  }
}

const needsRedis = test.skipIf(!redis.available);

needsRedis(redis.title('a room knows who is in it on other nodes'), async () => {
  const rooms = { 'p:*': { ...PLAIN_ROOM, presence: true } };
  await withNodes('present', { rooms, presenceGraceMs: 500 }, async (first, second) => {
    const ada = await listen(first, { user: 'ada', rooms: ['p:1'] });
    const notices: { joined?: string[]; left?: string[]; count: number }[] = [];
    ada.socket.on('presence', (notice) => notices.push(notice));
    const bob = await listen(second, { user: 'bob', rooms: ['p:1'] });
    const again = await listen(second, { user: 'ada', rooms: ['p:1'] });
    const present = await eventually(
      'both know both',
      () => Promise.all([ada, bob].map((one) => one.ask<RoomPresence>('present', 'p:1'))),
      (all) => all.every(({ count, users }) => count === 2 && users.length === 2),
    );
    for (const { users } of present) {
      const found = users.find(({ user }) => user === 'ada');
      expect(found).toMatchObject({ sessions: 2, transports: ['websocket'] });
    }
    await eventually(
      'she is told',
      () => notices,
      (told) => told.some(({ joined }) => joined?.includes('bob') === true),
    );
    bob.close();
    await eventually(
      'she is told',
      () => notices,
      (told) => told.some(({ left, count }) => left?.includes('bob') === true && count === 1),
    );
    // She hears of herself at the most once: her session of the other node is no member more.
    const joined = notices.flatMap((notice) => notice.joined ?? []);
    expect(joined.filter((user) => user === 'bob')).toHaveLength(1);
    expect(joined.filter((user) => user === 'ada').length).toBeLessThanOrEqual(1);
    again.close();
    const whole = await ada.ask<UserPlaces>('where', 'ada');
    expect(whole.count).toBeGreaterThanOrEqual(1);
    ada.close();
  });
});

needsRedis(redis.title('who was on a node that is killed leaves in time'), async () => {
  const rooms = { 'p:*': { ...PLAIN_ROOM, presence: true } };
  await withNodes('killed', { rooms, presenceGraceMs: 500 }, async (first, second) => {
    const ada = await listen(first, { user: 'ada', rooms: ['p:1'] });
    const bob = await listen(second, { user: 'bob', rooms: ['p:1'] });
    const count = async (): Promise<number> =>
      (await ada.ask<RoomPresence>('present', 'p:1')).count;
    await eventually('both are there', count, (users) => users === 2);
    const sinceMs = performance.now();
    for (const pid of second.processes) process.kill(pid, 'SIGKILL');
    await eventually('he is gone', count, (users) => users === 1, 30_000);
    expect(performance.now() - sinceMs).toBeLessThan(30_000);
    expect((await first.process()).nodes).toHaveLength(1);
    bob.close();
    ada.close();
  });
});

needsRedis(redis.title('a user has so many sessions on all nodes together'), async () => {
  const limit = { maxSessionsPerUser: 2, sessionsOverLimit: 'refuse' } as const;
  await withNodes('seats', limit, async (first, second) => {
    const one = await listen(first, { user: 'ada' });
    const two = await listen(second, { user: 'ada' });
    const refused = await listen(first, { user: 'ada' }).catch(String);
    expect(refused).toBeString();
    const other = await listen(second, { user: 'bob' });
    two.close();
    const again = await eventually(
      'there is a seat',
      () => listen(first, { user: 'ada' }).catch(() => undefined),
      (listener) => listener !== undefined,
    );
    for (const listener of [one, other, again]) listener?.close();
  });
});

needsRedis(redis.title('the oldest session of a user ends, on whichever node it is'), async () => {
  const limit = { maxSessionsPerUser: 1, sessionsOverLimit: 'endOldest' } as const;
  await withNodes('oldest', limit, async (first, second) => {
    const old = await listen(first, { user: 'ada' });
    const ended = new Promise((resolve) => old.socket.once('disconnect', resolve));
    const young = await listen(second, { user: 'ada' });
    expect(await ended).toBe('io server disconnect');
    expect(young.socket.connected).toBe(true);
    old.close();
    young.close();
  });
});
