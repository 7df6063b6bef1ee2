/** Runs tests on one Redis and on a Redis Cluster, where the program is there. */

import { afterAll, beforeAll, describe, test } from 'bun:test';
import { type RedisAtHand, redisAtHand } from './redis-at-hand.ts';
import { startRedis, startRedisCluster } from './redis-servers.ts';
import type { Requirement } from './requires.ts';

const START_MS = 60_000;

/** Open while a test runs, with keys that no other test has. */
export interface RedisOfTest {
  readonly redis: RedisAtHand;
  readonly prefix: string;
}

/**
 * @param redis what the test file has asked for: `requirement('redis')`
 * @param declare declares tests; `at` gives the Redis while they run
 */
export function onEachRedis(
  redis: Requirement,
  declare: (name: string, at: () => RedisOfTest) => void,
): void {
  if (!redis.available) {
    // The name says what is missing.
    test.skip(redis.title('on Redis'), () => {});
    return;
  }
  for (const kind of ['redis', 'redis cluster'] as const) {
    describe(kind, () => {
      let close = async (): Promise<void> => {};
      let link: RedisAtHand | undefined;
      let count = 0;

      beforeAll(async () => {
        const [servers, ports] = await start(kind);
        close = async () => {
          await link?.close();
          await servers[Symbol.asyncDispose]();
        };
        link = await redisAtHand(ports);
      }, START_MS);
      afterAll(() => close());

      declare(kind, () => ({ redis: link as RedisAtHand, prefix: `test${count++}` }));
    });
  }
}

async function start(
  kind: 'redis' | 'redis cluster',
): Promise<readonly [servers: AsyncDisposable, ports: readonly number[]]> {
  if (kind === 'redis') {
    const server = await startRedis();
    return [server, [server.port]];
  }
  const cluster = await startRedisCluster();
  return [cluster, cluster.masters.map(({ port }) => port)];
}
