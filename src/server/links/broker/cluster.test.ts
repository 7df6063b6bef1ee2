/** Nodes that say things to each other over channels that a test can cut. */

import { afterEach, describe, expect, test } from 'bun:test';
import { FIRST_NODE } from '../../core/app/answer-errors.ts';
import { EncodedEvent } from '../../core/delivery/encoded-event.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { Log } from '../../core/log/log.ts';
import { userKey } from '../../protocol/interest-key.ts';
import { BusFrame, eventBody, type Route, RouteScope, toData } from '../bus/bus-frame.ts';
import { InterestTable } from '../bus/interest-table.ts';
import type { NodeAnswerPiece } from '../bus/other-nodes.ts';
import { NodeCluster } from './cluster.ts';
import type { NodeChannels } from './cluster-options.ts';

const LOG: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** Channels as Redis has them, within a process. */
class FakeRedis {
  readonly published: string[] = [];
  /** What was published first. */
  first: readonly [channel: string, payload: Uint8Array] | undefined;
  readonly nodes: TestNode[] = [];

  publish(channel: string, payload: Uint8Array): void {
    this.published.push(channel);
    const copy = new Uint8Array(payload);
    this.first ??= [channel, copy];
    for (const node of this.nodes) {
      if (node.hears.has(channel) && node.isLinked) node.cluster.onMessage(channel, copy);
    }
  }
}

class TestNode implements NodeChannels {
  readonly hears: Set<string> = new Set();
  readonly interest: InterestTable = new InterestTable();
  readonly taken: Uint8Array[] = [];
  readonly cluster: NodeCluster;
  readonly #redis: FakeRedis;
  isLinked = true;

  constructor(redis: FakeRedis, node: number, queueBytes = 1_000_000) {
    this.#redis = redis;
    redis.nodes.push(this);
    this.cluster = new NodeCluster({
      node,
      prefix: 'test',
      queueBytes,
      channels: this,
      interest: this.interest,
      relay: {
        take: (_type, body) => void this.taken.push(body),
        askWorkers: (_asked, hear) => {
          hear({ isLast: false, isWhole: true, missing: 2, items: toData([node]) });
          hear({ isLast: true, isWhole: true, missing: 0, items: toData([]) });
        },
      },
      log: LOG,
      facts: () => ({ host: '10.0.0.1', publicPort: 8500, ports: [node], namespaces: ['/'] }),
    });
  }

  async publish(channel: string, payload: Uint8Array): Promise<void> {
    await Promise.resolve();
    if (!this.isLinked) throw new Error('not connected');
    this.#redis.publish(channel, payload);
  }

  subscribe(channels: readonly string[]): void {
    for (const channel of channels) this.hears.add(channel);
  }

  cut(): void {
    this.isLinked = false;
    this.cluster.onLost();
  }

  mend(): void {
    this.isLinked = true;
    this.cluster.onConnected();
  }

  say(route: Partial<Route>): boolean {
    const whole = { ...EVERYONE, ...route };
    const event = EncodedEvent.create('/', 'x', [1]);
    return this.cluster.publish(BusFrame.event, whole, eventBody(whole, event, 100_000));
  }
}

const now = performance.now.bind(performance);

/** The clock of all nodes goes before. */
function setSystemNow(beforeMs: number): void {
  performance.now = () => now() + beforeMs;
}

async function eventually(isSo: () => boolean): Promise<void> {
  while (!isSo()) await Bun.sleep(20);
}

const EVERYONE: Route = {
  scope: RouteScope.recipients,
  namespace: '/',
  rooms: [],
  users: [],
  except: [],
};

let nodes: TestNode[] = [];

afterEach(async () => {
  for (const node of nodes.splice(0)) await node.cluster.close();
});

