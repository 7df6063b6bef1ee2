/**
 * Two nodes beside a Socket.IO server with each of its official Redis adapters, and the official
 * emitter, on one real Redis: everything goes both ways, once.
 */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { Emitter } from '@socket.io/redis-emitter';
import type { BrokerMode } from '../../src/host/config/broker.ts';
import { type Listener, listen, startNodes, stopNodes } from '../support/cluster-nodes.ts';
import { clientOf, type OfficialClient, OfficialServer } from '../support/foreign-servers.ts';
import type { HoldfastProcess } from '../support/holdfast-process.ts';
import { type RedisServer, startRedis } from '../support/redis-servers.ts';
import { requirement } from '../support/requires.ts';
import { eventually } from './eventually.ts';

const program = requirement('redis');
const MODES: readonly BrokerMode[] = ['pubsub', 'sharded', 'streams'];

setDefaultTimeout(60_000);

let redis: RedisServer;

beforeAll(async () => {
  if (program.available) redis = await startRedis();
});

afterAll(async () => {
  await redis?.[Symbol.asyncDispose]();
});

describe.skipIf(!program.available).each(MODES)(program.title('with %s'), (brokerMode) => {
  let nodes: readonly HoldfastProcess[] = [];
  let official: OfficialServer;
  /** On a node each. */
  let ada: Listener;
  let bob: Listener;
  /** On the official server. */
  let eve: OfficialClient;
  let mia: OfficialClient;

  beforeAll(async () => {
    const key = `beside-${brokerMode}`;
    const options = {
      pubsub: { key },
      sharded: { channelPrefix: key },
      streams: { channelPrefix: key, streamName: key },
    }[brokerMode];
    official = await OfficialServer.start(redis, brokerMode, options);
    official.io.on('greet', (text: string, answer: (text: string) => void) => {
      answer(`${text} from afar`);
    });
    nodes = await startNodes(2, {
      broker: redis.url,
      brokerMode,
      brokerPrefix: key,
      brokerStream: key,
    });
    const [first, second] = nodes as [HoldfastProcess, HoldfastProcess];
    ada = await listen(first, { user: 'ada', rooms: ['a', 'all'] });
    bob = await listen(second, { user: 'bob', rooms: ['b', 'all'] });
    eve = await official.client('eve', ['e', 'all']);
    mia = await official.client('mia', ['m', 'all']);
    await eventually(
      'all know each other',
      async () => [await ada.ask<number>('count', 'all'), await bob.ask<number>('count', 'all')],
      (counts) => counts.every((count) => count === 4),
    );
  });

  afterAll(async () => {
    ada?.close();
    bob?.close();
    await official?.close();
    await stopNodes(nodes);
  });

  function heard(): unknown[][][] {
    const foreign = [eve, mia].map(({ got }) =>
      got.filter(([event]) => event === 'said').map(([, ...args]) => args),
    );
    return [[...ada.said], [...bob.said], ...foreign];
  }

  /** What ada, bob, eve and mia are told, in this order, once so many have come. */
  async function told(run: () => unknown, counts: readonly number[]): Promise<unknown[][][]> {
    for (const list of [ada.said, bob.said, eve.got, mia.got]) list.length = 0;
    await run();
    await eventually('all is said', heard, (lists) =>
      lists.every(({ length }, at) => length >= (counts[at] as number)),
    );
    // What should not come would come about now.
    await Bun.sleep(100);
    return heard();
  }

  test('a node says', async () => {
    const bytes = Buffer.from([0, 200, 7]);
    expect(await told(() => ada.ask('say', 'all', 'x', bytes), [1, 1, 1, 1])).toEqual(
      Array(4).fill([['x', bytes]]),
    );
    expect(await told(() => ada.ask('say', 'e', 1), [0, 0, 1, 0])).toEqual([[], [], [[1]], []]);
    expect(await told(() => ada.ask('say', ['e', 'b'], 2), [0, 1, 1, 0])).toEqual([
      [],
      [[2]],
      [[2]],
      [],
    ]);
    expect(await told(() => bob.ask('except', 'all', 'e', 3), [1, 1, 0, 1])).toEqual([
      [[3]],
      [[3]],
      [],
      [[3]],
    ]);
    expect(await told(() => bob.ask('others', 'all', 4), [1, 0, 1, 1])).toEqual([
      [[4]],
      [],
      [[4]],
      [[4]],
    ]);
    expect(await told(() => ada.ask('say', mia.id, 5), [0, 0, 0, 1])).toEqual([[], [], [], [[5]]]);
  });

  test('the official server says', async () => {
    const { io } = official;
    const bytes = Buffer.from([9, 0, 255]);
    expect(await told(() => io.emit('said', 'y', bytes), [1, 1, 1, 1])).toEqual(
      Array(4).fill([['y', bytes]]),
    );
    expect(await told(() => io.to('b').emit('said', 1), [0, 1, 0, 0])).toEqual([[], [[1]], [], []]);
    expect(await told(() => io.to(['a', 'm']).emit('said', 2), [1, 0, 0, 1])).toEqual([
      [[2]],
      [],
      [],
      [[2]],
    ]);
    expect(await told(() => io.except('a').emit('said', 3), [0, 1, 1, 1])).toEqual([
      [],
      [[3]],
      [[3]],
      [[3]],
    ]);
    const nobody = await told(() => io.of('/chat').emit('said', 4), [0, 0, 0, 0]);
    expect(nobody).toEqual([[], [], [], []]);
  });

  test('sessions are found and asked from both sides', async () => {
    const found = await official.io.in('all').fetchSockets();
    expect(new Set(found.map(({ id }) => id))).toEqual(
      new Set([ada.socket.id, bob.socket.id, eve.id, mia.id] as string[]),
    );
    const [a] = found.filter(({ id }) => id === ada.socket.id);
    expect([...(a?.rooms ?? [])]).toContain('a');
    expect(a?.data).toMatchObject({ at: expect.any(String) });
    const here = await ada.ask<{ id: string; rooms: string[] }[]>('fetch', 'all');
    expect(here).toHaveLength(4);
    expect(here.find(({ id }) => id === eve.id)?.rooms).toContain('e');
    for (const [listener, word] of [
      [ada, 'ada'],
      [bob, 'bob'],
    ] as const) {
      listener.socket.removeAllListeners('question');
      listener.socket.on('question', (_n: number, answer: (word: string) => void) => answer(word));
    }
    const all = new Set(['ada', 'bob', `question by ${eve.id}`, `question by ${mia.id}`]);
    expect(new Set(await ada.ask<string[]>('ask', 'all'))).toEqual(all);
    const answers: string[] = await official.io.in('all').timeout(5_000).emitWithAck('question', 1);
    expect(new Set(answers)).toEqual(all);
  });

  test('servers ask each other', async () => {
    const greetings = await ada.ask<string[]>('askServers', 'hi');
    expect(greetings).toContain('hi from afar');
    // The other worker of the node, and both of the other node.
    expect(greetings).toHaveLength(4);
    const answers: unknown[] = await official.io.serverSideEmitWithAck('greet' as never, 'hey');
    // Each node is one server to it.
    expect(answers).toHaveLength(2);
  });

  test('sessions are joined, taken out and ended from both sides', async () => {
    official.io.in('b').socketsJoin('new');
    await ada.ask('joinAll', 'm', 'new');
    await eventually(
      'both have joined',
      () => ada.ask<number>('count', 'new'),
      (count) => count === 2,
    );
    expect(await told(() => ada.ask('say', 'new', 'in'), [0, 1, 0, 1])).toEqual([
      [],
      [['in']],
      [],
      [['in']],
    ]);
    official.io.in('b').socketsLeave('new');
    await ada.ask('leaveAll', 'm', 'new');
    await eventually(
      'both have left',
      () => ada.ask<number>('count', 'new'),
      (count) => count === 0,
    );
    const guest = await listen(nodes[1] as HoldfastProcess, { rooms: ['ended'] });
    const visitor = await official.client('visitor', ['ended too']);
    await eventually(
      'they are known',
      async () => [
        await ada.ask<number>('count', 'ended'),
        await ada.ask<number>('count', 'ended too'),
      ],
      (counts) => counts.every((count) => count === 1),
    );
    const ends = Promise.all(
      [guest.socket, visitor.socket].map(
        (socket) => new Promise((resolve) => socket.once('disconnect', resolve)),
      ),
    );
    official.io.in('ended').disconnectSockets(true);
    await ada.ask('endAll', 'ended too');
    expect(await ends).toEqual(['io server disconnect', 'io server disconnect']);
    guest.close();
  });
});

