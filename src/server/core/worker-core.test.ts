/**
 * The core of a worker with fakes for the client and the bus: who is in which room, in what order
 * each client sees what is said, and what becomes of questions.
 */

import { beforeEach, describe, expect, test } from 'bun:test';
import { Random } from '../../../test/fuzz/random.ts';
import {
  FakeCore,
  type FakeLink,
  MAX_ROOMS,
  receivedBy,
  type Visitor,
} from '../../../test/support/fake-core.ts';
import { AckTimeoutError, PartialAnswerError } from './app/answer-errors.ts';
import type { RemoteSession } from './app/app.ts';
import { LIMITS } from './limits/limits.ts';
import type { Namespace } from './sessions/namespace.ts';
import type { NamespaceSession } from './sessions/namespace-session.ts';
import type { WorkerCore } from './worker-core.ts';

const ACK_TIMEOUT_MS = 50;

let fake: FakeCore;
let link: FakeLink;
let core: WorkerCore;
let home: Namespace;

beforeEach(() => {
  fake = new FakeCore(ACK_TIMEOUT_MS);
  ({ link, core, home } = fake);
});

const enter: FakeCore['enter'] = (...args) => fake.enter(...args);
const enterAll: FakeCore['enterAll'] = (...args) => fake.enterAll(...args);
const end = (visitor: Visitor): void => fake.end(visitor);

