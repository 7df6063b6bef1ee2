/** What clients that come back are given of what rooms keep, and what they are not. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { Manager } from 'socket.io-client';
import type { RoomsConfig } from '../../src/host/config/rooms.ts';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import { joined } from './clients.ts';
import {
  ALL,
  type Asked,
  type Auth,
  type Comer,
  type Connect,
  closeAll,
  come,
  type Kind,
  PLAIN,
} from './comeback-client.ts';
import { eventually } from './eventually.ts';

setDefaultTimeout(60_000);

const APP = join(import.meta.dir, 'comeback-app.ts');
const kept = (messages: number, more: object = {}): RoomsConfig[string] => ({
  join: 'anyone',
  publish: 'nobody',
  presence: false,
  recovery: true,
  history: { messages, seconds: 60 },
  ...more,
});
const ROOMS: RoomsConfig = {
  'kept:*': kept(1000),
  'few:*': kept(5),
  'short:*': kept(100, { history: { messages: 100, seconds: 1 } }),
  'read:*': kept(1000, { recovery: false }),
  'latest:*': kept(100, { history: { messages: 100, seconds: 60, latestBy: 'id' } }),
};
/** Over a stream of its own, so that a cut has no session that polls go on with. */
const CUT: readonly Kind[] = ALL.filter((kind) => kind !== 'polling');

let node: HoldfastProcess;
const comers: Comer[] = [];
let rooms = 0;

beforeAll(async () => {
  const config = { rooms: ROOMS, historyBudgetBytes: 1_048_576 };
  node = await HoldfastProcess.start({ app: APP, config, workers: 3 });
});
afterAll(async () => {
  closeAll(comers);
  await node.stop();
});

const newRoom = (prefix = 'kept'): string => `${prefix}:${(rooms += 1)}`;

async function opened(kind: Kind, asked?: Asked): Promise<Comer> {
  const comer = await come(node.url, kind, asked);
  comers.push(comer);
  return comer;
}

async function back(comer: Comer, asked?: Asked): Promise<Comer> {
  const next = await comer.again(asked);
  comers.push(next);
  return next;
}

async function say(room: string, ...args: readonly unknown[]): Promise<void> {
  const answer = await node.publish({ event: 'said', args, room });
  if (!answer.ok) throw new Error(`POST /send answered ${answer.status}`);
}

async function figures(): Promise<string> {
  return await (await node.admin('/metrics')).text();
}

function valueOf(name: string, page: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(page)?.[1]);
}

/** One that has come back, and is told of nothing that was before. */
async function expectLost(comer: Comer, room: string): Promise<void> {
  expect(await comer.hello()).toMatchObject({ recovered: false, unrecovered: true });
  expect(comer.connect?.recovered).toBe(false);
  await comer.join(room);
  await say(room, 'new');
  await comer.heard('new');
  expect(comer.of('said')).toEqual(['new']);
}

/** A client that has heard the event 0, was cut, and misses the event 1. */
async function begun(kind: Kind, room: string, more: Asked = {}): Promise<Comer> {
  const comer = await opened(kind, { rooms: [room], ...more });
  await comer.hello();
  await say(room, 0);
  await comer.heard(0);
  comer.cut();
  await say(room, 1);
  return comer;
}

