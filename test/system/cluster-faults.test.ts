/**
 * What a node does and says while the way to others is not as it should be: what it still delivers,
 * what it counts as lost, and one line of log and a metric for each fault.
 */

import { afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import type { Config } from '../../src/host/config/schema.ts';
import { hashSlot } from '../../src/server/links/redis/hash-slot.ts';
import { allKnown, CLUSTER_APP, listen, startNodes } from '../support/cluster-nodes.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { startRedis, startRedisCluster, startRedisSentinel } from '../support/redis-servers.ts';
import { requirement } from '../support/requires.ts';
import { TcpRelay } from '../support/tcp-relay.ts';
import { Talker } from './cluster-crowd.ts';
import { eventually } from './eventually.ts';

const redis = requirement('redis');
const MIB = 1 << 20;

setDefaultTimeout(60_000);

const opened: AsyncDisposable[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

/** Ends with the test. */
async function until<T extends AsyncDisposable>(starting: Promise<T>): Promise<T> {
  const one = await starting;
  opened.push(one);
  return one;
}

async function start(config: Partial<Config>): Promise<HoldfastProcess> {
  return await until(HoldfastProcess.start({ app: CLUSTER_APP, workers: 1, config }));
}

async function metric(node: HoldfastProcess, name: string): Promise<number | undefined> {
  const text = await (await node.admin('/metrics')).text();
  for (const line of text.split('\n')) {
    if (line.startsWith(`${name} `)) return Number(line.slice(name.length + 1));
  }
  return undefined;
}

/** Until a node is ready and says this of its broker. */
async function broker(node: HoldfastProcess, state: string, fault?: string): Promise<void> {
  await eventually(
    `its broker is ${state}`,
    async () => (await (await node.admin('/ready')).json()) as object,
    (said) => Bun.deepEquals(said, { ready: true, broker: state, ...(fault && { fault }) }),
  );
  expect(await metric(node, 'holdfast_broker_connected')).toBe(state === 'connected' ? 1 : 0);
  if (fault === undefined) return;
  expect(await metric(node, `holdfast_broker_fault{fault="${fault}"}`)).toBe(1);
}

/** Lines of the log that say that a fault has begun. */
function begun(node: HoldfastProcess, fault: string): readonly string[] {
  const said = node.log.filter((line) => line['fault'] === fault && line.level === 'warn');
  return said.map(({ msg }) => msg);
}

const say = async (node: HoldfastProcess, ...args: readonly unknown[]): Promise<number> =>
  (await node.publish({ event: 'said', args })).status;

describe.skipIf(!redis.available)(redis.title('Redis that goes away'), () => {
  test('is said; this node goes on, what is for others waits, and comes to them', async () => {
    const server = await until(startRedis());
    const nodes = await startNodes(2, { broker: server.url }, 1);
    opened.push(...nodes);
    const [first, second] = nodes as [HoldfastProcess, HoldfastProcess];
    const [ada, bob] = [await listen(first), await listen(second)];
    await server.kill();
    for (const node of nodes) await broker(node, 'degraded', 'unreachable');
    for (let i = 0; i < 20; i++) expect(await say(first, i)).toBe(202);
    await eventually(
      'its own have it',
      () => ada.said.length,
      (count) => count === 20,
    );
    expect(bob.said).toEqual([]);
    expect(await metric(first, 'holdfast_broker_waiting_bytes')).toBeGreaterThan(0);
    await server.start();
    for (const node of nodes) await broker(node, 'connected');
    expect(await say(first, 'after')).toBe(202);
    await eventually(
      'the other hears',
      () => bob.said.at(-1),
      (last) => last?.[0] === 'after',
    );
    const lost = (await metric(second, 'holdfast_broker_lost_total')) as number;
    // What came before the other had subscribed again is lost, and counted.
    expect(bob.said.length + lost).toBe(21);
    // Nothing but what it says once a second.
    await eventually(
      'nothing waits',
      () => metric(first, 'holdfast_broker_waiting_bytes'),
      (bytes) => bytes === 0,
    );
    expect(begun(first, 'unreachable')).toHaveLength(1);
    expect(begun(first, 'unreachable')[0]).toContain('see that it runs');
    ada.close();
    bob.close();
  });

  test.each([
    ['nothing may wait', 0],
    ['all that may wait does', MIB],
  ] as const)('refuses when %s', async (_when, brokerQueueBytes) => {
    for (const brokerMode of ['pubsub', 'streams'] as const) {
      const server = await until(startRedis());
      const nodes = await startNodes(2, { broker: server.url, brokerQueueBytes, brokerMode }, 1);
      opened.push(...nodes);
      const [first, second] = nodes as [HoldfastProcess, HoldfastProcess];
      const [ada, bob] = [await listen(first), await listen(second)];
      // What is said before the first node knows whom the second has does not reach them.
      let before = 0;
      await eventually(
        'it is heard',
        async () => {
          expect(await say(first, 'before')).toBe(202);
          before++;
          return bob.said.length;
        },
        (count) => count > 0,
      );
      await server.kill();
      await broker(first, 'degraded', 'unreachable');
      const statuses: number[] = [];
      const large = 'x'.repeat(100_000);
      for (let i = 0; i < 20; i++) statuses.push(await say(first, large));
      expect(statuses.at(-1)).toBe(503);
      expect(statuses.filter((status) => status === 202).length > 0).toBe(brokerQueueBytes > 0);
      const counted = brokerMode === 'streams' ? 'stream' : 'broker';
      const refused = statuses.filter((status) => status === 503).length;
      expect(await metric(first, `holdfast_${counted}_refused_total`)).toBe(refused);
      // The sessions of this node get it in any case.
      await eventually(
        'its own have it',
        () => ada.said.length,
        (count) => count === before + 20,
      );
      ada.close();
      bob.close();
    }
  });
});

describe.skipIf(!redis.available)(redis.title('what pub/sub loses'), () => {
  test('a node that is cut off counts it', async () => {
    const server = await until(startRedis());
    const cable = await until(TcpRelay.to(() => [server.port]));
    const config = { brokerSocketIo: false } as const;
    const first = await start({ ...config, broker: server.url });
    const third = await start({ ...config, broker: `redis://127.0.0.1:${cable.port}` });
    await allKnown([first, third]);
    const cleo = await listen(third, { user: 'cleo' });
    const counted = async (): Promise<number> =>
      ((await metric(third, 'holdfast_broker_heard_total')) as number) +
      ((await metric(third, 'holdfast_broker_lost_total')) as number);
    const talker = new Talker([
      { counter: 'everyone', to: {} },
      { counter: 'cleo', to: { user: 'cleo' } },
    ]);
    talker.start(first);
    await talker.says(50);
    cable.cut();
    await broker(third, 'degraded', 'unreachable');
    await talker.says(100);
    cable.open();
    await broker(third, 'connected');
    await talker.says(50);
    await talker.stop();
    const taken = [...talker.taken.values()].flat().length;
    await eventually('all is counted', counted, (count) => count >= taken);
    expect(await counted()).toBe(taken);
    expect(cleo.said).toHaveLength((await metric(third, 'holdfast_broker_heard_total')) as number);
    expect(await metric(third, 'holdfast_broker_lost_total')).toBeGreaterThan(90);
    expect(await metric(first, 'holdfast_broker_lost_total')).toBe(0);
    cleo.close();
  });

  test('clusters of another prefix hear nothing of each other', async () => {
    const server = await until(startRedis());
    const ours = await startNodes(2, { broker: server.url, brokerPrefix: 'ours' }, 1);
    opened.push(...ours);
    const stranger = await start({ broker: server.url, brokerPrefix: 'theirs' });
    const [ada, bob, eve] = await Promise.all([...ours, stranger].map((node) => listen(node)));
    expect(await say(stranger, 'theirs')).toBe(202);
    expect(await say(ours[0] as HoldfastProcess, 'ours')).toBe(202);
    await eventually(
      'it is heard',
      () => bob?.said,
      (said) => said?.length === 1,
    );
    expect([ada?.said, bob?.said, eve?.said]).toEqual([[['ours']], [['ours']], [['theirs']]]);
    expect((await stranger.process()).nodes).toHaveLength(1);
    for (const one of [ada, bob, eve]) one?.close();
  });
});

describe.skipIf(!redis.available)(redis.title('a fault of Redis has one line and a metric'), () => {
  test('slow', async () => {
    const server = await until(startRedis());
    const node = await start({ broker: server.url });
    server.stop();
    await broker(node, 'degraded', 'slow');
    server.cont();
    await broker(node, 'connected');
    expect(begun(node, 'slow')).toHaveLength(1);
  });

  test('read-only', async () => {
    const [master, server] = [await until(startRedis()), await until(startRedis())];
    const node = await start({ broker: server.url });
    await server.command('REPLICAOF', '127.0.0.1', master.port);
    await broker(node, 'degraded', 'readOnly');
    await server.command('REPLICAOF', 'NO', 'ONE');
    await broker(node, 'connected');
    expect(begun(node, 'readOnly')).toHaveLength(1);
  });

  test('out of memory', async () => {
    const server = await until(startRedis());
    const node = await start({ broker: server.url, brokerMode: 'streams' });
    const ada = await listen(node);
    await server.command('CONFIG', 'SET', 'maxmemory', 1);
    expect(await say(node, 'kept')).toBe(202);
    await broker(node, 'degraded', 'outOfMemory');
    await server.command('CONFIG', 'SET', 'maxmemory', 0);
    await broker(node, 'connected');
    expect(await metric(node, 'holdfast_stream_waiting_bytes')).toBe(0);
    expect(begun(node, 'outOfMemory')).toHaveLength(1);
    ada.close();
  });

  test('a password that is changed', async () => {
    const server = await until(startRedis({ users: ['me on >first ~* &* +@all'] }));
    const node = await start({ broker: server.urlOf('me', 'first') });
    await server.command('ACL', 'SETUSER', 'me', '<first', '>second');
    // Connections that are there stay, as Redis has it, until they break.
    await server.command('CLIENT', 'KILL', 'USER', 'me');
    await broker(node, 'degraded', 'wrongPassword');
    await server.command('ACL', 'SETUSER', 'me', '>first');
    await broker(node, 'connected');
    expect(begun(node, 'wrongPassword')).toHaveLength(1);
    expect(node.logText).not.toContain('first');
  });

  test('a failover of Sentinel', async () => {
    const sentinel = await until(startRedisSentinel());
    const node = await start({ broker: sentinel.url });
    await sentinel.killMaster();
    await broker(node, 'connected');
    const lines = [...begun(node, 'failingOver'), ...begun(node, 'unreachable')];
    expect(lines).toHaveLength(1);
  });

  test('slots that move', async () => {
    const cluster = await until(startRedisCluster());
    const nodes = await startNodes(2, { broker: cluster.url, brokerMode: 'sharded' }, 1);
    opened.push(...nodes);
    const [first, second] = nodes as [HoldfastProcess, HoldfastProcess];
    const bob = await listen(second);
    const slot = hashSlot('socket.io:holdfast');
    const from = await cluster.masterOf('socket.io:holdfast');
    const to = cluster.masters.find((one) => one !== from) as typeof from;
    await cluster.moveSlot(slot, from, to);
    await eventually(
      'it is heard again',
      async () => {
        await say(first, 'moved');
        return bob.said.length;
      },
      (count) => count > 0,
    );
    await broker(first, 'connected');
    bob.close();
  });
});

describe.skipIf(!redis.available)(redis.title('a node does not start with Redis'), () => {
  async function fails(config: Partial<Config>): Promise<string> {
    const node = await until(HoldfastProcess.spawn({ app: CLUSTER_APP, workers: 1, config }));
    expect(await node.exited).toBe(1);
    // One sentence, and nothing else.
    expect(node.logText.split('\n')).toHaveLength(1);
    return node.logText;
  }

  test('that is away', async () => {
    const server = await until(startRedis());
    await server.kill();
    expect(await fails({ broker: server.url })).toContain('see that it runs');
  });

  test('that takes another password', async () => {
    const server = await until(startRedis({ password: 'secret' }));
    const text = await fails({ broker: server.urlOf('', 'mistaken') });
    expect(text).toContain('give its user and password');
    expect(text).not.toContain('mistaken');
  });

  test('that is too old', async () => {
    const version = '$7\r\nversion\r\n$6\r\n6.0.16\r\n$4\r\nrole\r\n$6\r\nmaster\r\n';
    using server = Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      socket: {
        data: (socket, bytes) => {
          const commands = bytes.toString().match(/^\*\d+\r$/gm) ?? [];
          socket.write(`%2\r\n${version}`.repeat(commands.length));
        },
      },
    });
    const text = await fails({ broker: `redis://127.0.0.1:${server.port}` });
    expect(text).toContain('needs Redis 6.2');
  });
});