describe('rooms', () => {
  test('agree with Sets through a random life', () => {
    const random = Random.announced('rooms');
    const names = ['a', 'b', 'c', '__proto__', 'constructor', ' '];
    const users = ['u', 'v', undefined];
    const model = new Map<NamespaceSession, Set<string>>();
    const visitors: Visitor[] = [];
    for (let step = 0; step < 5_000; step++) {
      const visitor = random.chance(0.1) ? undefined : visitors[random.below(visitors.length)];
      const room = random.pick(names);
      if (visitor === undefined) {
        const rooms = new Set(names.filter(() => random.chance(0.3)));
        const entered = enter(`id${step}`, [...rooms], random.pick(users));
        visitors.push(entered);
        model.set(entered.session, rooms);
      } else if (random.chance(0.5)) {
        visitor.session.join(room);
        model.get(visitor.session)?.add(room);
      } else if (random.chance(0.8)) {
        visitor.session.leave(room);
        model.get(visitor.session)?.delete(room);
      } else {
        end(visitor);
        visitors.splice(visitors.indexOf(visitor), 1);
        model.delete(visitor.session);
      }
      if (step % 25 === 0) expectModel(model, names);
    }
    for (const visitor of visitors) end(visitor);
    expect(home.rooms.size).toBe(0);
    expect(home.users.size).toBe(0);
    expect(link.interest).toEqual(new Set());
  });

  /** The core's rooms, users and interest are those of the model. */
  function expectModel(
    model: ReadonlyMap<NamespaceSession, ReadonlySet<string>>,
    names: readonly string[],
  ): void {
    const keys = new Set<string>(model.size === 0 ? [] : ['n/']);
    for (const name of names) {
      const members = new Set([...model].filter(([, rooms]) => rooms.has(name)).map(([s]) => s));
      expect(new Set(home.choose({ rooms: [name], users: [], except: [] }))).toEqual(members);
      if (members.size > 0) keys.add(`r/\0${name}`);
    }
    for (const [session, rooms] of model) {
      expect(new Set(session.rooms)).toEqual(new Set(rooms));
      if (session.user !== undefined) keys.add(`u/\0${session.user}`);
    }
    expect(new Set(home.everyone.members)).toEqual(new Set(model.keys()));
    expect(link.interest).toEqual(keys);
  }

  test('a session joins as many as allowed, and not one more', () => {
    const names = Array.from({ length: MAX_ROOMS }, (_, index) => `room ${index}`);
    const { session } = enter('s', names);
    expect(session.rooms).toHaveLength(MAX_ROOMS);
    session.join(names[0] as string);
    expect(() => session.join('one more')).toThrow(RangeError);
    session.leave(names[0] as string);
    session.join('one more');
    expect(session.rooms).toContain('one more');
  });

  test('a session joins all of the rooms or none', () => {
    const names = Array.from({ length: MAX_ROOMS - 1 }, (_, index) => `room ${index}`);
    const { session } = enter('s', names);
    expect(() => session.join(['a', 'b'])).toThrow(RangeError);
    expect(session.rooms).toEqual(names);
    expect([home.rooms.has('a'), link.interest.has('r/\0a')]).toEqual([false, false]);
    // Named twice, or joined already, a room counts once.
    session.join([...names, 'a', 'a']);
    expect(session.rooms).toEqual([...names, 'a']);
  });

  test('more rooms than usual count against the memory budget', () => {
    const names = Array.from({ length: MAX_ROOMS }, (_, index) => `room ${index}`);
    const visitor = enter('s', names.slice(0, LIMITS.freeRooms - 1));
    const { session } = visitor;
    session.join(names[LIMITS.freeRooms - 1] as string);
    expect(fake.budget.heldBytes).toBe(0);
    session.join(names);
    const extra = MAX_ROOMS - LIMITS.freeRooms;
    expect(fake.budget.heldBytes).toBe(extra * LIMITS.roomBytes);
    expect(session.heldBytes()).toBe(fake.budget.heldBytes);
    session.leave(names[0] as string);
    expect(fake.budget.heldBytes).toBe((extra - 1) * LIMITS.roomBytes);
    end(visitor);
    expect(fake.budget.heldBytes).toBe(0);
  });

  test('what the bus refuses reaches nobody', () => {
    const { client, session } = enter('s');
    link.publish = link.command = () => {
      throw new Error('full');
    };
    expect(() => home.server.emit('x')).toThrow('full');
    expect(() => home.server.join('a')).toThrow('full');
    expect([client.received, session.rooms]).toEqual([[], []]);
  });

  test.each<[string, unknown]>([
    ['an empty text', ''],
    ['a text too long', 'x'.repeat(LIMITS.keyLength + 1)],
    ['the first half of a character', '\ud800'],
    ['the second half, within a text', 'a\udc00b'],
    ['a number that is not whole', 1.5],
    ['no number', Number.NaN],
    ['a big number', 1n],
    ['nothing', undefined],
    ['an object', { toString: () => 'room' }],
  ])('a name that cannot be: %s', (_what, given) => {
    const { session } = enter('s');
    const name = given as string;
    for (const call of [
      () => session.join(name),
      () => session.join(['a', name]),
      () => session.leave(name),
      () => session.to(name),
      () => session.except(['a', name]),
      () => home.server.to(name),
      () => home.server.except(name),
      () => home.server.in('a').join(name),
      () => home.server.in('a').leave([name]),
      () => home.server.user(name),
    ]) {
      expect(call).toThrow(TypeError);
    }
    expect(session.rooms).toEqual([]);
  });

  test('names that mean something elsewhere are names like others', () => {
    const names = [
      '__proto__',
      'constructor',
      'toString',
      'hasOwnProperty',
      ' ',
      '\0',
      '0',
      '\ufffd',
    ];
    const visitors = names.map((name) => enter(`s ${name}`, [name], name));
    for (const name of names) {
      home.server.to(name).emit(`room ${name}`);
      home.server.user(name).emit(`user ${name}`);
    }
    for (const [index, { client, session }] of visitors.entries()) {
      const name = names[index] as string;
      const told = [`room ${name}`, `user ${name}`].map((event) =>
        JSON.stringify(event).slice(1, -1),
      );
      expect(client.received).toEqual(told);
      session.leave(name);
      expect(session.rooms).toEqual([]);
    }
    expect(home.rooms.size).toBe(0);
  });

  test('a whole number is the room of its digits', () => {
    const { client, session } = enter('s', ['a']);
    session.join([42, -1]);
    expect(session.rooms).toEqual(['a', '42', '-1']);
    home.server.to(42).emit('by number');
    home.server.to('42').emit('by text');
    home.server.to(-1).except(42).emit('to nobody');
    session.leave(42);
    home.server.to(42).emit('to nobody');
    expect(client.received).toEqual(['by number', 'by text']);
  });

  test('what is said by the id of a session is for that session alone', () => {
    const [one, other] = [enter('one'), enter('other')];
    expect(() => other.session.join('one')).toThrow('named like the id of another');
    expect(() => other.session.join(['a', 'one'])).toThrow(TypeError);
    expect(() => enter('third', ['one'])).toThrow(TypeError);
    home.server.in('other').join('one');
    home.server.to('one').emit('private');
    expect([one.client.received, other.client.received]).toEqual([['private'], []]);
    expect(other.session.rooms).toEqual([]);
    // As with Socket.IO it is in that room anyway.
    one.session.join('one');
    one.session.leave('one');
    home.server.to('one').emit('still');
    expect(one.client.received).toEqual(['private', 'still']);
    expect(one.session.rooms).toEqual([]);
  });

  test.each(['\ud800', 'a\udc00b', 7 as unknown as string, undefined as unknown as string])(
    'an event that cannot be named: %p',
    async (event) => {
      const { session } = enter('s');
      expect(() => session.emit(event)).toThrow(TypeError);
      expect(() => home.server.emit(event)).toThrow(TypeError);
      expect(() => home.server.serverSideEmit(event)).toThrow(TypeError);
      expect(home.server.serverSideEmitWithAck(event)).rejects.toThrow(TypeError);
    },
  );

  test('a session that is over joins nothing', () => {
    const visitor = enter('s');
    end(visitor);
    visitor.session.join('a');
    visitor.session.emit('late');
    expect(home.rooms.size).toBe(0);
    expect(visitor.client.received).toEqual([]);
  });
});

