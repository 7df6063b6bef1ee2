/**
 * Emitters beside the bridge over a real Redis, and what needs Redis but no server: rooms beyond
 * the bound, ids of sessions, entries of the stream that others write.
 */

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { encode } from '@msgpack/msgpack';
import { Emitter } from '@socket.io/redis-emitter';
import {
  BridgeAtWork,
  clientOf,
  OfficialServer,
  type Redis,
  until,
} from '../../../../../test/support/foreign-servers.ts';
import { type RedisServer, startRedis } from '../../../../../test/support/redis-servers.ts';
import { requirement } from '../../../../../test/support/requires.ts';
import type { ForeignBridgeOptions, ForeignMode } from './contract.ts';

const program = requirement('redis');
const ID = 'AAABnodeSessionNumberOne';

let redis: RedisServer;
let client: Redis;
let at: BridgeAtWork | undefined;

beforeAll(async () => {
  if (!program.available) return;
  redis = await startRedis();
  client = await clientOf(redis);
});
afterEach(() => at?.close());
afterAll(async () => {
  await client?.close();
  await redis?.[Symbol.asyncDispose]();
});

async function start(mode: ForeignMode, more: Partial<ForeignBridgeOptions> = {}) {
  at = await BridgeAtWork.start(redis, mode, more);
  return at;
}

describe.skipIf(!program.available)(program.title('beside the emitter'), () => {
  test('what it says is heard and done', async () => {
    const node = await start('pubsub');
    const one = await node.session('one', ['blue', '42']);
    const two = await node.session('two', ['red']);
    const emitter = new Emitter(client);
    emitter.emit('to all', { a: 'é' }, Buffer.from([1, 2]));
    emitter.to('blue').volatile.emit('to blue');
    emitter.to(['blue', 'red']).except('red').emit('but red');
    emitter.to(42 as never).emit('to a number');
    emitter.of('chat').emit('in chat');
    emitter.in('red').socketsJoin(['green', 7 as never]);
    emitter.in('blue').socketsLeave('42');
    emitter.serverSideEmit('tell', 1);
    emitter.in('blue').disconnectSockets();
    await until('one is ended', () => one.isEnded);
    expect(one.got).toEqual([
      ['to all', { a: 'é' }, new Uint8Array([1, 2])],
      ['to blue'],
      ['but red'],
      ['to a number'],
      ['in chat'],
    ]);
    expect(two.got).toEqual([['to all', { a: 'é' }, new Uint8Array([1, 2])], ['in chat']]);
    expect([...two.rooms]).toEqual(['two', 'red', 'green', '7']);
    expect(one.rooms.has('42')).toBe(false);
    expect(node.home.serverEvents).toEqual([['tell', 1]]);
    expect(node.home.events.map(({ isVolatile }) => isVolatile)).toEqual([
      ...[false, true, false, false, false],
    ]);
    expect(node.log).toEqual([]);
  });

  test('beyond the bound one pattern hears all rooms, and nothing comes twice', async () => {
    const node = await start('pubsub', { maxRoomChannels: 3, sessionIdStart: 'AAAB' });
    const emitter = new Emitter(client);
    let said = 0;
    const flow = setInterval(() => emitter.to('room-0').emit('tick', said++), 1);
    const one = await node.session('one', ['room-0', 'room-1']);
    await until('it flows', () => one.got.length > 5);
    const first = Number(one.got[0]?.[1]);
    const two = await node.session('two', ['room-2', 'room-3']);
    const [before] = [one.got.length];
    await until('it flows on', () => one.got.length > before + 20);
    clearInterval(flow);
    emitter.to('room-3').emit('end');
    emitter.to('room-9').emit('nobody');
    emitter.to(ID).emit('nobody');
    await until('the end', () => two.got.length === 1);
    await until('all ticks', () => one.got.length === said - first);
    expect(one.got.map(([, tick]) => tick)).toEqual(
      Array.from({ length: said - first }, (_, i) => first + i),
    );
    expect(node.bridge.figures).toMatchObject({ roomChannels: 0, roomsUnheard: 0 });
    // The other is that of ids in the other namespace.
    expect(await client.pubSubNumPat()).toBe(2);
  });

  test('ids of sessions are heard without a channel each', async () => {
    const node = await start('pubsub', { sessionIdStart: 'AAAB' });
    const one = node.home.add(ID, []);
    node.bridge.setRoom('/', ID, true);
    expect(node.bridge.figures.roomChannels).toBe(0);
    new Emitter(client).to(ID).emit('to you');
    await until('it is here', () => one.got.length === 1);
    node.bridge.setNamespaces([]);
    await node.transport.settled();
    expect(await client.pubSubNumPat()).toBe(0);
    expect(await client.pubSubChannels()).toEqual([]);
  });

  test('sharded rooms beyond the bound wait for a place', async () => {
    const node = await start('sharded', { maxRoomChannels: 2 });
    const server = await OfficialServer.start(redis, 'sharded');
    const one = await node.session('a', ['b', 'c', 'd']);
    expect(node.bridge.figures).toMatchObject({ roomChannels: 2, roomsUnheard: 2 });
    expect(node.log).toEqual([expect.stringContaining('more than 2 rooms')]);
    node.bridge.setRoom('/', 'd', false);
    node.bridge.setRoom('/', 'b', false);
    await node.transport.settled();
    expect(node.bridge.figures).toMatchObject({ roomChannels: 2, roomsUnheard: 0 });
    server.io.to('c').emit('to c');
    await until('it is here', () => one.got.length === 1);
    await server.close();
  });
});

