/**
 * The bridge beside official Socket.IO servers with each official adapter, over a real Redis: what
 * either says is heard by the sessions of the other, and what either asks is answered once.
 */

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import {
  BridgeAtWork,
  type MadeUpSession,
  type OfficialClient,
  OfficialServer,
  until,
} from '../../../../../test/support/foreign-servers.ts';
import { type RedisServer, startRedis } from '../../../../../test/support/redis-servers.ts';
import { requirement } from '../../../../../test/support/requires.ts';
import type { SessionDescription } from '../../../core/sessions/remote-session.ts';
import { encodeArguments } from '../../../protocol/binary-payload.ts';
import type { ForeignBridgeOptions, ForeignEvent, ForeignMode } from './contract.ts';

const program = requirement('redis');
const ID = 'AAABnodeSessionNumberOne';
const OTHER_ID = 'AAABnodeSessionNumberTwo';
const EVERYONE = { rooms: [], users: [], except: [] };

interface Beside {
  readonly mode: ForeignMode;
  readonly options?: Record<string, unknown>;
  readonly more?: Partial<ForeignBridgeOptions>;
}

const ADAPTERS: Readonly<Record<string, Beside>> = {
  'the classic adapter': { mode: 'pubsub', options: { requestsTimeout: 500 } },
  'the classic adapter with answers on channels of their own': {
    mode: 'pubsub',
    options: { publishOnSpecificResponseChannel: true, requestsTimeout: 500 },
  },
  'the sharded adapter, dynamic': { mode: 'sharded' },
  'the sharded adapter, dynamic-private': {
    mode: 'sharded',
    options: { subscriptionMode: 'dynamic-private' },
  },
  'the sharded adapter, static': { mode: 'sharded', options: { subscriptionMode: 'static' } },
  'the streams adapter': { mode: 'streams' },
  'the streams adapter with sharded channels': {
    mode: 'streams',
    options: { useShardedPubSub: true },
    more: { usesShardedChannels: true },
  },
};

let redis: RedisServer;

beforeAll(async () => {
  if (program.available) redis = await startRedis();
});
afterAll(async () => {
  await redis?.[Symbol.asyncDispose]();
});