/** Lets what was said arrive, and what is said in answer. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

async function start(count: number, queueBytes?: number): Promise<[FakeRedis, ...TestNode[]]> {
  const redis = new FakeRedis();
  nodes = Array.from({ length: count }, (_, node) => new TestNode(redis, node + 1, queueBytes));
  await settle();
  return [redis, ...nodes];
}

describe('nodes', () => {
  test('know each other, and where each is', async () => {
    const [, a, b, c] = (await start(3)) as [FakeRedis, TestNode, TestNode, TestNode];
    for (const node of [a, b, c]) expect(node.cluster.peers).toHaveLength(2);
    expect(a.cluster.places).toContainEqual({ node: 2, host: '10.0.0.1', ports: [2] });
    await c.cluster.close();
    await settle();
    expect(a.cluster.peers).toEqual([2]);
  });

  test('get what is for a user of theirs, and nothing else', async () => {
    const [redis, a, b, c] = (await start(3)) as [FakeRedis, TestNode, TestNode, TestNode];
    b.interest.add(userKey('/', 'ada'), 0);
    await settle();
    redis.published.length = 0;
    expect(a.say({ users: ['ada'] })).toBe(true);
    await settle();
    expect([b.taken.length, c.taken.length]).toEqual([1, 0]);
    expect(redis.published).toEqual(['{test}:nodes:2']);
    b.interest.remove(userKey('/', 'ada'), 0);
    await settle();
    a.say({ users: ['ada'] });
    await settle();
    expect(b.taken).toHaveLength(1);
    expect(a.cluster.nodesWith(userKey('/', 'ada'))).toEqual([]);
  });

  test('hear what is said to all and what is said to them in one order', async () => {
    const [redis, a, b, c] = (await start(3)) as [FakeRedis, TestNode, TestNode, TestNode];
    for (const node of [b, c]) node.interest.add('n/', 0);
    b.interest.add(userKey('/', 'ada'), 0);
    await settle();
    redis.published.length = 0;
    const routes = [{}, {}, { users: ['ada'] }, { users: ['ada'] }, {}, { users: ['ada'] }];
    for (const route of routes) a.say(route);
    await settle();
    expect([b.taken.length, c.taken.length]).toEqual([6, 3]);
    const users = b.taken.map((body) => Buffer.from(body).includes('ada'));
    expect(users).toEqual([false, false, true, true, false, true]);
    const [all, own] = ['{test}:nodes:all', '{test}:nodes:2'] as const;
    expect(redis.published).toEqual([all, own, all, own]);
  });

  test('hear of what others have wanted before they came', async () => {
    const [redis, a] = (await start(1)) as [FakeRedis, TestNode];
    for (let user = 0; user < 50_000; user++) a.interest.add(userKey('/', `u${user}`), 0);
    await settle();
    const late = new TestNode(redis, 9);
    nodes.push(late);
    await settle();
    expect(late.cluster.figures.peerKeys).toBe(50_000);
    late.say({ users: ['u49999'] });
    late.say({ users: ['nobody'] });
    await settle();
    expect(a.taken).toHaveLength(1);
  });

  test('get a message once, in order, over a break of the sender', async () => {
    const [, a, b] = (await start(2)) as [FakeRedis, TestNode, TestNode];
    b.interest.add('n/', 0);
    await settle();
    a.say({});
    await settle();
    a.cut();
    for (let i = 0; i < 10; i++) expect(a.say({})).toBe(true);
    await settle();
    expect(b.taken).toHaveLength(1);
    a.mend();
    await settle();
    expect(b.taken).toHaveLength(11);
    // Redis had some of them before the break; they are said once more.
    a.cluster.onConnected();
    await settle();
    expect(b.taken).toHaveLength(11);
  });

  test('refuse what does not fit while they wait', async () => {
    const [, a, b] = (await start(2, 1_000)) as [FakeRedis, TestNode, TestNode];
    b.interest.add('n/', 0);
    await settle();
    a.cut();
    let taken = 0;
    for (let i = 0; i < 1_000; i++) if (a.say({})) taken++;
    await settle();
    expect(a.say({})).toBe(false);
    expect(a.cluster.figures.refused).toBeGreaterThan(0);
    expect(taken).toBeGreaterThan(0);
  });

  test('refuse all without Redis, and nothing with it, when nothing may wait', async () => {
    const [, a, b] = (await start(2, 0)) as [FakeRedis, TestNode, TestNode];
    b.interest.add('n/', 0);
    await settle();
    expect(a.say({})).toBe(true);
    a.cut();
    expect(a.say({})).toBe(false);
    a.mend();
    expect(a.say({})).toBe(true);
    await settle();
    expect(b.taken).toHaveLength(2);
  });

  test('are sent all while it is not heard what they come to want', async () => {
    const [, a, b] = (await start(2)) as [FakeRedis, TestNode, TestNode];
    a.cut();
    b.interest.add(userKey('/', 'new'), 0);
    await settle();
    a.say({ users: ['new'] });
    a.mend();
    await settle();
    expect(b.taken).toHaveLength(1);
  });

  test('count what they missed while they counted as gone', async () => {
    const [, a, b] = (await start(2)) as [FakeRedis, TestNode, TestNode];
    b.interest.add('n/', 0);
    await settle();
    a.say({});
    await settle();
    b.isLinked = false;
    setSystemNow(LIMITS.nodeGoneMs + 1);
    await eventually(() => a.cluster.peers.length === 0);
    for (let i = 0; i < 7; i++) expect(a.say({})).toBe(true);
    setSystemNow(0);
    b.mend();
    await settle();
    a.say({});
    await settle();
    expect(b.taken).toHaveLength(2);
    expect(b.cluster.figures.lost).toBe(7);
    expect(a.cluster.figures.lost).toBe(0);
  });

  test('count what was said while they could not hear', async () => {
    const [, a, b] = (await start(2)) as [FakeRedis, TestNode, TestNode];
    b.interest.add('n/', 0);
    await settle();
    a.say({});
    await settle();
    b.isLinked = false;
    for (let i = 0; i < 7; i++) a.say({});
    await settle();
    b.mend();
    a.say({});
    await settle();
    expect(b.taken).toHaveLength(2);
    expect(b.cluster.figures.lost).toBe(7);
    // Its interest is known again.
    a.say({ users: ['nobody'] });
    await settle();
    expect(b.taken).toHaveLength(2);
  });

  test('answer requests, and are named when they are gone', async () => {
    const [, a, b, c] = (await start(3)) as [FakeRedis, TestNode, TestNode, TestNode];
    for (const node of [b, c]) node.interest.add('n/', 0);
    await settle();
    const heard: NodeAnswerPiece[] = [];
    const body = new Uint8Array([1]);
    expect(a.cluster.ask(EVERYONE, body, (piece) => heard.push(piece))).toEqual([
      FIRST_NODE + 2,
      FIRST_NODE + 3,
    ]);
    await settle();
    expect(heard.map(({ answering, isLast, missing }) => [answering, isLast, missing])).toEqual([
      [FIRST_NODE + 2, false, 2],
      [FIRST_NODE + 2, true, 0],
      [FIRST_NODE + 3, false, 2],
      [FIRST_NODE + 3, true, 0],
    ]);
    heard.length = 0;
    c.isLinked = false;
    a.cluster.ask(EVERYONE, body, (piece) => heard.push(piece));
    await settle();
    c.isLinked = true;
    await c.cluster.close();
    await settle();
    expect(heard.at(-1)).toMatchObject({ answering: FIRST_NODE + 3, isLast: true, isWhole: false });
  });

  test('call each other', async () => {
    const [, a, b] = (await start(2)) as [FakeRedis, TestNode, TestNode];
    b.cluster.onCall('double', async (args, from) => [(args as number) * 2, from]);
    b.cluster.onCall('fail', async () => {
      throw new Error('no such thing');
    });
    b.cluster.onCall('sleep', () => new Promise(() => {}));
    expect(await a.cluster.call(2, 'double', 21)).toEqual([42, 1]);
    expect(a.cluster.call(2, 'fail', null)).rejects.toThrow('no such thing');
    expect(a.cluster.call(2, 'sleep', null, 10)).rejects.toThrow('in time');
    expect(a.cluster.call(7, 'double', 1)).rejects.toThrow('not there');
    await settle();
  });

  test('are gone once they have said so, whatever they still say', async () => {
    const [redis, a, b] = (await start(2)) as [FakeRedis, TestNode, TestNode];
    const { promise: isTime, resolve: answer } = Promise.withResolvers<number>();
    a.cluster.onCall('slow', () => isTime);
    const call = b.cluster.call(1, 'slow', {}).catch(String);
    await settle();
    await a.cluster.close();
    expect(await call).toContain('the node is gone');
    answer(1);
    b.say({});
    await settle();
    // As what is published once more after a break.
    b.cluster.onMessage(...(redis.first as [string, Uint8Array]));
    expect(b.cluster.peers).toEqual([]);
  });

  test('are none the worse for rubbish', async () => {
    const [redis, a, b] = (await start(2)) as [FakeRedis, TestNode, TestNode];
    for (const bytes of [[], [1], [255, 255, 255, 255, 1], [0, 0, 0, 2, 1, 9], Array(50).fill(0)]) {
      redis.publish('{test}:nodes:all', Uint8Array.from(bytes));
    }
    expect(a.cluster.figures.malformed).toBe(5);
    b.interest.add('n/', 0);
    await settle();
    a.say({});
    await settle();
    expect(b.taken).toHaveLength(1);
  });
});

test('a node that is silent is gone', () => {
  expect(LIMITS.nodeGoneMs).toBeLessThanOrEqual(30_000);
  expect(LIMITS.nodeGoneMs).toBeGreaterThan(3 * LIMITS.nodeAliveMs);
});
