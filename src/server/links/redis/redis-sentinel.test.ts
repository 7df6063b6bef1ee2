import { expect, test } from 'bun:test';
import {
  type RedisServer,
  startRedis,
  startRedisSentinel,
} from '../../../../test/support/redis-servers.ts';
import { requirement } from '../../../../test/support/requires.ts';
import { failureOf, WatchedRedisLink } from '../../../../test/support/watched-redis-link.ts';

const redis = requirement('redis');

test.skipIf(!redis.available)(
  redis.title('a failover by order and one by death are followed, messages heard after each'),
  async () => {
    await using sentinel = await startRedisSentinel({ sentinels: 3, password: 'secret' });
    await using watched = await WatchedRedisLink.open(sentinel.url);
    const { link } = watched;
    link.subscribe(['a']);
    link.subscribePattern('b*');
    await watched.subscribed('a');
    await link.command('k', ['SET', 'k', 'kept']);
    const second = await sentinel.failover();
    await watched.connected(2);
    expect(await link.publish('a', Buffer.from('1'))).toBe(1);
    expect(await link.publish('b1', Buffer.from('2'))).toBe(1);
    expect(await link.command('k', ['GET', 'k'])).toBe('kept');
    expect(await second.command('PUBSUB', 'NUMSUB', 'a')).toEqual(['a', 1]);
    await watched.until('the old master follows', async () => {
      return (await second.info('connected_slaves')) === '1';
    });
    const third = await sentinel.killMaster();
    await watched.connected(3);
    expect(await link.publish('a', Buffer.from('3'))).toBe(1);
    expect(await third.command('PUBSUB', 'NUMSUB', 'a')).toEqual(['a', 1]);
    await watched.until('all came', () => watched.messages.length === 3);
    expect(watched.said('a replica is to take its place')).toBeGreaterThanOrEqual(1);
    expect(watched.lines.join('\n')).not.toContain('secret');
  },
);

test.skipIf(!redis.available)(
  redis.title('sentinels may have the password too, and one of them may be away'),
  async () => {
    await using sentinel = await startRedisSentinel({
      sentinels: 2,
      password: 'secret',
      sentinelPassword: 'secret',
      tls: true,
    });
    await sentinel.sentinels[0]?.kill();
    const { caFile } = sentinel.servers[0] as RedisServer;
    await using watched = await WatchedRedisLink.open(sentinel.url, { caFile });
    expect(await watched.link.command('k', ['SET', 'k', 'x'])).toBe('OK');
    await sentinel.sentinels[1]?.kill();
    // It asks them every few seconds; while the master is there nothing is lost by their silence.
    await watched.until('they were asked', () => watched.said('cannot be asked for') > 0);
    expect(await watched.link.command('k', ['GET', 'k'])).toBe('x');
    expect(watched.changes).toEqual(['connected']);
    expect(watched.link.fault).toBeUndefined();
  },
);

test.skipIf(!redis.available)(
  redis.title('names, sentinels and servers that are not what the URL says are refused'),
  async () => {
    await using sentinel = await startRedisSentinel();
    const wrongName = sentinel.url.replace(/[^/]*$/, 'other');
    const refused = await failureOf(WatchedRedisLink.open(wrongName));
    expect(refused.message).toContain('knows no master called "other"');
    const asOne = sentinel.sentinels[0]?.url ?? '';
    expect((await failureOf(WatchedRedisLink.open(asOne))).message).toContain('redis-sentinel://');
    await using server = await startRedis();
    const asSentinel = `${server.url.replace('://', '-sentinel://')}/main`;
    expect((await failureOf(WatchedRedisLink.open(asSentinel))).fault).toBe('refused');
  },
);
