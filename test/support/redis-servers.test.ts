import { expect, test } from 'bun:test';
import { startRedis, startRedisCluster, startRedisSentinel, valkey } from './redis-servers.ts';
import { requirement } from './requires.ts';

const redis = requirement('redis');
const valkeyServer = valkey();

test.skipIf(!redis.available)(redis.title('one keeps its data, or not'), async () => {
  await using server = await startRedis({ password: 'secret', tls: true });
  await server.command('SET', 'a', 'bö');
  server.stop();
  server.cont();
  await server.restart();
  expect(await server.command('GET', 'a')).toBe('bö');
  await server.restart({ keepsData: false });
  expect(await server.command('GET', 'a')).toBeNull();
});

test.skipIf(!redis.available)(redis.title('three share the slots'), async () => {
  await using cluster = await startRedisCluster({ replicas: 1, password: 'secret' });
  for (const key of ['a', 'b', 'c', 'd']) {
    const master = await cluster.masterOf(key);
    expect(await master.command('SET', key, key)).toBe('OK');
  }
});

test.skipIf(!redis.available)(
  redis.title('sentinels change the master'),
  async () => {
    await using sentinel = await startRedisSentinel({ sentinels: 3, password: 'secret' });
    const first = await sentinel.master();
    const second = await sentinel.failover();
    expect(second.port).not.toBe(first.port);
    expect(await second.command('SET', 'a', 'b')).toBe('OK');
  },
  40_000,
);

test.skipIf(!valkeyServer.available)(valkeyServer.title('Valkey starts'), async () => {
  await using server = await startRedis({ program: valkeyServer.path });
  expect(await server.info('server_name')).toBe('valkey');
});