describe.skipIf(!program.available)(program.title('beside writers to the stream'), () => {
  const add = (fields: Record<string, string>) => client.xAdd('socket.io', '*', fields);
  const data = (value: object) => JSON.stringify(value);
  const opts = { rooms: [], except: [], flags: {} };

  test('what an emitter writes is heard, with binary values too', async () => {
    const node = await start('streams');
    const one = await node.session('one', ['blue']);
    const emitter = { uid: 'emitter', nsp: '/' };
    const packet = { type: 2, data: ['hello', 1], nsp: '/' };
    await add({ ...emitter, type: '3', data: data({ packet, opts }) });
    const binary = { ...packet, data: ['file', new Uint8Array([1, 2])] };
    const packed = Buffer.from(encode({ packet: binary, opts })).toString('base64');
    await add({ ...emitter, type: '3', data: packed });
    await add({ ...emitter, type: '4', data: data({ opts, rooms: ['green'] }) });
    await add({ ...emitter, type: '9', data: data({ packet: ['tell', 1] }) });
    await until('all is done', () => node.home.serverEvents.length === 1);
    expect(one.got).toEqual([
      ['hello', 1],
      ['file', new Uint8Array([1, 2])],
    ]);
    expect(one.rooms.has('green')).toBe(true);
  });

  test('servers of old versions are told that this node is there, and are answered', async () => {
    const node = await start('streams', { uid: 'holdfast-here' });
    await node.session('one', ['blue'], { name: 'x' });
    node.home.answer = () => 'yes';
    const old = { uid: '0123456789abcdef', nsp: '/' };
    const since = (await client.xRevRange('socket.io', '+', '-', { COUNT: 1 }))?.[0]?.id ?? '0-0';
    await add({ ...old, type: '1' });
    await add({ ...old, type: '2' });
    await add({ ...old, type: '7', data: data({ opts, requestId: 'r1' }) });
    await add({ ...old, type: '9', data: data({ packet: ['who'], requestId: 'r2' }) });
    const packet = { type: 2, data: ['vote'], nsp: '/' };
    await add({ ...old, type: '3', data: data({ packet, opts, requestId: 'r3' }) });
    await add({ ...old, type: '13' });
    const mine = async () => {
      const entries = await client.xRange('socket.io', `(${since}`, '+');
      return (entries ?? [])
        .map(({ message }) => message)
        .filter(({ uid }) => uid === 'holdfast-here');
    };
    await until('all is answered', async () => (await mine()).length === 5);
    const said = (await mine()).map(({ type, data: said }) => [type, said && JSON.parse(said)]);
    expect(said).toContainEqual(['2', undefined]);
    expect(said).toContainEqual(['10', { requestId: 'r2', packet: 'yes' }]);
    expect(said).toContainEqual(['11', { requestId: 'r3', clientCount: 1 }]);
    expect(said).toContainEqual(['12', { requestId: 'r3', packet: 'vote by one' }]);
    const fetched = said.find(([type]) => type === '8')?.[1];
    expect(fetched).toMatchObject({
      requestId: 'r1',
      sockets: [{ id: 'one', data: { name: 'x' } }],
    });
    expect(node.log).toEqual([]);
  });
});
