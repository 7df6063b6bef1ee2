/** The broker on each Redis that it may have, and in each mode. */

import { afterAll, beforeAll, describe, setDefaultTimeout, test } from 'bun:test';
import { BROKER_MODES, type BrokerMode } from '../../src/host/config/broker.ts';
import {
  startRedis,
  startRedisCluster,
  startRedisSentinel,
  valkey,
} from '../support/redis-servers.ts';
import { type Requirement, requirement } from '../support/requires.ts';
import { type BrokerRedis, brokerSuite, CUT_USER } from './broker-suite.ts';

type Running = BrokerRedis & AsyncDisposable;

interface Kind {
  readonly program: Requirement;
  readonly modes: readonly BrokerMode[];
  readonly start: () => Promise<Running>;
}

const START_MS = 60_000;
// Links that were cut wait before they come back, and the machine may be busy.
setDefaultTimeout(40_000);
const redis = requirement('redis');
const valkeyServer = valkey();
const users = [CUT_USER];

const KINDS: Readonly<Record<string, Kind>> = {
  redis: { program: redis, modes: BROKER_MODES, start: () => startOne() },
  'redis cluster': {
    program: redis,
    modes: BROKER_MODES,
    start: () => startRedisCluster({ users }),
  },
  'redis sentinel': {
    program: redis,
    modes: ['pubsub'],
    start: () => startRedisSentinel({ users }),
  },
  valkey: {
    program: valkeyServer,
    modes: ['sharded', 'streams'],
    start: () => startOne(valkeyServer.path),
  },
};

for (const [name, { program, modes, start }] of Object.entries(KINDS)) {
  if (!program.available) {
    // The name says what is missing.
    test.skip(program.title(name), () => {});
    continue;
  }
  describe(name, () => {
    let running: Running | undefined;

    beforeAll(async () => {
      running = await start();
    }, START_MS);
    afterAll(() => running?.[Symbol.asyncDispose]());

    for (const mode of modes) brokerSuite(name, mode, () => running as Running);
  });
}

async function startOne(program?: string): Promise<Running> {
  const server = await startRedis({ users, ...(program === undefined ? {} : { program }) });
  const end = (): Promise<void> => server[Symbol.asyncDispose]();
  return { url: server.url, servers: [server], [Symbol.asyncDispose]: end };
}