describe.each(CUT)('%s', (kind) => {
  test('too many', async () => {
    const room = newRoom('few');
    const comer = await begun(kind, room);
    for (let i = 2; i <= 5; i++) await say(room, i);
    const whole = await back(comer);
    await whole.heard(5);
    expect(whole.of('said')).toEqual([1, 2, 3, 4, 5]);
    whole.cut();
    for (let i = 6; i <= 11; i++) await say(room, i);
    await expectLost(await back(whole), room);
  });

  test('rooms that are forbidden by now', async () => {
    const [room, other] = [newRoom(), newRoom()];
    const comer = await opened(kind, { rooms: [room] });
    await comer.join(other);
    await say(other, 0);
    await comer.heard(0);
    const warden = await opened('websocket');
    await warden.ask('ban', other);
    comer.cut();
    await say(other, 1);
    await say(room, 2);
    const again = await back(comer);
    await again.heard(2);
    expect(await again.hello()).toMatchObject({ recovered: true, rooms: [room] });
    await say(other, 3);
    await say(room, 4);
    await again.heard(4);
    expect(again.of('said')).toEqual([2, 4]);
  });

  test('rooms that are not given again', async () => {
    const [room, given] = [newRoom(), newRoom()];
    const comer = await opened(kind, { rooms: [room], auth: { rooms: [given] } });
    await say(given, 0);
    await comer.heard(0);
    comer.cut();
    await say(given, 1);
    await say(room, 2);
    const again = await back(comer, { auth: {} });
    await again.heard(2);
    expect(await again.hello()).toMatchObject({ recovered: true, rooms: [room] });
    await say(given, 3);
    await say(room, 4);
    await again.heard(4);
    expect(again.of('said')).toEqual([2, 4]);
  });

  test('a room that it left, and what was said before it came', async () => {
    const [room, left, late] = [newRoom(), newRoom(), newRoom()];
    const comer = await opened(kind, { rooms: [room] });
    await comer.ask('enter', left);
    await say(room, 0);
    await comer.heard(0);
    await say(late, 1);
    await comer.ask('quit', left);
    await say(left, 2);
    await comer.ask('enter', late);
    comer.cut();
    await say(left, 3);
    await say(late, 4);
    const again = await back(comer);
    await again.heard(4);
    expect(again.of('said')).toEqual([4]);
    expect((await again.hello()).rooms).toEqual([late, room].sort());
  });

  test('what it has said itself, and what others must not be told', async () => {
    const room = newRoom();
    const [comer, other] = [
      await opened(kind, { rooms: [room] }),
      await opened('websocket', { rooms: [room] }),
    ];
    await say(room, 'first');
    await comer.heard('first');
    await comer.ask('say', room, 'own');
    await other.heard('own');
    comer.cut();
    await say(room, 'another');
    await other.ask('hint', room, 'volatile');
    await other.ask('ask', room);
    await other.ask('bytes', room);
    const again = await back(comer);
    await again.until('bytes', () => again.of('bytes').length > 0);
    const names = again.events.map(([name]) => name).filter((name) => name !== 'hello');
    expect(names).toEqual(['said', 'bytes']);
    expect(again.of('said')).toEqual(['another']);
    const [value] = again.of('bytes') as [{ bytes: unknown }];
    if (kind.startsWith('io-')) {
      expect(new Uint8Array(value.bytes as ArrayBuffer)).toEqual(new Uint8Array([0, 1, 254, 255]));
    } else expect(value).toEqual({ bytes: { $binary: 'AAH+/w==' } });
  });

  test('texts that are no positions', async () => {
    const [room, chat] = [newRoom(), newRoom('chat')];
    const comer = await opened(kind, { rooms: [room, chat] });
    await say(chat, 'before all', 'a text');
    await comer.heard('before all');
    await say(room, 0);
    await comer.heard(0);
    await say(chat, 'chat', 'a text');
    await comer.heard('chat');
    comer.cut();
    await say(room, 1);
    const again = await back(comer);
    await again.heard(1);
    expect(again.of('said')).toEqual([1]);
  });

  test('only the latest', async () => {
    const room = newRoom('latest');
    const comer = await opened(kind, { rooms: [room] });
    await say(room, { id: 'a', n: 0 });
    await comer.until('the first', () => comer.of('said').length === 1);
    comer.cut();
    for (let n = 1; n <= 9; n++) await say(room, { id: n % 2 === 0 ? 'a' : 'b', n });
    const again = await back(comer);
    await again.until('the last', () => again.of('said').length === 2);
    await say(room, { id: 'c', n: 10 });
    await again.until('a new one', () => again.of('said').length === 3);
    expect(again.of('said') as unknown).toEqual([
      { id: 'a', n: 8 },
      { id: 'b', n: 9 },
      { id: 'c', n: 10 },
    ]);
  });

  test.each([
    ['another user', { auth: { user: 'eve' } }],
    ['nobody', { auth: {} }],
  ])('by %s', async (_who, other) => {
    const room = newRoom();
    const comer = await begun(kind, room, { auth: { user: 'ada' } });
    const { recovery } = comer.connect as Connect;
    const thief = await opened(kind, { ...other, recovery, since: comer.position });
    await expectLost(thief, room);
    // It waits for its own client still.
    const again = await back(comer);
    expect(await again.hello()).toMatchObject({ recovered: true });
    await again.heard('new');
    expect(again.of('said')).toEqual([1, 'new']);
  });

  test('in another namespace', async () => {
    const room = newRoom();
    const comer = await begun(kind, room);
    const { recovery } = comer.connect as Connect;
    const asked: Asked = { namespace: '/other', recovery, since: comer.position };
    const other = await opened(kind, asked);
    expect(await other.hello()).toMatchObject({ recovered: false });
    const again = await back(comer);
    await again.heard(1);
    expect(await again.hello()).toMatchObject({ recovered: true });
  });

  test('forged', async () => {
    const room = newRoom();
    const comer = await begun(kind, room);
    const { recovery = '' } = comer.connect as Connect;
    const forged = [
      `${recovery.slice(0, -1)}${recovery.endsWith('A') ? 'B' : 'A'}`,
      `B${recovery.slice(1)}`,
      recovery.slice(0, 24),
      `${recovery}A`,
      'x',
      'A'.repeat(4_000),
    ];
    for (const token of forged) {
      const thief = await opened(kind, { recovery: token, since: comer.position });
      expect(await thief.hello()).toMatchObject({ recovered: false, unrecovered: true, rooms: [] });
    }
    const again = await back(comer);
    await again.heard(1);
    expect(again.of('said')).toEqual([1]);
  });
});