for (const [name, { mode, options, more = {} }] of Object.entries(ADAPTERS)) {
  describe.skipIf(!program.available)(program.title(`beside ${name}`), () => {
    let server: OfficialServer;
    let at: BridgeAtWork;
    let client: OfficialClient;
    let other: OfficialClient;
    let session: MadeUpSession;
    let second: MadeUpSession;

    beforeEach(async () => {
      server = await OfficialServer.start(redis, mode, options);
      at = await BridgeAtWork.start(redis, mode, more);
      client = await server.client('one', ['blue', 'all']);
      other = await server.client('two', ['red', 'all']);
      session = await at.session(ID, ['blue', 'all'], { name: 'three' });
      second = await at.session(OTHER_ID, ['red', 'all'], { name: 'four' });
      await until('the server counts this node', async () => {
        return (await server.io.of('/').adapter.serverCount()) === 2;
      });
    });
    afterEach(async () => {
      await at.close();
      await server.close();
      expect(at.log).toEqual([]);
      expect(at.bridge.figures).toMatchObject({ malformed: 0, failed: 0, requestsOpen: 0 });
    });

    /** Says something behind what was said, and waits until it is there. */
    async function heardAll(): Promise<void> {
      server.io.emit('end');
      await until('the last event is here', () => session.got.some(([event]) => event === 'end'));
    }
    async function saidAll(): Promise<void> {
      at.bridge.publish('/', EVERYONE, eventOf('end'));
      await until('the last event is there', () => client.has('end') && other.has('end'));
    }
    const namesOf = (got: readonly unknown[][]): readonly string[] =>
      sorted(got.map(([event]) => event).filter((event) => event !== 'end'));

    test('what the server says to all, rooms, one and but for some is heard', async () => {
      const { io } = server;
      io.emit('to all', { a: [1, 'é', null] });
      io.to('blue').emit('to one room');
      io.to(['blue', 'red']).emit('to rooms');
      io.to('all').except('red').emit('but red');
      io.except(ID).emit('but one');
      io.to('nowhere').emit('nobody');
      io.to(OTHER_ID).emit('in private');
      await heardAll();
      expect(namesOf(session.got)).toEqual(
        ['but red', 'to all', 'to one room', 'to rooms'].toSorted(),
      );
      expect(session.got).toContainEqual(['to all', { a: [1, 'é', null] }]);
      const events = () => namesOf(second.got);
      await until('the private one is read', () => events().length === 4);
      expect(events()).toEqual(['but one', 'in private', 'to all', 'to rooms'].toSorted());
    });

    test('what this node says to all, rooms, one and but for some is heard there', async () => {
      const say = (event: string, target: object) =>
        at.bridge.publish('/', { ...EVERYONE, ...target }, eventOf(event));
      at.bridge.publish('/', EVERYONE, eventOf('to all', { a: [1, 'é', null] }));
      say('to one room', { rooms: ['blue'] });
      say('to rooms', { rooms: ['blue', 'red'] });
      say('but red', { rooms: ['all'], except: ['red'] });
      say('but one', { except: [client.id] });
      say('nobody', { rooms: [''] });
      say('to a user', { users: ['u'] });
      say('in private', { rooms: [other.id] });
      await saidAll();
      expect(client.got.map(([event]) => event)).toEqual([
        'to all',
        'to one room',
        'to rooms',
        'but red',
        'end',
      ]);
      expect(client.got[0]).toEqual(['to all', { a: [1, 'é', null] }]);
      const events = other.got.map(([event]) => event);
      expect(events).toEqual(['to all', 'to rooms', 'but one', 'in private', 'end']);
    });

    test('binary values go both ways, also in large messages', async () => {
      const large = crypto.getRandomValues(new Uint8Array(60_000));
      server.io.emit('file', { bytes: Buffer.from(large) }, Buffer.from([1]));
      await heardAll();
      expect(session.got[0]).toEqual(['file', { bytes: large }, new Uint8Array([1])]);
      at.bridge.publish('/', EVERYONE, eventOf('file', { bytes: large }, new Uint8Array([1])));
      await saidAll();
      const [event, first, one] = client.got[0] as [string, { bytes: Buffer }, Buffer];
      expect(event).toBe('file');
      expect(Buffer.compare(Buffer.from(first.bytes), large)).toBe(0);
      expect([...one]).toEqual([1]);
    });

    test('namespaces are kept apart, and what may be lost is marked', async () => {
      const chat = await server.client('five', ['blue'], '/chat');
      server.io.of('/chat').volatile.emit('said in chat');
      await until('it is here', () => at.home.events.length === 1);
      expect(at.home.events).toEqual([{ namespace: '/chat', isVolatile: true }]);
      const event = { ...eventOf('from the node'), volatile: true };
      at.bridge.publish('/chat', { ...EVERYONE, rooms: ['blue'] }, event);
      await until('it is there', () => chat.has('from the node'));
      await saidAll();
      expect(client.has('from the node')).toBe(false);
    });

    test('sockets are joined, taken out and ended from both sides', async () => {
      server.io.in('blue').socketsJoin(['green', 'grey']);
      await until('it has joined', () => session.rooms.has('green') && session.rooms.has('grey'));
      server.io.in('red').socketsLeave('all');
      await until('the other has left', () => !second.rooms.has('all'));
      expect(session.rooms.has('all')).toBe(true);
      server.io.in(ID).disconnectSockets(true);
      await until('it is ended', () => session.isEnded);
      expect(second.isEnded).toBe(false);

      const sockets = server.io.of('/').sockets;
      const roomsOf = (one: OfficialClient) => sockets.get(one.id)?.rooms;
      at.bridge.command('/', target('blue'), { kind: 'join', rooms: ['brown'] });
      await until('theirs has joined', () => roomsOf(client)?.has('brown') === true);
      at.bridge.command('/', target('red'), { kind: 'leave', rooms: ['all'] });
      await until('the other of theirs has left', () => roomsOf(other)?.has('all') === false);
      at.bridge.command('/', target(client.id), { kind: 'disconnect', close: true });
      await until('theirs is ended', () => !client.socket.connected);
      expect(other.socket.connected).toBe(true);
    });

    test('the server fetches sockets of this node, and drives them', async () => {
      const found = await server.io.fetchSockets();
      expect(sorted(found.map(({ data }) => data.name))).toEqual(['four', 'one', 'three', 'two']);
      const mine = found.find(({ id }) => id === ID)!;
      expect([...mine.rooms].toSorted()).toEqual([ID, 'all', 'blue'].toSorted());
      expect(mine.handshake.headers).toEqual({});
      mine.join('green');
      await until('it has joined', () => session.rooms.has('green'));
      mine.emit('to you', 1);
      await until('it has been told', () => session.got.length === 1);
      mine.disconnect();
      await until('it is ended', () => session.isEnded);
      expect(await server.io.in('blue').fetchSockets()).toHaveLength(1);
      expect(await server.io.in('nowhere').fetchSockets()).toEqual([]);
    });

    test('this node fetches sessions of the server, counts and ends them', async () => {
      const all = await at.bridge.request('/', EVERYONE, { kind: 'sessions' }, 5_000);
      const items = all.items as SessionDescription[];
      expect(items.map(({ id }) => id).toSorted()).toEqual([client.id, other.id].toSorted());
      const one = items.find(({ id }) => id === client.id)!;
      expect(one.data).toEqual({ name: 'one' });
      expect([...one.rooms].toSorted()).toEqual([client.id, 'all', 'blue'].toSorted());
      expect(all).toMatchObject({ missing: 0, silent: 0 });
      const count = await at.bridge.request('/', target('red'), { kind: 'count' }, 5_000);
      expect(count).toEqual({ items: [1], missing: 0, silent: 0 });
      const request = { kind: 'disconnect', close: true } as const;
      expect(await at.bridge.request('/', target('red'), request, 5_000)).toEqual(count);
      await until('it is ended', () => !other.socket.connected);
      expect(client.socket.connected).toBe(true);
    });

    test('server-side events go both ways, with answers and without', async () => {
      const { io } = server;
      io.serverSideEmit('ping', 1, { two: 2 });
      await until('it is here', () => at.home.serverEvents.length === 1);
      expect(at.home.serverEvents).toEqual([['ping', 1, { two: 2 }]]);
      at.home.answer = (a) => ({ answered: a });
      expect(await io.serverSideEmitWithAck('sum', 3)).toEqual([{ answered: 3 }]);

      const heard: unknown[][] = [];
      io.on('tell' as never, (...args: unknown[]) => void heard.push(args));
      at.bridge.command('/', EVERYONE, { kind: 'serverSideEmit', event: 'tell', args: ['x', 1] });
      await until('it is there', () => heard.length === 1);
      expect(heard).toEqual([['x', 1]]);
      io.on('question' as never, (n: number, answer: (n: number) => void) => answer(n + 1));
      const request = { kind: 'serverSideEmit', event: 'question', args: [41] } as const;
      const answers = await at.bridge.request('/', EVERYONE, request, 5_000);
      expect(answers).toEqual({ items: [42], missing: 0, silent: 0 });
    });

    test('clients of either side answer events of the other', async () => {
      const answers = await server.io.timeout(5_000).emitWithAck('vote', { on: 'x' });
      const ids = [client.id, other.id, ID, OTHER_ID];
      expect(answers.toSorted()).toEqual(ids.map((id) => `vote by ${id}`).toSorted());
      expect(session.got).toEqual([['vote', { on: 'x' }]]);
      const inBlue = await server.io.to('blue').timeout(5_000).emitWithAck('blue');
      expect(inBlue.toSorted()).toEqual([client.id, ID].map((id) => `blue by ${id}`).toSorted());

      const request = { kind: 'emitWithAck', event: 'asked', args: [1], timeoutMs: 5_000 } as const;
      const all = await at.bridge.request('/', EVERYONE, request, 5_500);
      expect(sorted(all.items)).toEqual(
        [client.id, other.id].map((id) => `asked by ${id}`).toSorted(),
      );
      expect(all).toMatchObject({ missing: 0, silent: 0 });
      const none = await at.bridge.request('/', target('nowhere'), request, 5_500);
      expect(none).toEqual({ items: [], missing: 0, silent: 0 });
    });

    test('clients that do not answer are missed in time', async () => {
      second.isMute = true;
      const outcome = Promise.withResolvers<unknown[]>();
      server.io.timeout(600).emit('vote', (error: unknown, answers: unknown[]) => {
        outcome.resolve([error instanceof Error, answers.length]);
      });
      expect(await outcome.promise).toEqual([true, 3]);
      other.socket.offAny();
      const request = { kind: 'emitWithAck', event: 'asked', args: [], timeoutMs: 300 } as const;
      const all = await at.bridge.request('/', EVERYONE, request, 400);
      expect(all).toMatchObject({ missing: 1, silent: 0 });
      expect(all.items).toHaveLength(1);
    });

    test('what is not whole is not answered', async () => {
      at.home.isWhole = false;
      const fetched = server.io.timeout(200).fetchSockets();
      const [outcome] = await Promise.allSettled([fetched]);
      expect(outcome.status).toBe('rejected');
      expect(at.bridge.figures).toMatchObject({ answered: 0, unanswered: 1 });
    });

    test('two nodes beside two servers: each answers once, and nothing comes twice', async () => {
      const another = await OfficialServer.start(redis, mode, options);
      const nodes: BridgeAtWork[] = [at];
      const peers = () => nodes.length - 1;
      await at.close();
      at = await BridgeAtWork.start(redis, mode, { ...more, peers });
      const next = await BridgeAtWork.start(redis, mode, { ...more, peers });
      nodes.splice(0, 1, at, next);
      try {
        const far = await another.client('far', ['blue']);
        session = await at.session(ID, ['blue']);
        second = await next.session(OTHER_ID, ['blue']);
        await until('all count each other', async () => {
          const counts = [server, another].map(({ io }) => io.of('/').adapter.serverCount());
          return (await Promise.all(counts)).every((count) => count === 4);
        });
        expect(await server.io.fetchSockets()).toHaveLength(5);
        const answers = await another.io.timeout(5_000).emitWithAck('vote');
        expect(answers).toHaveLength(5);
        for (const node of nodes) node.home.answer = () => 'node';
        for (const { io } of [server, another]) {
          io.on('who' as never, (answer: (who: string) => void) => answer('server'));
        }
        const who = await server.io.serverSideEmitWithAck('who');
        expect(sorted(who)).toEqual(['node', 'node', 'server']);
        for (const node of nodes) {
          const found = await node.bridge.request('/', EVERYONE, { kind: 'sessions' }, 5_000);
          expect(found.items).toHaveLength(3);
          expect(found.silent).toBe(0);
        }
        for (const got of [session.got, second.got, client.got, far.got]) got.length = 0;
        at.bridge.publish('/', EVERYONE, eventOf('from a node'));
        server.io.to('blue').emit('from a server');
        await until('all have what is for them', () => {
          return client.got.length >= 2 && far.got.length >= 2 && second.got.length >= 1;
        });
        server.io.emit('end');
        await until('the end', () => second.got.length >= 2 && session.got.length >= 2);
        await until('the end is there too', () => far.has('end') && client.has('end'));
        const names = (got: readonly unknown[][]) => got.map(([event]) => String(event)).toSorted();
        // Nodes leave each other's words to the way that they have among themselves.
        expect(names(session.got)).toEqual(['end', 'from a server']);
        expect(names(second.got)).toEqual(['end', 'from a server']);
        expect(names(client.got)).toEqual(['end', 'from a node', 'from a server']);
        expect(names(far.got)).toEqual(['end', 'from a node', 'from a server']);
        expect(next.bridge.figures).toMatchObject({ malformed: 0, failed: 0 });
      } finally {
        await next.close();
        await another.close();
      }
    });
  });
}

function sorted(texts: readonly unknown[]): readonly string[] {
  return texts.map(String).toSorted();
}

function target(room: string) {
  return { ...EVERYONE, rooms: [room] };
}

function eventOf(event: string, ...args: unknown[]): ForeignEvent {
  return { ...encodeArguments([event, ...args], 1_000), volatile: false };
}