describe('who receives', () => {
  test('the union of rooms and users receives once, but not whom `except` names', async () => {
    const [a, ab, b, u, out] = [
      enter('1', ['a']),
      enter('2', ['a', 'b'], 'u'),
      enter('3', ['b']),
      enter('4', [], 'u'),
      enter('5', ['a', 'out'], 'u'),
    ];
    home.server.to(['a', 'b']).user('u').except('out').emit('x');
    expect(receivedBy([a, ab, b, u, out])).toEqual([['x'], ['x'], ['x'], ['x'], []]);
    home.server.except(['3', 'a']).emit('y');
    await Promise.resolve();
    expect(receivedBy([a, b, u])).toEqual([['x'], ['x'], ['x', 'y']]);
  });

  test('a session id is a room of one', async () => {
    const [one, two] = enterAll(2);
    home.server.to('s0').emit('x');
    two?.session.broadcast.emit('y');
    await Promise.resolve();
    expect(receivedBy([one, two] as Visitor[])).toEqual([['x', 'y'], []]);
  });

  test('a chain may be kept: each call is a copy', async () => {
    const visitors = [enter('1', ['a']), enter('2', ['b'])];
    const toA = home.server.to('a');
    toA.to('b');
    toA.except('1');
    toA.emit('x');
    await Promise.resolve();
    expect(receivedBy(visitors)).toEqual([['x'], []]);
  });

  test('`local` stays here, all else goes over the bus too', () => {
    home.server.local.emit('here');
    home.server.to('a').emit('there');
    home.server.local.to('a').join('b');
    home.server.to('a').disconnect();
    expect(link.said).toEqual([
      ['["there"]', ['a']],
      ['disconnect', ['a']],
    ]);
  });

  test.each(['connect', 'disconnect', 'disconnecting', 'connect_error', 'newListener'])(
    'the reserved event %s reaches nobody',
    async (event) => {
      const { client, session } = enter('s');
      expect(() => home.server.emit(event)).toThrow(TypeError);
      expect(() => session.emit(event)).toThrow(TypeError);
      await Promise.resolve();
      expect([client.received, link.said]).toEqual([[], []]);
    },
  );
});

