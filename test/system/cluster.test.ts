/** Nodes that a real Redis links: what an app says reaches clients of all of them. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import type { BrokerMode } from '../../src/host/config/broker.ts';
import { type Listener, listen, startNodes, stopNodes } from '../support/cluster-nodes.ts';
import type { HoldfastProcess } from '../support/holdfast-process.ts';
import { type RedisServer, startRedis } from '../support/redis-servers.ts';
import { requirement } from '../support/requires.ts';
import { eventually } from './eventually.ts';

const redis = requirement('redis');

setDefaultTimeout(60_000);

let server: RedisServer;

beforeAll(async () => {
  if (redis.available) server = await startRedis();
});

afterAll(async () => {
  if (redis.available) await server[Symbol.asyncDispose]();
});

const MODES: readonly BrokerMode[] = ['pubsub', 'sharded', 'streams'];

describe.skipIf(!redis.available).each(MODES)(redis.title('two nodes, mode %s'), (brokerMode) => {
  let nodes: readonly HoldfastProcess[] = [];
  let ada: Listener;
  let bob: Listener;

  beforeAll(async () => {
    const names = { brokerPrefix: `nodes-${brokerMode}`, brokerStream: `stream-${brokerMode}` };
    const rooms = { 'kept:*': { history: { messages: 100, seconds: 60 } } } as never;
    nodes = await startNodes(2, { broker: server.url, brokerMode, ...names, rooms });
    const [first, second] = nodes as [HoldfastProcess, HoldfastProcess];
    ada = await listen(first, { user: 'ada', rooms: ['a', 'both', 'kept:1'] });
    bob = await listen(second, { user: 'bob', rooms: ['b', 'both', 'kept:1'] });
    // Until each node knows what the other wants to hear.
    await eventually(
      'all is heard',
      () => Promise.all([ada, bob].map((one) => one.ask<number>('count', 'both'))),
      (counts) => counts.every((count) => count === 2),
    );
  });

  afterAll(async () => {
    ada.close();
    bob.close();
    await stopNodes(nodes);
  });

  /** What each is told by what is done. */
  async function told(
    run: () => Promise<unknown>,
    count: readonly [ada: number, bob: number],
  ): Promise<[ada: unknown[][], bob: unknown[][]]> {
    ada.said.length = 0;
    bob.said.length = 0;
    await run();
    await eventually(
      'all is said',
      () => [ada.said.length, bob.said.length],
      (said) => said.every((length, at) => length >= (count[at] as number)),
    );
    // What should not come would come about now.
    await Bun.sleep(50);
    return [[...ada.said], [...bob.said]];
  }

  test('a room, several rooms, a user', async () => {
    expect(await told(() => ada.ask('say', 'both', 1), [1, 1])).toEqual([[[1]], [[1]]]);
    expect(await told(() => ada.ask('say', 'b', 2), [0, 1])).toEqual([[], [[2]]]);
    expect(await told(() => ada.ask('say', ['a', 'b', 'both'], 3), [1, 1])).toEqual([[[3]], [[3]]]);
    expect(await told(() => ada.ask('tell', 'bob', 4), [0, 1])).toEqual([[], [[4]]]);
    expect(await told(() => bob.ask('others', 'both', 5), [1, 0])).toEqual([[[5]], []]);
    expect(await told(() => ada.ask('except', 'both', 'b', 6), [1, 0])).toEqual([[[6]], []]);
  });

  test('a session by its id, and binary values', async () => {
    const id = bob.socket.id as string;
    const bytes = Buffer.from([0, 255, 10]);
    expect(await told(() => ada.ask('say', id, 'x', bytes), [0, 1])).toEqual([[], [['x', bytes]]]);
  });

  test('a room that keeps what is said, once and in one order', async () => {
    const count = 200;
    const [one, other] = await told(
      () =>
        Promise.all(
          Array.from({ length: count }, (_, i) => (i % 2 ? ada : bob).ask('say', 'kept:1', i)),
        ),
      [count, count],
    );
    expect(one).toHaveLength(count);
    expect(other).toEqual(one);
    expect(one.map(([i]) => i as number).toSorted((a, b) => a - b)).toEqual([
      ...Array(count).keys(),
    ]);
  });

  test('sessions are found, counted and asked', async () => {
    const found = await ada.ask<{ user: string; rooms: string[] }[]>('fetch', 'both');
    expect(found.map(({ user }) => user).toSorted()).toEqual(['ada', 'bob']);
    expect(found.find(({ user }) => user === 'bob')?.rooms).toContain('b');
    expect(await ada.ask<number>('count', 'both')).toBe(2);
    expect(await ada.ask<number>('count', 'b')).toBe(1);
    ada.socket.on('question', (n: number, answer: (n: number) => void) => answer(n + 1));
    bob.socket.on('question', (n: number, answer: (n: number) => void) => answer(n + 2));
    expect(new Set(await ada.ask<number[]>('ask', 'both'))).toEqual(new Set([2, 3]));
    // Each of the other three workers of the two nodes answers once.
    const greetings = await ada.ask<string[]>('askServers', 'hi');
    expect(new Set(greetings).size).toBe(3);
  });

  test('sessions are joined, taken out and ended', async () => {
    await ada.ask('joinAll', 'b', 'new');
    expect(await told(() => ada.ask('say', 'new', 'in'), [0, 1])).toEqual([[], [['in']]]);
    await ada.ask('leaveAll', 'b', 'new');
    await eventually(
      'it has left',
      () => ada.ask<number>('count', 'new'),
      (count) => count === 0,
    );
    const carol = await listen(nodes[1] as HoldfastProcess, { user: 'carol', rooms: ['ended'] });
    await eventually(
      'she is known',
      () => ada.ask<number>('count', 'ended'),
      (count) => count === 1,
    );
    const ended = new Promise((resolve) => carol.socket.once('disconnect', resolve));
    await ada.ask('endAll', 'ended');
    expect(await ended).toBe('io server disconnect');
    carol.close();
  });

  test('the admin API of each answers for both', async () => {
    const [first, second] = nodes as [HoldfastProcess, HoldfastProcess];
    const asked = async (path: string): Promise<unknown> =>
      JSON.parse((await first.command('rooms', '--json', ...(path ? [path] : []))).out);
    expect(await asked('both')).toMatchObject({ room: 'both', sessions: 2, missingNodes: [] });
    const user = JSON.parse((await first.command('users', 'bob', '--json')).out);
    expect(user).toMatchObject({ user: 'bob', count: 1, missing: [], missingNodes: [] });
    const { nodes: known } = await first.process();
    const ids = known.map(({ id }) => id);
    expect(user.nodes).toEqual([ids[1]]);
    expect(user.sessions[0]).toMatchObject({ id: bob.socket.id, node: ids[1] });
    const status = (await second.command('status')).out;
    for (const id of ids) expect(status).toContain(`Node ${id} is ready`);
    const body = { event: 'said', args: ['rest'], room: 'both' };
    const send = (): Promise<unknown> => second.post('/send', JSON.stringify(body));
    expect(await told(send, [1, 1])).toEqual([[['rest']], [['rest']]]);
    const dave = await listen(second, { user: 'dave' });
    await eventually(
      'he is known',
      async () => JSON.parse((await first.command('users', 'dave', '--json')).out).count,
      (count) => count === 1,
    );
    const ended = new Promise((resolve) => dave.socket.once('disconnect', resolve));
    const answer = await first.post('/disconnect', JSON.stringify({ user: 'dave' }));
    expect(await answer.json()).toEqual({ disconnected: 1, missing: [], missingNodes: [] });
    expect(await ended).toBe('io server disconnect');
    dave.close();
  });

  test('requests and sockets reach a session of the other node', async () => {
    const [first, second] = nodes as [HoldfastProcess, HoldfastProcess];
    const polling = '/socket.io/?EIO=4&transport=polling';
    const opened = await (await fetch(first.url + polling)).text();
    const { sid } = JSON.parse(opened.slice(1)) as { sid: string };
    const at = (node: HoldfastProcess): string => `${node.url}${polling}&sid=${sid}`;
    const sent = await fetch(at(second), { method: 'POST', body: '40{"user":"poll"}' });
    expect(await sent.text()).toBe('ok');
    expect(await (await fetch(at(second))).text()).toStartWith('40{"sid":');
    await fetch(at(second), { method: 'POST', body: '420["count","both"]' });
    expect(await (await fetch(at(first))).text()).toBe('430[2]');
    // And the socket that it goes on with.
    const url = `${second.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`;
    const socket = new WebSocket(`${url}&sid=${sid}`);
    const heard: string[] = [];
    socket.addEventListener('message', ({ data }) => heard.push(String(data)));
    await new Promise((resolve) => socket.addEventListener('open', resolve));
    const waiting = fetch(at(first)).then((answer) => answer.text());
    socket.send('2probe');
    await eventually(
      'it is probed',
      () => heard,
      ([answer]) => answer === '3probe',
    );
    expect(await waiting).toBe('6');
    socket.send('5');
    socket.send('421["count","a"]');
    await eventually(
      'it is answered',
      () => heard,
      ([, answer]) => answer === '431[1]',
    );
    socket.close();
  });

  test('metrics and readiness say that they are linked', async () => {
    const [first] = nodes as [HoldfastProcess];
    const metrics = await (await first.admin('/metrics')).text();
    expect(metrics).toContain('holdfast_broker_connected 1');
    expect(metrics).toContain('holdfast_broker_nodes 1');
    expect(metrics).toContain('holdfast_broker_lost_total 0');
    expect(await (await first.admin('/ready')).json()).toEqual({
      ready: true,
      broker: 'connected',
    });
  });
});
