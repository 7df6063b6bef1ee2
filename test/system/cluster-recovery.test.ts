/**
 * Nodes, Redis and ways between them that fail while messages go on: who was connected, or came
 * back within the window, has each message of rooms that keep them once and in order, whichever
 * node it came back to.
 */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import type { BrokerMode } from '../../src/host/config/broker.ts';
import type { Config } from '../../src/host/config/schema.ts';
import { allKnown, stopNodes } from '../support/cluster-nodes.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { type RedisServer, startRedis } from '../support/redis-servers.ts';
import { requirement } from '../support/requires.ts';
import { TcpRelay } from '../support/tcp-relay.ts';
import { type Aim, type Hello, Member, Talker } from './cluster-crowd.ts';
import { eventually } from './eventually.ts';

const redis = requirement('redis');

const APP = join(import.meta.dir, 'comeback-app.ts');
/** More of them by hand, as docs/BENCHMARKS.md has it: `CLUSTER_CLIENTS=3000`. */
const MEMBERS = Number(process.env['CLUSTER_CLIENTS'] ?? 24);
/** For each message to everyone so many go to single users, so that a crowd can take them. */
const OWN_PER_COMMON = Math.ceil(MEMBERS / 100);
/** How long a node is cut off from Redis at the least. */
const CUT_MS = MEMBERS > 100 ? 10_000 : 0;
const WAIT_MS = MEMBERS > 100 ? 120_000 : 30_000;

setDefaultTimeout(3 * WAIT_MS);

const BACK = { recovered: true, unrecovered: false };
const MODES: readonly BrokerMode[] = ['pubsub', 'streams'];