describe('order', () => {
  test('broadcasts of one turn are held, and leave together at its end', async () => {
    const visitors = enterAll(3);
    let times = 0;
    for (const { client } of visitors) client.beforeTaking = () => times++;
    for (const name of ['1', '2', '3']) home.server.emit(name);
    expect(receivedBy(visitors)).toEqual([[], [], []]);
    await Promise.resolve();
    expect(receivedBy(visitors)).toEqual(Array(3).fill(['1', '2', '3']));
    expect(times).toBe(3);
  });

  test.each<[string, (visitor: Visitor) => void, string[]]>([
    ['an emit to one', ({ session }) => session.emit('2'), ['1', '2']],
    ['an emit to a room', () => home.server.to('a').emit('2'), ['1', '2']],
    ['an emit to a user', () => home.server.user('u').emit('2'), ['1', '2']],
    ['an emit with exceptions', () => home.server.except('z').emit('2'), ['1', '2']],
    ['a volatile emit', ({ session }) => session.volatile.emit('2'), ['1', '2']],
    ['the end of the session', (visitor) => end(visitor), ['1']],
  ])('what is held goes before %s', async (_name, act, received) => {
    const visitors = [enter('s0', ['a'], 'u'), enter('s1', ['a'], 'u')];
    home.server.emit('1');
    act(visitors[1] as Visitor);
    await Promise.resolve();
    expect(visitors[1]?.client.received).toEqual(received);
    expect(visitors[0]?.client.received[0]).toBe('1');
  });

  test('who joins or leaves after a broadcast changes nothing about it', async () => {
    const [stays, leaves, joins] = [enter('0', ['a']), enter('1', ['a']), enter('2')];
    home.server.to('a').emit('1');
    leaves.session.leave('a');
    joins.session.join('a');
    const late = enter('3', ['a']);
    await Promise.resolve();
    expect(receivedBy([stays, leaves, joins, late])).toEqual([['1'], ['1'], [], []]);
  });

  test('broadcasts to several rooms keep the order of the calls', async () => {
    const { client } = enter('s', ['a', 'b']);
    const names = Array.from({ length: 20 }, (_, index) => `${index}`);
    for (const [index, name] of names.entries()) {
      home.server.to(['a', 'b', 'a', 'a'][index % 4] as string).emit(name);
    }
    await Promise.resolve();
    expect(client.received).toEqual(names);
  });

  // After the call, as the contract of Carrier says: who delivers is walking the room.
  test('clients that end because they were sent something hold up nobody', async () => {
    const visitors = enterAll(6);
    for (const visitor of [visitors[0], visitors[3], visitors[5]] as Visitor[]) {
      visitor.client.beforeTaking = () => queueMicrotask(() => end(visitor));
    }
    home.server.emit('x');
    home.server.emit('y');
    await Bun.sleep(0);
    expect(receivedBy(visitors)).toEqual(Array(6).fill(['x', 'y']));
    expect(home.server.localCount).toBe(3);
  });
});

