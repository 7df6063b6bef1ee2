/** The verbs of an app, over all workers of a node: who is chosen, who answers, who obeys. */

import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import type { Socket } from 'socket.io-client';
import { HoldfastProcess } from '../support/holdfast-process.ts';
import {
  ask,
  byWorker,
  Clients,
  heard,
  type Identity,
  operate,
  record,
  refusal,
} from './clients.ts';
import { eventually } from './eventually.ts';

const WORKERS = 4;
/** So many that each worker gets some. */
const CLIENTS = 60;

setDefaultTimeout(60_000);

const clients = new Clients();
let node: HoldfastProcess;
let sockets: readonly Socket[];
let identities: readonly Identity[];
let groups: Map<number, Socket[]>;
/** Carries out the operations of a test. */
let actor: Socket;

interface Found {
  readonly id: string;
  readonly user: string;
  readonly rooms: readonly string[];
  readonly data: unknown;
}

beforeAll(async () => {
  node = await HoldfastProcess.start({
    app: join(import.meta.dir, 'system-app.ts'),
    workers: WORKERS,
  });
});

afterAll(() => node.stop());

/** New clients for each test, since many tests move or end them. */
beforeEach(async () => {
  clients.close();
  await eventually('nobody is left', nobodyIsLeft, (empty) => empty);
  sockets = await clients.connectMany(node.url, CLIENTS, (number) => ({
    transports: [number % 4 === 0 ? 'polling' : 'websocket'],
    auth: { user: `user-${number % 5}`, rooms: [`room-${number % 3}`], data: { number } },
  }));
  identities = await Promise.all(sockets.map((socket) => ask<Identity>(socket, 'whoami')));
  groups = await byWorker(sockets);
  expect(groups.size).toBe(WORKERS);
  actor = sockets[1] as Socket;
});

afterAll(() => clients.close());

test('fetchSessions and count find everyone, with what is known of them', async () => {
  const found = await operate<Found[]>(actor, [['fetchSessions']]);
  const expected = identities.map(({ id, user, rooms }, number) => {
    return { id, user, rooms, data: { number } };
  });
  expect(byId(found)).toEqual(byId(expected as Found[]));
  expect(await operate<number>(actor, [['count']])).toBe(CLIENTS);
  const ofRoom = await operate<Found[]>(actor, [['in', 'room-2'], ['fetchSessions']]);
  expect(idsOf(ofRoom)).toEqual(idsWhere((n) => n % 3 === 2));
  const ofUser = await operate<Found[]>(actor, [['user', 'user-3'], ['fetchSessions']]);
  expect(idsOf(ofUser)).toEqual(idsWhere((n) => n % 5 === 3));
  const rest = [['except', ['room-0', 'room-1']], ['count']] as const;
  expect(await operate<number>(actor, rest)).toBe(where((n) => n % 3 === 2).length);
  expect(await operate<number>(actor, [['to', 'nobody'], ['count']])).toBe(0);
});

test('local stays on the worker of the caller', async () => {
  const mine = neighbours(actor);
  expect(await operate<number>(actor, [['local'], ['count']])).toBe(mine.length);
  expect(await operate<number>(actor, [['localCount']])).toBe(mine.length);
  await expectHearing([['local'], ['emit', 'here']], 'here', (n) => mine.includes(at(n)));
});

test('emit reaches exactly those chosen', async () => {
  await expectHearing([['emit', 'all']], 'all', () => true);
  await expectHearing(
    [
      ['to', 'room-1'],
      ['emit', 'room'],
    ],
    'room',
    (n) => n % 3 === 1,
  );
  await expectHearing(
    [
      ['to', 'room-1'],
      ['to', 'room-2'],
      ['except', 'room-2'],
      ['emit', 'some'],
    ],
    'some',
    (n) => n % 3 === 1,
  );
  const [id] = idsWhere((n) => n === 7);
  await expectHearing(
    [
      ['to', id],
      ['emit', 'one'],
    ],
    'one',
    (n) => n === 7,
  );
  await expectHearing(
    [
      ['except', id],
      ['emit', 'but one'],
    ],
    'but one',
    (n) => n !== 7,
  );
  await expectHearing(
    [
      ['user', 'user-2'],
      ['emit', 'user'],
    ],
    'user',
    (n) => n % 5 === 2,
  );
  // Over WebSocket a client that keeps up takes what may be dropped; one between two polls may not.
  const taken = await hearers([['volatile'], ['emit', 'volatile']], 'volatile');
  expect(taken).toEqual(expect.arrayContaining(where((n) => n % 4 !== 0)));
});

test('what a session sends to a room does not come back to it', async () => {
  const fromActor = async (member: 'to' | 'broadcast', ...args: string[]): Promise<void> => {
    await ask(actor, 'operate', 'session', [
      [member, ...args],
      ['emit', member],
    ]);
  };
  const heardTo = hearing('to');
  const heardBroadcast = hearing('broadcast');
  await fromActor('to', 'room-1');
  await fromActor('broadcast');
  await fence();
  expect(heardTo()).toEqual(where((n) => n % 3 === 1 && n !== 1));
  expect(heardBroadcast()).toEqual(where((n) => n !== 1));
});