describe.skipIf(!program.available)(program.title('the official emitter'), () => {
  test('is understood by both nodes, with everything that it can say', async () => {
    const key = 'emitter';
    const config = { broker: redis.url, brokerPrefix: key };
    const nodes = await startNodes(2, config);
    const [first, second] = nodes as [HoldfastProcess, HoldfastProcess];
    const ada = await listen(first, { user: 'ada', rooms: ['a', 'both'] });
    const bob = await listen(second, { user: 'bob', rooms: ['b', 'both'] });
    try {
      const client = await clientOf(redis);
      const emitter = new Emitter(client, { key });
      await eventually(
        'both hear it',
        () => {
          emitter.emit('said', 'probe');
          return [ada.said.length, bob.said.length];
        },
        (counts) => counts.every((count) => count > 0),
      );
      await Bun.sleep(200);
      ada.said.length = 0;
      bob.said.length = 0;
      const bytes = Buffer.from([1, 0, 255]);
      emitter.emit('said', 1, bytes);
      emitter.to('b').emit('said', 2);
      emitter.to(['a', 'b']).volatile.emit('said', 3);
      emitter.except('b').emit('said', 4);
      emitter.of('/none').emit('said', 5);
      emitter.in('b').socketsJoin('new');
      await eventually(
        'he has joined',
        () => ada.ask<number>('count', 'new'),
        (count) => count === 1,
      );
      emitter.to('new').emit('said', 6);
      emitter.in('new').socketsLeave('b');
      await eventually(
        'he has left',
        () => ada.ask<number>('count', 'b'),
        (count) => count === 0,
      );
      const end = new Promise((resolve) => bob.socket.once('disconnect', resolve));
      emitter.in('new').disconnectSockets(true);
      expect(await end).toBe('io server disconnect');
      expect(ada.said).toEqual([[1, bytes], [3], [4]]);
      expect(bob.said).toEqual([[1, bytes], [2], [3], [6]]);
      client.destroy();
    } finally {
      ada.close();
      bob.close();
      await stopNodes(nodes);
    }
  });
});