test.each(PLAIN.filter((kind) => kind !== 'polling'))('a position alone, %s', async (kind) => {
  const room = newRoom('read');
  const auth = { user: 'ada' };
  const comer = await opened(kind, { rooms: [room], auth });
  const { position: since } = comer.connect as Connect;
  await say(room, 0);
  await comer.heard(0);
  comer.cut();
  await say(room, 1);
  const again = await opened(kind, { rooms: [room], auth, since });
  await again.heard(1);
  expect(again.of('said')).toEqual([0, 1]);
  expect(again.connect).toMatchObject({ recovered: true, position: since as string });
  expect((await again.hello()).id).not.toBe(comer.connect?.id as string);
});

describe.each(PLAIN)('%s', (kind) => {
  test('positions that are none', async () => {
    const room = newRoom();
    const comer = await begun('websocket', room);
    const [epoch, offset] = String(comer.position).split('-');
    const others = [
      'x',
      '-',
      `${epoch}`,
      `${epoch}-`,
      `${epoch}--1`,
      `${epoch}-1e3`,
      `${epoch}-0x1`,
      `${epoch}- 1`,
      `${epoch}-1.5`,
      `${epoch}-9007199254740991`,
      `${epoch}-9007199254740993`,
      `${epoch}-${Number(offset) + 1_000_000}`,
      `A${epoch}-1`,
      `${epoch}-${'1'.repeat(4_000)}`,
      '\u00e9-1',
      '%00-1',
      '[object Object]',
    ];
    for (const since of others) {
      const again = await come(node.url, kind, { rooms: [room], since }).catch(String);
      if (typeof again === 'string') {
        // Polls name a session, too; and a header has no such letters.
        const isRefused = /refused: 400|Invalid header|invalid value/i.test(again);
        expect([since, again, isRefused]).toEqual([since, again, true]);
        continue;
      }
      comers.push(again);
      expect([since, again.connect?.recovered]).toEqual([since, false]);
      const hello = await again.hello();
      expect([since, hello.unrecovered, again.of('said')]).toEqual([since, true, []]);
    }
  });
});

describe.each(['io-websocket', 'io-polling'] as const)('%s', (kind) => {
  test('what is no position or proof', async () => {
    const room = newRoom();
    const comer = await begun(kind, room);
    const { recovery: pid } = comer.connect as Connect;
    const others: readonly Auth[] = [
      { pid: {}, offset: [] },
      { pid: 7, offset: comer.position },
      { pid: [pid], offset: [comer.position] },
      { pid: null, offset: null },
      { pid: '', offset: '' },
      { pid: 'x'.repeat(10_000), offset: 'x'.repeat(10_000) },
      { offset: comer.position },
      { pid: { toString: 'x' }, offset: { valueOf: 1 } },
    ];
    for (const auth of others) {
      const thief = await opened(kind, { auth });
      expect(await thief.hello()).toMatchObject({ recovered: false, rooms: [] });
      expect(thief.of('said')).toEqual([]);
    }
    const again = await back(comer);
    await again.heard(1);
    expect(again.of('said')).toEqual([1]);
  });
});