test('whoever is made to join hears what is said to the room next', async () => {
  const heardNext = hearing('next');
  // Both from one worker and in one go, as an app writes it: `in(a).join(b); to(b).emit(…)`.
  actor.emit('operate', 'server', [
    ['in', 'room-0'],
    ['join', 'fresh'],
  ]);
  actor.emit('operate', 'server', [
    ['to', 'fresh'],
    ['emit', 'next'],
  ]);
  await ask(actor, 'echo');
  await fence();
  expect(heardNext()).toEqual(where((n) => n % 3 === 0));
});

test('join and leave move sessions of all workers', async () => {
  await operate(actor, [
    ['in', 'room-0'],
    ['join', ['moved', 'twice']],
  ]);
  await expectHearing(
    [
      ['to', 'moved'],
      ['emit', 'to them'],
    ],
    'to them',
    (n) => n % 3 === 0,
  );
  await operate(actor, [
    ['user', 'user-0'],
    ['leave', 'moved'],
  ]);
  const left = (n: number): boolean => n % 3 === 0 && n % 5 !== 0;
  await expectHearing(
    [
      ['to', 'moved'],
      ['emit', 'the rest'],
    ],
    'the rest',
    left,
  );
  await expectHearing(
    [
      ['to', 'twice'],
      ['emit', 'all still'],
    ],
    'all still',
    (n) => n % 3 === 0,
  );
});

test('half a character makes no name, which would be that of another room on the bus', async () => {
  const [first, second] = ['match:\ud800', 'match:\ud801'];
  for (const [number, socket] of sockets.entries()) {
    const room = number % 2 === 0 ? first : second;
    const { error } = await ask<{ error: string }>(socket, 'operate', 'session', [['join', room]]);
    expect(error).toContain('without halves of surrogate pairs');
  }
  const heardTell = hearing('score');
  const told = await operate<{ error: string }>(actor, [
    ['to', first],
    ['emit', 'score'],
  ]);
  expect(told.error).toContain('without halves');
  const sent = await node.publish({ event: 'score', room: first });
  expect(sent.status).toBe(400);
  expect(await sent.text()).toContain('without halves of surrogate pairs');
  await fence();
  expect(heardTell()).toEqual([]);
});

test('a room named like a session id is that of one session, whoever wants in', async () => {
  const [id] = idsWhere((n) => n === 7);
  for (const [number, socket] of sockets.entries()) {
    const told = await ask<{ error: string } | null>(socket, 'operate', 'session', [['join', id]]);
    if (number === 7) expect(told).toBeNull();
    else expect(told?.error).toContain('named like the id of another one');
  }
  await operate(actor, [
    ['in', 'room-0'],
    ['join', id],
  ]);
  const intruder = clients.open(node.url, { auth: { rooms: [id as string] } });
  expect((await refusal(intruder)).message).toBe('internal error');
  await expectHearing(
    [
      ['to', id],
      ['emit', 'private'],
    ],
    'private',
    (n) => n === 7,
  );
});

test('a whole number is the room of its digits, on all workers', async () => {
  for (const socket of sockets.slice(0, 30)) {
    await ask(socket, 'operate', 'session', [['join', 42]]);
  }
  for (const room of [42, '42']) {
    await expectHearing(
      [
        ['to', room],
        ['emit', 'numbered'],
      ],
      'numbered',
      (n) => n < 30,
    );
  }
});

test('disconnect sends those chosen away', async () => {
  const gone = sockets.filter((_, n) => n % 3 === 2);
  const told = gone.map((socket) => heard<string>(socket, 'disconnect'));
  await operate(actor, [['in', 'room-2'], ['disconnect']]);
  expect(await Promise.all(told)).toEqual(gone.map(() => 'io server disconnect'));
  expect(await operate<number>(actor, [['count']])).toBe(CLIENTS - gone.length);
  expect(sockets.filter(({ connected }) => !connected)).toEqual(gone);
});

test('a session found elsewhere can be spoken to, moved and ended', async () => {
  const far = sockets.find((socket) => !neighbours(actor).includes(socket)) as Socket;
  const number = sockets.indexOf(far);
  const it = [['to', far.id], ['fetchSessions'], ['0']] as const;
  await expectHearing([...it, ['emit', 'hello']], 'hello', (n) => n === number);
  await operate(actor, [...it, ['join', 'found']]);
  await expectHearing(
    [
      ['to', 'found'],
      ['emit', 'in'],
    ],
    'in',
    (n) => n === number,
  );
  await operate(actor, [...it, ['leave', 'found']]);
  await expectHearing(
    [
      ['to', 'found'],
      ['emit', 'out'],
    ],
    'out',
    () => false,
  );
  const told = heard<string>(far, 'disconnect');
  await operate(actor, [...it, ['disconnect']]);
  expect(await told).toBe('io server disconnect');
});