describe.skipIf(!redis.available).each(MODES)(redis.title('three nodes, mode %s'), (brokerMode) => {
  let server: RedisServer;
  /** To Redis, of the third node. */
  let cable: TcpRelay;
  /** To whichever node is there. */
  let proxy: TcpRelay;
  let nodes: HoldfastProcess[] = [];
  let members: readonly Member[] = [];
  /** Counters of each test begin with its number. */
  let tests = 0;

  beforeAll(async () => {
    server = await startRedis();
    cable = await TcpRelay.to(() => [server.port]);
    nodes = await Promise.all([start(server.url), start(server.url), start(thirdUrl())]);
    await allKnown(nodes);
    proxy = await TcpRelay.to(() => nodes.map(({ publicPort }) => publicPort));
    members = Array.from({ length: MEMBERS }, (_, at) => {
      const user = `u${at}`;
      const options = { user, rooms: ['kept:all', `kept:${user}`, 'plain:all'], data: { at } };
      const url = `http://127.0.0.1:${proxy.port}`;
      return Member.open(at % 3 === 0 ? 'plain' : 'socket.io', url, options);
    });
    await allThere();
  });

  afterAll(async () => {
    for (const member of members) member.close();
    await stopNodes(nodes);
    await Promise.all([proxy, cable, server].map((one) => one[Symbol.asyncDispose]()));
  });

  function thirdUrl(): string {
    return `redis://127.0.0.1:${cable.port}`;
  }

  function start(broker: string): Promise<HoldfastProcess> {
    const kept = { history: { messages: 5_000, seconds: 120 } };
    const rooms = { 'kept:*': kept, '': kept } as never;
    const config: Partial<Config> = { broker, brokerMode, rooms };
    return HoldfastProcess.start({ app: APP, workers: 1, config });
  }

  async function allThere(): Promise<void> {
    await eventually(
      'all are connected',
      () => members.filter(({ isConnected, hellos }) => !isConnected || hellos.length === 0).length,
      (away) => away === 0,
      WAIT_MS,
    );
  }

  /** To everyone, to a room with all, and to one with a single user, in turn. */
  function aims(name: string): readonly Aim[] {
    const common: readonly Aim[] = [
      { counter: `${name}all`, to: { room: 'kept:all' } },
      { counter: `${name}everyone`, to: {} },
    ];
    return members.flatMap(({ user }, at): readonly Aim[] => [
      ...(at % OWN_PER_COMMON === 0 ? common : []),
      { counter: `${name}${user}`, to: { room: `kept:${user}` } },
    ]);
  }

  /** Messages go on while it is done, and for a moment before and after. */
  async function meanwhile(run: (talk: Talker) => Promise<unknown>): Promise<void> {
    const name = `${tests++}:`;
    for (const { hellos } of members) hellos.splice(0, hellos.length - 1);
    const talker = new Talker(aims(name));
    const countersOf = ({ user }: Member): readonly string[] =>
      ['all', 'everyone', user].map((counter) => `${name}${counter}`);
    const missing = (): readonly string[] =>
      members.flatMap((member) =>
        countersOf(member).flatMap((counter) => {
          const heard = new Set(member.numbers(counter));
          const away = talker.numbers(counter).filter((number) => !heard.has(number));
          return away.length === 0 ? [] : [`${member.user} ${counter}: ${away.join()}`];
        }),
      );
    talker.start(nodes[0] as HoldfastProcess);
    try {
      await talker.says(100);
      await run(talker);
      await talker.says(100);
    } finally {
      await talker.stop();
    }
    expect(talker.refused).toEqual([]);
    await allThere();
    allRecovered();
    await eventually('all has come', missing, (list) => list.length === 0, WAIT_MS);
    for (const member of members) {
      for (const counter of countersOf(member)) {
        expect(member.numbers(counter)).toEqual(talker.numbers(counter));
      }
    }
  }

  /** Those who have come back are who they were. */
  function allRecovered(): void {
    const strange = members.flatMap(({ hellos, user }) => {
      const [before, ...others] = hellos as [Hello, ...Hello[]];
      const isSame = (hello: Hello): boolean => Bun.deepEquals(hello, { ...before, ...BACK });
      const { at } = before.data as { at: number };
      return `u${at}` === user && others.every(isSame) ? [] : [{ user, before, others }];
    });
    expect(strange).toEqual([]);
  }

  test('connections of clients that break', async () => {
    await meanwhile(async () => {
      for (let times = 0; times < 3; times++) {
        proxy.interrupt();
        await allThere();
      }
    });
    expect(members.some(({ hellos }) => hellos.length > 1)).toBe(true);
  });

  test('a node that is killed', async () => {
    await meanwhile(async () => {
      const third = nodes.pop() as HoldfastProcess;
      await third[Symbol.asyncDispose]();
      await allThere();
    });
    nodes.push(await start(thirdUrl()));
  });

  test('nodes that are restarted one by one', async () => {
    await meanwhile(async () => {
      for (const at of [1, 2]) {
        const [before] = nodes.splice(at, 1) as [HoldfastProcess];
        await before.stop();
        await allThere();
        nodes.splice(at, 0, await start(at === 2 ? thirdUrl() : server.url));
      }
    });
  });

  test('Redis that is killed and restarted with its data', async () => {
    await meanwhile(async () => {
      await server.kill();
      await degraded();
      await server.start();
      await connected();
    });
  });

  test('Redis that is killed and restarted without its data', async () => {
    await meanwhile(async (talk) => {
      await server.kill();
      await degraded();
      await server.restart({ keepsData: false });
      await connected();
      // Until sessions of all are in Redis again.
      await talk.says(50);
      proxy.interrupt();
      await allThere();
    });
  });

  test('Redis that stands still', async () => {
    await meanwhile(async () => {
      server.stop();
      await degraded();
      server.cont();
      await connected();
    });
  });

  test('a node that is cut off from Redis', async () => {
    await meanwhile(async () => {
      cable.hold();
      await Promise.all([ready('degraded', nodes.slice(2)), Bun.sleep(CUT_MS)]);
      cable.open();
      await connected();
      proxy.interrupt();
    });
  });

  async function degraded(): Promise<void> {
    await ready('degraded');
  }

  async function connected(): Promise<void> {
    await ready('connected');
  }

  async function ready(broker: string, of = nodes): Promise<void> {
    for (const node of of) {
      await eventually(
        `its broker is ${broker}`,
        async () => ((await (await node.admin('/ready')).json()) as { broker: string }).broker,
        (state) => state === broker,
      );
    }
  }
});
