/** Runs tests on one Redis and on a Redis Cluster, where the program is there. */

import { afterAll, beforeAll, describe, test } from 'bun:test';
import { openRedisLink, type RedisLink } from '../../src/server/links/redis/redis-link.ts';
import { logLines } from './log-lines.ts';
import type { RedisServer } from './redis-server.ts';
import { startRedis, startRedisCluster } from './redis-servers.ts';
import type { Requirement } from './requires.ts';

const START_MS = 60_000;
const CONNECT_MS = 10_000;

/** Open while a test runs, with keys that no other test has. */
export interface RedisOfTest {
  readonly redis: RedisLink;
  readonly prefix: string;
  readonly url: string;
  /** That keep the keys. */
  readonly masters: readonly RedisServer[];
  /** The one that keeps a key. */
  readonly masterOf: (key: string) => Promise<RedisServer>;
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
      let servers: RunningRedis | undefined;
      let link: RedisLink | undefined;
      let count = 0;

      beforeAll(async () => {
        servers = await startKind(kind);
        link = await linkTo(servers.url);
      }, START_MS);
      afterAll(async () => {
        await link?.close();
        await servers?.[Symbol.asyncDispose]();
      });

      declare(kind, () => ({
        ...(servers as RunningRedis),
        redis: link as RedisLink,
        prefix: `test${count++}`,
      }));
    });
  }
}

/** A link as a controller has it, that hears nothing. */
export async function linkTo(url: string): Promise<RedisLink> {
  const options = { url, connectTimeoutMs: CONNECT_MS };
  const deaf = { onMessage() {}, onConnected() {}, onLost() {} };
  return await openRedisLink(options, deaf, logLines());
}

type RunningRedis = AsyncDisposable & Pick<RedisOfTest, 'masters' | 'masterOf' | 'url'>;

async function startKind(kind: 'redis' | 'redis cluster'): Promise<RunningRedis> {
  if (kind === 'redis cluster') {
    const cluster = await startRedisCluster();
    const { url, masters } = cluster;
    const end = (): Promise<void> => cluster[Symbol.asyncDispose]();
    return { url, masters, masterOf: (key) => cluster.masterOf(key), [Symbol.asyncDispose]: end };
  }
  const server = await startRedis();
  const end = (): Promise<void> => server[Symbol.asyncDispose]();
  const { url } = server;
  return { url, masters: [server], masterOf: async () => server, [Symbol.asyncDispose]: end };
}