test('emitWithAck gathers the acks of all workers', async () => {
  for (const [number, socket] of sockets.entries()) {
    socket.on('question', (add: number, answer: (value: number) => void) => answer(number + add));
  }
  const all = await operate<number[]>(actor, [['emitWithAck', 'question', 100]]);
  expect(all.sort((a, b) => a - b)).toEqual(sockets.map((_, n) => n + 100));
  const some = await operate<number[]>(actor, [
    ['to', 'room-0'],
    ['emitWithAck', 'question', 0],
  ]);
  expect(some.sort((a, b) => a - b)).toEqual(where((n) => n % 3 === 0));
  expect(
    await operate<number[]>(actor, [
      ['to', 'x'],
      ['emitWithAck', 'question', 0],
    ]),
  ).toEqual([]);
});

test('emitWithAck fails at the timeout when one client stays silent', async () => {
  const silent = sockets.find((socket) => !neighbours(actor).includes(socket)) as Socket;
  for (const socket of sockets.filter((other) => other !== silent)) {
    socket.on('question', (answer: (value: string) => void) => answer('yes'));
  }
  const { error } = await operate<{ error: string }>(actor, [
    ['timeout', 1500],
    ['emitWithAck', 'question'],
  ]);
  expect(error).toBe(`no ack from 1 of ${CLIENTS} session(s)`);
  const [id] = idsWhere((n) => at(n) === silent);
  const single = await operate<{ error: string }>(actor, [
    ['to', id],
    ['timeout', 100],
    ['emitWithAck', 'question'],
  ]);
  expect(single.error).toBe('no ack from 1 of 1 session(s)');
});

test('serverSideEmit reaches every other worker, and its acks come back', async () => {
  const others = sockets.filter((socket) => !neighbours(actor).includes(socket));
  const heardTell = record<string>(sockets, 'told');
  await operate(actor, [['serverSideEmit', 'tell', 'told']]);
  await fence();
  const own = (n: number): string | undefined => identities[n]?.workerId;
  expect(heardTell).toEqual(
    sockets.map((socket, n) => (others.includes(socket) ? [own(n) as string] : [])),
  );
  const answers = await operate<{ by: string; value: number }[]>(actor, [
    ['serverSideEmitWithAck', 'double', 21],
  ]);
  const otherWorkers = new Set(others.map((socket) => own(sockets.indexOf(socket)) as string));
  expect(answers.map(({ by }) => by).sort()).toEqual([...otherWorkers].sort());
  expect(answers.map(({ value }) => value)).toEqual(answers.map(() => 42));
  // A worker without a handler gives no answer, and nobody waits for it.
  const { error } = await operate<{ error: string }>(actor, [['serverSideEmitWithAck', 'unknown']]);
  expect(error).toStartWith('no whole answer from worker');
});

test('messages of one sender arrive everywhere in their order', async () => {
  const heardOrder = record<number>(sockets, 'count');
  const numbers = Array.from({ length: 200 }, (_, i) => i);
  for (const i of numbers) actor.emit('operate', 'server', [['emit', 'count', i]]);
  await eventually(
    'all have come',
    () => heardOrder.map((values) => values.length),
    (lengths) => lengths.every((length) => length === numbers.length),
  );
  expect(heardOrder).toEqual(sockets.map(() => numbers));
});

async function nobodyIsLeft(): Promise<boolean> {
  const count = await operate<number>(await clients.connect(node.url), [['count']]);
  clients.close();
  return count === 1;
}

function at(number: number): Socket {
  return sockets[number] as Socket;
}

/** The numbers of the clients for which it holds. */
function where(holds: (number: number) => boolean): number[] {
  return sockets.map((_, number) => number).filter(holds);
}

function idsWhere(holds: (number: number) => boolean): string[] {
  return where(holds)
    .map((number) => at(number).id as string)
    .sort();
}

function idsOf(found: readonly Found[]): string[] {
  return found.map(({ id }) => id).sort();
}

function byId(found: readonly Found[]): Found[] {
  return found.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** The clients of the same worker, itself included. */
function neighbours(socket: Socket): readonly Socket[] {
  return [...groups.values()].find((group) => group.includes(socket)) ?? [];
}

/** Listens for an event; the function returned says which clients have heard it, in order. */
function hearing(event: string): () => number[] {
  const numbers: number[] = [];
  for (const [number, socket] of sockets.entries()) socket.on(event, () => numbers.push(number));
  return () => numbers.sort((a, b) => a - b);
}

async function hearers(
  operation: Parameters<typeof operate>[1],
  event: string,
): Promise<readonly number[]> {
  const heardBy = hearing(event);
  await operate(actor, operation);
  await fence();
  return heardBy();
}

async function expectHearing(
  operation: Parameters<typeof operate>[1],
  event: string,
  isMeant: (number: number) => boolean,
): Promise<void> {
  expect(await hearers(operation, event)).toEqual(where(isMeant));
}

/** Sends everyone an event from the actor's worker, and waits until all have heard it. */
async function fence(): Promise<void> {
  const name = crypto.randomUUID();
  const all = sockets.filter(({ connected }) => connected).map((socket) => heard(socket, name));
  await operate(actor, [['emit', name]]);
  await Promise.all(all);
}
