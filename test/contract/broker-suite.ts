/**
 * What every way to other nodes must do (`server/links/bus/other-nodes.ts`), in each mode and on
 * whatever Redis it has. What is said here for a mode alone is what that mode is chosen for.
 */

import { afterEach, describe, expect, test } from 'bun:test';
import type { BrokerConfig, BrokerMode } from '../../src/host/config/broker.ts';
import { FIRST_NODE, FOREIGN_SERVERS } from '../../src/server/core/app/answer-errors.ts';
import { fromData } from '../../src/server/links/bus/bus-frame.ts';
import { namespaceKey, roomKey, userKey } from '../../src/server/protocol/interest-key.ts';
import { SessionIdFactory } from '../../src/server/protocol/session-id.ts';
import { linkTo } from '../support/each-redis.ts';
import { type NodeOverRedis, openNodes, until } from '../support/redis-nodes.ts';
import type { RedisServer } from '../support/redis-server.ts';

/** A Redis for brokers. */
export interface BrokerRedis {
  readonly url: string;
  /** All that a link may be connected to; they have `CUT_USER`. */
  readonly servers: readonly RedisServer[];
}

/** A user beside `default`, as in an ACL file: a test shuts it out, and with it its nodes. */
export const CUT_USER = 'cut on >secret ~* &* +@all';

type Config = Partial<BrokerConfig>;
type Three = readonly [NodeOverRedis, NodeOverRedis, NodeOverRedis];

const SERVICE = 77;
const HUGE_LENGTH = 5_000_000;
const ADA = userKey('/', 'ada');
const RUBBISH = [
  [],
  [1],
  [255, 255, 255, 255, 1],
  [0, 0, 0, 2, 1, 9],
  Array.from({ length: 50 }, () => 0),
];

let clusters = 0;