describe('acks', () => {
  const lastAckId = ({ client }: Visitor): number => client.ackIds.at(-1) as number;

  test('the first value of the answer is the result', async () => {
    const visitor = enter('s');
    const result = visitor.session.emitWithAck('ask');
    core.acks.answer(visitor.session, lastAckId(visitor), ['yes']);
    expect(await result).toBe('yes');
    expect(visitor.session.openAcks).toBeUndefined();
  });

  test('strangers, other questions and second answers do not count', async () => {
    const [asked, stranger] = enterAll(2) as [Visitor, Visitor];
    const first = asked.session.emitWithAck('ask');
    const id = lastAckId(asked);
    const second = asked.session.emitWithAck('ask');
    core.acks.answer(stranger.session, id, ['forged']);
    core.acks.answer(asked.session, id + 1_000, ['unknown']);
    core.acks.answer(asked.session, lastAckId(asked), ['2']);
    core.acks.answer(asked.session, lastAckId(asked), ['again']);
    core.acks.answer(asked.session, id, ['1']);
    core.acks.answer(asked.session, id, ['again']);
    expect([await first, await second]).toEqual(['1', '2']);
    expect([asked.session.openAcks, stranger.session.openAcks]).toEqual([undefined, undefined]);
  });

  test('an answer of undefined is an answer', async () => {
    const visitor = enter('s');
    const result = visitor.session.emitWithAck('ask');
    core.acks.answer(visitor.session, lastAckId(visitor), [undefined]);
    expect(await result).toBeUndefined();
  });

  test('those who never answer take nothing from the others', async () => {
    const [silent, prompt] = enterAll(2) as [Visitor, Visitor];
    const questions: Promise<unknown>[] = [];
    for (let i = 0; i < LIMITS.openAcksPerSession; i++) {
      questions.push(rejection(silent.session.timeout(60_000).emitWithAck('ask')));
    }
    const tooMany = silent.session.timeout(60_000).emitWithAck('ask');
    expect(await rejection(tooMany)).toBeInstanceOf(RangeError);
    const result = prompt.session.emitWithAck('ask');
    core.acks.answer(prompt.session, lastAckId(prompt), ['yes']);
    expect(await result).toBe('yes');
    const all = home.server.timeout(60_000).local.emitWithAck('ask');
    core.acks.answer(prompt.session, lastAckId(prompt), ['yes']);
    expect(((await rejection(all)) as AckTimeoutError).values).toEqual(['yes']);
    expect(fake.budget.heldBytes).toBe(LIMITS.openAcksPerSession * LIMITS.openAckBytes);
    end(silent);
    expect(await Promise.all(questions)).toHaveLength(LIMITS.openAcksPerSession);
    expect(fake.budget.heldBytes).toBe(0);
  });

  test('answers count until all have come, and those that hold too much settle early', async () => {
    const visitors = enterAll(3) as [Visitor, Visitor, Visitor];
    const share = fake.budget.limitBytes / 3;
    const whole = home.server.timeout(60_000).local.emitWithAck('ask');
    const open = LIMITS.openAckBytes;
    core.acks.answer(visitors[0].session, lastAckId(visitors[0]), ['a'], share);
    expect(fake.budget.heldBytes).toBe(share + 2 * open);
    core.acks.answer(visitors[1].session, lastAckId(visitors[1]), ['b'], share);
    core.acks.answer(visitors[2].session, lastAckId(visitors[2]), ['c'], share);
    expect([await whole, fake.budget.heldBytes]).toEqual([['a', 'b', 'c'], 0]);
    const cut = rejection(home.server.timeout(60_000).local.emitWithAck('ask'));
    core.acks.answer(visitors[0].session, lastAckId(visitors[0]), ['a'], 2 * share);
    core.acks.answer(visitors[1].session, lastAckId(visitors[1]), ['b'], 2 * share);
    expect(((await cut) as AckTimeoutError).values).toEqual(['a', 'b']);
    expect(fake.budget.heldBytes).toBe(0);
    expect(fake.refusals.totals()).toEqual({ memoryBudget: 1 });
  });

  test('silence ends at the timeout', async () => {
    const { session } = enter('s');
    expect(await rejection(session.emitWithAck('ask'))).toBeInstanceOf(AckTimeoutError);
    expect(await rejection(session.timeout(1).emitWithAck('ask'))).toBeInstanceOf(AckTimeoutError);
    expect(session.openAcks).toBeUndefined();
  });

  test('a session that ends, or is over, is not waited for', async () => {
    const visitor = enter('s');
    const result = rejection(visitor.session.timeout(60_000).emitWithAck('ask'));
    end(visitor);
    expect(await result).toBeInstanceOf(AckTimeoutError);
    const late = visitor.session.timeout(60_000).emitWithAck('ask');
    expect(await rejection(late)).toBeInstanceOf(AckTimeoutError);
  });

  test('a broadcast gathers the answers of all workers', async () => {
    const visitors = enterAll(3);
    link.answer('far');
    const result = home.server.timeout(60_000).emitWithAck('ask');
    for (const visitor of visitors) {
      core.acks.answer(visitor.session, lastAckId(visitor), [visitor.session.id]);
    }
    expect(new Set(await result)).toEqual(new Set(['s0', 's1', 's2', 'far']));
  });

  test('a broadcast tells who answered when some did not', async () => {
    const visitors = enterAll(3) as [Visitor, Visitor, Visitor];
    link.answers = Promise.resolve({ items: ['far'], missing: 2, silent: [7] });
    const result = rejection(home.server.timeout(10).emitWithAck('ask'));
    core.acks.answer(visitors[0].session, lastAckId(visitors[0]), ['near']);
    end(visitors[1]);
    const error = (await result) as AckTimeoutError;
    expect(error).toBeInstanceOf(AckTimeoutError);
    expect(new Set(error.values)).toEqual(new Set(['near', 'far']));
    expect(error.message).toBe('no ack from 4 of 6 session(s), no answer from worker 7');
    expect(error.workers).toEqual([7]);
  });

  test('a broadcast to nobody is answered by nobody, at once', async () => {
    expect(await home.server.timeout(60_000).to('empty').emitWithAck('ask')).toEqual([]);
  });

  test('a question that cannot be sent leaves nothing open', async () => {
    const { session } = enter('s');
    expect(await rejection(session.timeout(60_000).emitWithAck('ask', 1n))).toBeInstanceOf(
      TypeError,
    );
    expect(session.openAcks).toBeUndefined();
  });

  // Each would be an uncaught error of the worker.
  test('questions that cannot be sent reject once, to whoever asked', async () => {
    enter('s');
    const stray: unknown[] = [];
    const note = (error: unknown): void => void stray.push(error);
    process.on('unhandledRejection', note);
    link.answers = Promise.reject(new Error('the bus is full'));
    link.answers.catch(() => {});
    const full = rejection(home.server.timeout(20).emitWithAck('ask'));
    expect(await rejection(home.server.emitWithAck('connect'))).toBeInstanceOf(TypeError);
    expect(await full).toBeInstanceOf(Error);
    link.request = () => {
      throw new TypeError('cannot be cloned');
    };
    expect(await rejection(home.server.emitWithAck('ask', 1n))).toBeInstanceOf(TypeError);
    await Bun.sleep(1);
    process.off('unhandledRejection', note);
    expect(stray).toEqual([]);
  });
});

