import { describe, expect, test } from 'bun:test';
import {
  type RedisServer,
  startRedis,
  startRedisCluster,
  valkey,
} from '../../../../test/support/redis-servers.ts';
import { requirement } from '../../../../test/support/requires.ts';
import { failureOf, WatchedRedisLink } from '../../../../test/support/watched-redis-link.ts';
import { hashSlot } from './hash-slot.ts';
import type { RedisLinkError } from './redis-fault.ts';
import { luaScript } from './redis-script.ts';

const redis = requirement('redis');
const WORD = Buffer.from('word');
const names = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, at) => `${prefix}:${at}`);

test.skipIf(!redis.available)(
  redis.title('commands, channels and shards of a Cluster find their nodes'),
  async () => {
    await using cluster = await startRedisCluster({ password: 'secret' });
    await using watched = await WatchedRedisLink.open(cluster.url);
    const { link } = watched;
    expect(link.isCluster).toBe(true);
    for (const key of names('key', 20)) {
      expect(await link.command(key, ['SET', key, 'x'])).toBe('OK');
      expect(await (await cluster.masterOf(key)).command('GET', key)).toBe('x');
    }
    expect(await link.script(luaScript('return KEYS[1]'), ['key:1'], [])).toBe('key:1');
    expect(
      await link.pipeline('{a}1', [
        ['SET', '{a}1', '1'],
        ['GET', '{a}1'],
      ]),
    ).toEqual(['OK', '1']);
    const shards = names('shard', 2_000);
    const plain = names('plain', 2_000);
    link.subscribe(shards, true);
    link.subscribe(plain);
    link.subscribePattern('p*n:1');
    await watched.subscribed('shard:1999', true);
    await watched.subscribed('plain:1999');
    for (const shard of shards) expect(await link.publishSharded(shard, WORD)).toBe(1);
    for (const channel of plain) await link.publish(channel, WORD);
    await watched.until('all came', () => watched.messages.length === 4_001);
    link.unsubscribe(shards, true);
    await watched.subscribed('shard:0', true, 0);
    await watched.subscribed('shard:1999', true, 0);
  },
);

describe.each([
  ['Redis with TLS', redis, true],
  ['Valkey', valkey(), false],
] as const)('%s', (_name, program, tls) => {
  test.skipIf(!program.available)(
    program.title('a replica takes over, and all is heard again, shards as well'),
    async () => {
      await using cluster = await startRedisCluster({ program: program.path, replicas: 1, tls });
      const { caFile } = cluster.masters[0] as RedisServer;
      await using watched = await WatchedRedisLink.open(cluster.url, { caFile });
      const { link } = watched;
      const shards = names('shard', 300);
      link.subscribe(shards, true);
      link.subscribe(['plain']);
      await watched.subscribed('shard:299', true);
      const blocking = link.blocking('shard:0');
      const args = ['XREAD', 'BLOCK', '30000', 'STREAMS', 'shard:0', '$'] as const;
      const waits = failureOf(blocking.next(args, 30_000));
      await (await cluster.masterOf('shard:0')).kill();
      await watched.lost();
      expect((await waits).fault).toBe('unreachable');
      await watched.connected(2);
      for (const shard of shards) expect(await link.publishSharded(shard, WORD)).toBe(1);
      await link.publish('plain', WORD);
      await watched.until('all came', () => watched.messages.length === 301);
      expect(await link.command('shard:0', ['SET', 'shard:0', 'x'])).toBe('OK');
      await watched.until('all is well', () => link.fault === undefined);
      expect(watched.said('a replica is to take its place')).toBe(1);
    },
  );
});

test.skipIf(!redis.available)(
  redis.title('slots that move take their shards and their keys along'),
  async () => {
    await using cluster = await startRedisCluster();
    await using watched = await WatchedRedisLink.open(cluster.url);
    const { link } = watched;
    const shards = names('shard', 200);
    link.subscribe(shards, true);
    await watched.subscribed('shard:199', true);
    const from = await cluster.masterOf('shard:7');
    const to = cluster.masters.find((one) => one !== from) as RedisServer;
    await cluster.moveSlot(hashSlot('shard:7'), from, to);
    // The first is redirected, and has the map looked at again.
    expect(await link.command('shard:7', ['SET', 'shard:7', 'x'])).toBe('OK');
    await watched.until('shards are heard where they are now', async () => {
      return (await link.publishSharded('shard:7', WORD)) === 1 && link.isConnected;
    });
    for (const shard of shards) expect(await link.publishSharded(shard, WORD)).toBe(1);
    expect(await to.command('PUBSUB', 'SHARDNUMSUB', 'shard:7')).toEqual(['shard:7', 1]);
    expect(watched.changes).toEqual(['connected', 'lost', 'connected']);
  },
);

test.skipIf(!redis.available)(
  redis.title('a master that dies without a replica leaves the others at work'),
  async () => {
    await using cluster = await startRedisCluster();
    await using watched = await WatchedRedisLink.open(cluster.url);
    const { link } = watched;
    const dead = await cluster.masterOf('b');
    await dead.kill();
    await watched.lost();
    expect(link.fault).toBe('unreachable');
    expect((await failureOf(link.command('b', ['GET', 'b']))).fault).toBe('unreachable');
    const other = names('key', 50).find(
      (key) =>
        Math.floor((hashSlot(key) * 3) / 16_384) !== Math.floor((hashSlot('b') * 3) / 16_384),
    ) as string;
    await watched.until('the Cluster says that it is down', async () => {
      return await link.command(other, ['GET', other]).then(
        () => false,
        (error: unknown) => (error as RedisLinkError).fault === 'clusterDown',
      );
    });
    await dead.start();
    await cluster.isWhole();
    await watched.connected(2);
    await watched.until('all is well', async () => {
      await link.command(other, ['GET', other]).catch(() => {});
      return link.fault === undefined;
    });
  },
);

test.skipIf(!redis.available)(
  redis.title('a URL of the wrong kind is refused with the right one'),
  async () => {
    await using cluster = await startRedisCluster();
    const asOne = (cluster.masters[0] as RedisServer).url;
    expect((await failureOf(WatchedRedisLink.open(asOne))).message).toContain('redis-cluster://');
    await using server = await startRedis();
    const asCluster = server.url.replace('://', '-cluster://');
    expect((await failureOf(WatchedRedisLink.open(asCluster))).message).toContain('cluster');
  },
);