/** @param at gives the Redis while tests run */
export function brokerSuite(name: string, mode: BrokerMode, at: () => BrokerRedis): void {
  const isStream = mode === 'streams';
  const nodes: NodeOverRedis[] = [];

  /** What nodes of a cluster of their own have as config. */
  function newConfig(): Config {
    const prefix = `suite${clusters++}`;
    const names = { brokerPrefix: prefix, brokerStream: `${prefix}:stream` };
    return { broker: at().url, brokerMode: mode, ...names };
  }

  /** A node each of what differs in its config; two if not told. */
  async function open(configs: readonly Config[] = [{}, {}], common = newConfig()): Promise<Three> {
    const opened = await openNodes(configs.map((own) => ({ config: { ...common, ...own } })));
    nodes.push(...opened);
    return opened as unknown as Three;
  }

  const cutUrl = (): string => at().url.replace(/:\/\/(?:[^@/]*@)?/, '://cut:secret@');

  describe(`broker: ${name}, ${mode}`, () => {
    afterEach(async () => {
      await Promise.all(nodes.splice(0).map((node) => node[Symbol.asyncDispose]()));
    });

    test('nodes know each other and their places, and when one stops', async () => {
      const [a, b, c] = await open([{}, {}, {}]);
      for (const { broker } of [a, b, c]) expect(broker.cluster.peers).toHaveLength(2);
      const place = { node: b.number, host: '127.0.0.1', ports: [9] };
      await until('a knows where b is', () => {
        return a.broker.cluster.places.some((one) => Bun.deepEquals(one, place));
      });
      await c.broker.cluster.close();
      await until('c is gone', () => a.broker.cluster.peers.length === 1);
      expect(a.broker.cluster.peers).toEqual([b.number]);
    });

    test('who wants it gets it once and in order, whoever else it is for', async () => {
      const [a, b, c] = await open([{}, {}, {}]);
      for (const node of [a, b, c]) node.wants(namespaceKey('/'));
      b.wants(ADA);
      await wanted(a, ADA, b);
      await wanted(a, namespaceKey('/'), b, c);
      const all = Array.from({ length: 300 }, (_, i) => i);
      for (const i of all) {
        const route = [{}, { users: ['ada'] }, { users: ['ada'], except: ['x'] }][i % 3] ?? {};
        expect(a.say(route, i)).toBe(true);
        if (i % 50 === 0) await Bun.sleep(1);
      }
      a.command({ users: ['ada'] }, { kind: 'leave', rooms: ['r'] });
      await until('b has all', () => b.taken.length === 301);
      expect(b.heard).toEqual(all);
      expect(b.taken.at(-1)).toMatchObject({
        route: { users: ['ada'] },
        command: { kind: 'leave', rooms: ['r'] },
      });
      a.say({}, 'end');
      await until('c has all', () => c.heard.includes('end'));
      const forAll = all.filter((i) => i % 3 === 0);
      expect(c.heard).toEqual([...(isStream ? all : forAll), 'end']);
      expect(a.taken).toEqual([]);
      for (const { broker } of [b, c]) {
        expect(broker.cluster.figures).toMatchObject({ lost: 0, malformed: 0 });
      }
    });

    test('what nobody wants any more goes nowhere', async () => {
      const [a, b] = await open();
      b.wants(ADA);
      b.wants(roomKey('/', 'end'));
      await wanted(a, ADA, b);
      b.wantsNoMore(ADA);
      await wanted(a, ADA);
      expect(a.say({ users: ['ada'] }, 'nobody')).toBe(true);
      a.say({ rooms: ['end'] }, 'end');
      await until('b hears', () => b.heard.includes('end'));
      expect(b.heard).toEqual(isStream ? ['nobody', 'end'] : ['end']);
    });

    test('binary values arrive, and what is huge, in its place', async () => {
      const [a, b] = await open();
      b.wants(ADA);
      await wanted(a, ADA, b);
      const huge = 'ä'.repeat(HUGE_LENGTH / 2);
      a.say({ users: ['ada'] }, 'first', new Uint8Array([0, 255, 10, 13]));
      a.say({ users: ['ada'] }, 'huge', huge, crypto.getRandomValues(new Uint8Array(60_000)));
      a.say({ users: ['ada'] }, 'last');
      await until('all is there', () => b.taken.length === 3);
      expect(b.heard).toEqual(['first', 'huge', 'last']);
      expect(b.taken[0]?.attachments).toEqual([new Uint8Array([0, 255, 10, 13])]);
      expect(b.taken[1]?.event?.[2] === huge).toBe(true);
      expect(b.taken[1]?.attachments?.[0]).toHaveLength(60_000);
    });

    test('the id of a session leads to its node', async () => {
      const [a, b, c] = await open([{}, {}, {}]);
      for (const node of [b, c]) node.wants(roomKey('/', 'end'));
      await wanted(a, roomKey('/', 'end'), b, c);
      a.say({ rooms: [new SessionIdFactory(b.number, 3).create(5)] }, 'for b');
      a.say({ rooms: ['end'] }, 'end');
      await until('both hear', () => [b, c].every(({ heard }) => heard.includes('end')));
      expect(b.heard).toEqual(['for b', 'end']);
      expect(c.heard).toEqual(isStream ? ['for b', 'end'] : ['end']);
    });

    test('who is made to join a room hears what is said to it next', async () => {
      const [a, b] = await open();
      b.wants(ADA);
      await wanted(a, ADA, b);
      a.command({ users: ['ada'] }, { kind: 'join', rooms: ['r'] });
      a.say({ rooms: ['r'] }, 'welcome');
      await until('both came', () => b.taken.length === 2);
      expect(b.taken.map(({ command, event }) => command?.kind ?? event?.[1])).toEqual([
        'join',
        'welcome',
      ]);
    });

    test('requests go to those who have recipients, and each answers in pieces', async () => {
      const [a, b, c] = await open([{}, {}, {}]);
      b.wants(ADA);
      await wanted(a, ADA, b);
      const [some, pieces] = a.ask({ users: ['ada'] }, { kind: 'sessions' });
      expect(some.filter(isNode)).toEqual([FIRST_NODE + b.number]);
      await until(
        'all has come',
        () => pieces.filter(({ isLast }) => isLast).length === some.length,
      );
      const ofNodes = pieces.filter(({ answering }) => isNode(answering));
      expect(ofNodes.map(({ items, ...facts }) => ({ ...facts, items: fromData(items) }))).toEqual([
        {
          answering: some[0] as number,
          isLast: false,
          isWhole: true,
          missing: 2,
          items: ['first'],
        },
        { answering: some[0] as number, isLast: true, isWhole: true, missing: 0, items: ['last'] },
      ]);
      expect([a.asked.length, b.asked.length, c.asked.length]).toEqual([0, 1, 0]);
      c.wants(ADA);
      await wanted(a, ADA, b, c);
      c.isMute = true;
      const [both, more] = a.ask({ users: ['ada'] }, { kind: 'count' });
      expect(both.filter(isNode)).toHaveLength(2);
      await until('c is asked', () => c.asked.length === 1);
      await c.broker.cluster.close();
      const lost = { answering: FIRST_NODE + c.number, isLast: true, isWhole: false };
      await until('c is named', () => more.some((piece) => Bun.deepMatch(lost, piece)));
    });

    test('controllers tell and ask each other', async () => {
      const [a, b] = await open();
      const told: string[] = [];
      b.broker.cluster.onTold(SERVICE, (from, frame) => {
        told.push(`${from === a.number}: ${frame.text()}`);
      });
      for (const text of ['1', '2', '3']) {
        a.broker.cluster.tell(SERVICE, (frame) => void frame.text(text), b.number);
      }
      a.broker.cluster.tell(SERVICE, (frame) => void frame.text('all'));
      await until('b is told', () => told.length === 4);
      expect(told.filter((text) => text !== 'true: all')).toEqual([
        'true: 1',
        'true: 2',
        'true: 3',
      ]);
      b.broker.cluster.onCall('twice', async (args) => [args, args]);
      b.broker.cluster.onCall('fail', () => Promise.reject(new Error('no such thing')));
      b.broker.cluster.onCall('sleep', () => new Promise(() => {}));
      const call = (method: string, timeoutMs?: number): Promise<unknown> =>
        a.broker.cluster.call(b.number, method, { é: 1 }, timeoutMs);
      expect(await call('twice')).toEqual([{ é: 1 }, { é: 1 }]);
      expect(call('fail')).rejects.toThrow('no such thing');
      expect(call('sleep', 20)).rejects.toThrow('in time');
      const left = call('sleep').catch(String);
      await b.broker.cluster.close();
      expect(await left).toContain('gone');
      expect(call('twice')).rejects.toThrow('not there');
    });

    test('a node that was cut off counts what it missed, or goes on where it was', async () => {
      const [a, b] = await open([{}, { broker: cutUrl() }]);
      b.wants(ADA);
      await wanted(a, ADA, b);
      a.say({ users: ['ada'] }, 0);
      await until('b hears', () => b.heard.length === 1);
      await shutOut(at());
      await until('b is cut off', () => !b.link.isConnected);
      b.wantsNoMore(ADA);
      b.wants(roomKey('/', 'r'));
      for (let i = 1; i <= 5; i++) expect(a.say({ users: ['ada'] }, i)).toBe(true);
      await until('Redis has it', () => waitingIn(a) === 0);
      await letIn(at());
      await until('b is back', () => b.link.isConnected);
      await wanted(a, ADA);
      await wanted(a, roomKey('/', 'r'), b);
      a.say({ rooms: ['r'] }, 'after');
      await until('b hears', () => b.heard.includes('after'));
      expect(b.heard).toEqual(isStream ? [0, 1, 2, 3, 4, 5, 'after'] : [0, 'after']);
      expect(lostBy(b)).toBe(isStream ? 0 : 5);
      expect(b.link.figures.reconnects).toBeGreaterThan(0);
    });

    test('what a node says while it is cut off waits, as far as it may', async () => {
      const config = { broker: cutUrl(), brokerQueueBytes: 20_000 };
      const [a, b] = await open([config, {}]);
      b.wants(ADA);
      await wanted(a, ADA, b);
      await shutOut(at());
      await until('a is cut off', () => !a.link.isConnected);
      let taken = 0;
      while (a.say({ users: ['ada'] }, taken, 'x'.repeat(100))) {
        taken++;
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(taken).toBeGreaterThan(10);
      expect(refusedBy(a)).toBe(1);
      await letIn(at());
      await until('b has all', () => b.heard.length === taken);
      expect(b.heard).toEqual(Array.from({ length: taken }, (_, i) => i));
      expect(lostBy(b)).toBe(0);
      await until('there is room again', () => a.say({ users: ['ada'] }, 'again'));
      await until('b hears', () => b.heard.at(-1) === 'again');
    });

    test('connections that break all the time take nothing that is not counted', async () => {
      const [a, b] = await open();
      b.wants(ADA);
      await wanted(a, ADA, b);
      const count = 400;
      for (let i = 0; i < count; i++) {
        if (i % 100 === 50) await breakAll(at());
        expect(a.say({ users: ['ada'] }, i)).toBe(true);
        if (i % 10 === 0) await Bun.sleep(1);
      }
      await until('both are back', () => [a, b].every(({ link }) => link.isConnected));
      await until('Redis has it', () => waitingIn(a) === 0);
      a.say({ users: ['ada'] }, 'end');
      await until('the end', () => b.heard.at(-1) === 'end');
      const numbers = b.heard.slice(0, -1) as readonly number[];
      expect(numbers).toEqual([...new Set(numbers)].toSorted((x, y) => x - y));
      expect(numbers.length + lostBy(b)).toBe(count);
      if (isStream) expect(numbers).toHaveLength(count);
    });

    test('rubbish harms nobody, and is counted', async () => {
      const common = newConfig();
      const [a, b] = await open([{}, {}], common);
      b.wants(ADA);
      await wanted(a, ADA, b);
      const link = await linkTo(at().url);
      try {
        const channels = ['all', b.number].map(
          (to) => `{${common.brokerPrefix}:holdfast}:nodes:${to}`,
        );
        for (const channel of channels) {
          for (const bytes of RUBBISH) {
            const payload = Uint8Array.from(bytes);
            if (mode === 'sharded') await link.publishSharded(channel, payload);
            else await link.publish(channel, payload);
          }
        }
        const key = common.brokerStream as string;
        const entries = RUBBISH.map((bytes) => ['hf', Uint8Array.from(bytes)]);
        const others = [
          ['a', 'b'],
          ['type', '3', 'data', '{'],
          ['type', '3', 'nsp', '/', 'uid', ''],
        ];
        for (const fields of [...entries, ...others]) {
          await link.command(key, ['XADD', key, '*', ...fields]);
        }
      } finally {
        await link.close();
      }
      const { cluster } = b.broker;
      await until('all is counted', () => cluster.figures.malformed === 2 * RUBBISH.length);
      a.say({ users: ['ada'] }, 'still there');
      await until('b hears', () => b.heard.length === 1);
      expect(b.taken).toHaveLength(1);
      expect(a.broker.cluster.peers).toEqual([b.number]);
      if (isStream) expect(b.broker.streamFigures?.malformed).toBe(RUBBISH.length);
    });

    test('clusters on one Redis do not hear each other', async () => {
      const [a, b] = await open();
      const [c, d] = await open();
      for (const node of [b, c, d]) node.wants(namespaceKey('/'));
      await wanted(a, namespaceKey('/'), b);
      await wanted(c, namespaceKey('/'), d);
      a.say({}, 'of the one');
      c.say({}, 'of the other');
      await until('both hear', () => b.heard.length > 0 && d.heard.length > 0);
      a.say({}, 'end');
      c.say({}, 'end');
      await until('the end', () => [b, d].every(({ heard }) => heard.includes('end')));
      expect([a.heard, b.heard]).toEqual([[], ['of the one', 'end']]);
      expect([c.heard, d.heard]).toEqual([[], ['of the other', 'end']]);
      expect(a.broker.cluster.peers).toEqual([b.number]);
    });
  });

  const waitingIn = ({ broker }: NodeOverRedis): number =>
    (isStream ? broker.streamFigures : broker.cluster.figures)?.waitingBytes ?? 0;

  const refusedBy = ({ broker }: NodeOverRedis): number | undefined =>
    (isStream ? broker.streamFigures : broker.cluster.figures)?.refused;

  const lostBy = ({ broker }: NodeOverRedis): number =>
    broker.cluster.figures.lost + (broker.streamFigures?.lost ?? 0);
}

/** Until a node knows that those want a key, and no others. */
async function wanted(
  { broker }: NodeOverRedis,
  key: string,
  ...by: readonly NodeOverRedis[]
): Promise<void> {
  const numbers = by.map(({ number }) => number).toSorted((x, y) => x - y);
  await until('it is known who wants it', () => {
    const known = broker.cluster.nodesWith(key).toSorted((x, y) => x - y);
    return Bun.deepEquals(known, numbers);
  });
}

function isNode(answering: number): boolean {
  return answering >= FIRST_NODE && answering !== FOREIGN_SERVERS;
}

/** Cuts off the nodes of `CUT_USER`, until they are let in again. */
async function shutOut({ servers }: BrokerRedis): Promise<void> {
  await Promise.all(servers.map((one) => one.command('ACL', 'SETUSER', 'cut', 'off')));
  await Promise.all(servers.map((one) => one.command('CLIENT', 'KILL', 'USER', 'cut')));
}

async function letIn({ servers }: BrokerRedis): Promise<void> {
  await Promise.all(servers.map((one) => one.command('ACL', 'SETUSER', 'cut', 'on')));
}

async function breakAll({ servers }: BrokerRedis): Promise<void> {
  for (const type of ['normal', 'pubsub']) {
    await Promise.all(servers.map((one) => one.command('CLIENT', 'KILL', 'TYPE', type)));
  }
}