describe('other workers', () => {
  test('their sessions are shown like those of this one', async () => {
    const { session } = enter('s', ['a'], 'u');
    session.data = { near: true };
    const far = { id: 'f', user: undefined, rooms: ['b'], data: { near: false } };
    link.answer(far);
    const found = await home.server.fetchSessions();
    expect(found.map(describeFound)).toEqual([
      ['s', 'u', ['a'], { near: true }],
      describeFound(far),
    ]);
    found[1]?.join('c');
    found[1]?.emit('x');
    expect(link.said).toEqual([
      ['join', ['f']],
      ['["x"]', ['f']],
    ]);
    link.answer(5, 6);
    expect(await home.server.count()).toBe(12);
  });

  test('are named when they do not answer, with what the others did', async () => {
    enter('s', ['a']);
    link.answers = Promise.resolve({ items: [5], missing: 0, silent: [1, 3] });
    const count = (await rejection(home.server.count())) as PartialAnswerError<number>;
    expect(count).toBeInstanceOf(PartialAnswerError);
    expect([count.partial, count.workers]).toEqual([6, [1, 3]]);
    expect(count.message).toBe('no whole answer from workers 1, 3');

    link.answers = Promise.resolve({ items: [], missing: 0, silent: [2] });
    const error = await rejection(home.server.in('a').fetchSessions());
    const { partial } = error as PartialAnswerError<RemoteSession[]>;
    expect(partial.map(({ id }) => id)).toEqual(['s']);

    link.answers = Promise.resolve({ items: ['x'], missing: 0, silent: [2] });
    const told = await rejection(home.server.serverSideEmitWithAck('e'));
    expect(told).toMatchObject({ partial: ['x'], workers: [2] });

    const asked = await rejection(home.server.to('nowhere').emitWithAck('e'));
    expect(asked).toBeInstanceOf(AckTimeoutError);
    expect(asked).toMatchObject({ values: ['x'], workers: [2] });
    expect(await home.server.local.count()).toBe(1);
  });

  test('are told of a session whose data cannot travel, and of why', async () => {
    const { session } = enter('s', ['a'], 'u');
    session.data = { secret: 1, call: () => {} };
    const target = { rooms: [], users: [], except: [] };
    const { items, standIn } = await core.receiveRequest('/', target, { kind: 'sessions' });
    const told = standIn?.(items[0], 'it cannot be cloned');
    expect(told).toEqual({
      id: 's',
      user: 'u',
      rooms: ['a'],
      data: undefined,
      dataError: 'it cannot be cloned',
    });
  });

  test('their commands and events are obeyed', () => {
    const visitors = [enter('0', ['a']), enter('1')];
    const target = { rooms: ['a'], users: [], except: [] };
    core.receiveCommand('/', target, { kind: 'join', rooms: ['b'] });
    core.receiveCommand('/', target, { kind: 'leave', rooms: ['a'] });
    core.receiveCommand('/unknown', target, { kind: 'disconnect', close: true });
    expect(visitors[0]?.session.rooms).toEqual(['b']);
    core.receiveCommand('/', { ...target, rooms: ['b'] }, { kind: 'disconnect', close: false });
    expect(receivedBy(visitors)).toEqual([['(end)'], []]);
  });

  // An exception would end the connection of this worker to the bus.
  test('a command that cannot be obeyed harms nobody', () => {
    const names = Array.from({ length: MAX_ROOMS }, (_, index) => `room ${index}`);
    enter('full', names);
    const { session } = enter('free', ['room 0']);
    const target = { rooms: ['room 0'], users: [], except: [] };
    core.receiveCommand('/', target, { kind: 'join', rooms: ['one more'] });
    expect(session.rooms).toContain('one more');
  });
});

const describeFound = ({
  id,
  user,
  rooms,
  data,
}: Pick<RemoteSession, 'id' | 'user' | 'rooms' | 'data'>): unknown[] => [id, user, rooms, data];

/** What a promise rejects with; fails when it resolves. */
async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('the promise did not reject');
}