test('two namespaces over one connection', async () => {
  const room = newRoom();
  const manager = new Manager(node.url, { transports: ['websocket'], reconnectionDelay: 5 });
  const names = ['/', '/other'];
  const heard: Record<string, unknown[]> = { '/': [], '/other': [] };
  const sockets = names.map((name) => {
    return manager.socket(name).on('said', (value) => heard[name]?.push(value));
  });
  for (const socket of sockets) {
    await joined(socket);
    await socket.emitWithAck('holdfast:join', room);
  }
  const tell = (value: number): Promise<Response[]> =>
    Promise.all(
      names.map((namespace) => node.publish({ event: 'said', args: [value], room, namespace })),
    );
  await tell(0);
  await eventually(
    'both hear the first',
    () => heard,
    (now) => names.every((name) => now[name]?.length === 1),
  );
  manager.engine.close();
  for (let i = 1; i <= 9; i++) await tell(i);
  for (const socket of sockets) await joined(socket);
  await tell(10);
  await eventually(
    'both hear the last',
    () => heard,
    (now) => names.every((name) => now[name]?.includes(10)),
  );
  const all = Array.from({ length: 11 }, (_, i) => i);
  expect(heard).toEqual({ '/': all, '/other': all });
  expect(sockets.map(({ recovered }) => recovered)).toEqual([true, true]);
  for (const socket of sockets) socket.disconnect();
});

test('too old', async () => {
  const room = newRoom('short');
  const all = await Promise.all(CUT.map((kind) => begun(kind, room)));
  // It is the time that is tested; more of it does no harm.
  await Bun.sleep(1_500);
  for (const comer of all) {
    const again = await back(comer);
    expect(await again.hello()).toMatchObject({ recovered: false, unrecovered: true });
    expect(again.of('said')).toEqual([]);
  }
});

test('after the recovery window', async () => {
  const config = { rooms: ROOMS, recoveryWindowMs: 1_000 };
  await using other = await HoldfastProcess.start({ app: APP, config, workers: 1 });
  const all = await Promise.all(CUT.map((kind) => come(other.url, kind, { rooms: ['kept:1'] })));
  for (const comer of all) await comer.hello();
  closeAll(all);
  const figure = async (): Promise<number> => {
    const page = await (await other.admin('/metrics')).text();
    const of = (state: string): number => valueOf(`holdfast_recovery_${state}_sessions`, page);
    return of('live') + of('cut');
  };
  await eventually('nothing is kept of them', figure, (count) => count === 0);
  await other.publish({ event: 'said', args: [1], room: 'kept:1' });
  for (const comer of all) {
    const again = await comer.again();
    expect(await again.hello()).toMatchObject({ recovered: false, unrecovered: true });
    expect(again.of('said')).toEqual([]);
    again.cut();
  }
  await other.stop();
});

test('no more than its budget', async () => {
  const text = 'x'.repeat(10_000);
  const all = Array.from({ length: 100 }, () => newRoom());
  const watcher = await opened('websocket', { rooms: [all[0] as string] });
  const bytes: number[] = [];
  for (let i = 0; i < 100; i++) {
    await Promise.all(all.map((room) => say(room, text)));
    if (i % 10 === 9) bytes.push(valueOf('holdfast_history_bytes', await figures()));
  }
  expect(Math.max(...bytes)).toBeLessThanOrEqual(1_048_576);
  expect(Math.min(...bytes)).toBeGreaterThan(500_000);
  const page = await figures();
  expect(valueOf('holdfast_history_dropped_total', page)).toBeGreaterThan(9_000);
  const { position } = watcher.connect as Connect;
  const late = await opened('websocket', { rooms: [all[0] as string], since: position });
  expect(await late.hello()).toMatchObject({ recovered: false, unrecovered: true });
});

test('all see one order', async () => {
  const room = newRoom();
  const all = await Promise.all(ALL.map((kind) => opened(kind, { rooms: [room] })));
  const tellers: Comer[] = [];
  const pids = new Set<unknown>();
  for (let i = 0; i < 50 && pids.size < 3; i++) {
    const teller = await opened('stream');
    tellers.push(teller);
    pids.add(await teller.ask('pid'));
  }
  const sending = tellers.map((teller, i) => teller.ask('count', room, i * 1_000, 20));
  for (let i = 0; i < 20; i++) await node.publish({ event: 'n', args: [-1 - i], room });
  await Promise.all(sending);
  const count = tellers.length * 20 + 20;
  for (const one of all) await one.until('all', () => one.of('n').length === count);
  for (const one of all) expect(one.of('n')).toEqual(all[0]?.of('n') as unknown[]);
});
