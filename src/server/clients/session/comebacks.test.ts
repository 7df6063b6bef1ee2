/** What clients that come back are given, by what they present and what the history answers. */

import { beforeEach, expect, test } from 'bun:test';
import { FakeCore } from '../../../../test/support/fake-core.ts';
import type { MissedAnswer, MissedMessage } from '../../core/contracts/history-link.ts';
import type { SessionSnapshot, SnapshotRoom } from '../../core/contracts/snapshots.ts';
import { EncodedEvent } from '../../core/delivery/encoded-event.ts';
import { PLAIN_ROOM, RoomSettingsTable } from '../../core/rooms/room-settings.ts';
import { recoveryToken } from '../../protocol/recovery-token.ts';
import { SessionIdFactory } from '../../protocol/session-id.ts';
import { type Comeback, Comebacks, type Comer } from './comebacks.ts';

const KEY = 'k'.repeat(43);
const KEPT = { ...PLAIN_ROOM, recovery: true, history: { messages: 9, seconds: 9 } };
const ID = new SessionIdFactory(1, 0).create(1);

let core: FakeCore;
let asked: readonly { readonly key: string; readonly after: number }[];
let answer: MissedAnswer | undefined;
let kept: SessionSnapshot | undefined;
let comebacks: Comebacks;

beforeEach(() => {
  core = new FakeCore(50);
  kept = undefined;
  answer = missed([], 20);
  comebacks = newComebacks(0);
});

function newComebacks(lagMs: number): Comebacks {
  return new Comebacks({
    settings: new RoomSettingsTable({ 'a:*': KEPT, '': KEPT }),
    recoveryKey: KEY,
    lagMs,
    history: {
      epoch: 'e',
      since: (places, done) => {
        asked = places;
        done(answer);
      },
      take: (_id, done) => {
        done(kept);
        kept = undefined;
      },
      giveBack: (snapshot) => {
        kept = snapshot;
      },
      dataOf: () => undefined,
    },
  });
}

function missed(messages: readonly MissedMessage[], latest: number, from = 0): MissedAnswer {
  return { messages, latest, completeFrom: () => from };
}

function message(offset: number, rooms: string[], except: string[] = []): MissedMessage {
  const event = new EncodedEvent('/', `["m",${offset}]`, [], { position: `e-${offset}` });
  return { offset, target: { rooms, users: [], except }, event };
}

const comer = (wish: Comer['wish'], rooms: readonly string[] = ['a:1'], user?: string): Comer => ({
  home: core.home,
  user,
  rooms,
  wish,
});

const snapshot = (rooms: readonly SnapshotRoom[], user?: string): SessionSnapshot => ({
  id: ID,
  namespace: '/',
  user,
  rooms,
  data: undefined,
});

const room = (name: string, after: number | undefined): SnapshotRoom => ({
  name,
  origin: 0,
  after,
});

function back(one: Comer, found?: SessionSnapshot, rooms = one.rooms): Comeback {
  let comeback: Comeback | undefined;
  comebacks.askMissed(one, found, rooms, (given) => {
    comeback = given;
  });
  return comeback as Comeback;
}

const offsetsOf = ({ missed: events }: Comeback): (string | undefined)[] =>
  events.map(({ mark }) => mark);

const NOTHING = { token: undefined, position: undefined };

test('who comes for the first time is asked about only where its rooms are not heard', () => {
  const isNeeded = (...rooms: string[]): boolean => comebacks.isNeeded(core.home, rooms, NOTHING);
  expect(isNeeded('a:1')).toBe(true);
  core.enter('s', ['a:1']);
  expect([isNeeded('a:1'), isNeeded('a:1', 'a:2'), isNeeded('b:1')]).toEqual([false, true, false]);
});

test('a newcomer is given nothing, and a place', () => {
  answer = missed([message(19, ['a:1'])], 20, 15);
  const given = back(comer(NOTHING));
  expect(given).toEqual({
    missed: [],
    isRecovered: false,
    lack: undefined,
    position: 'e-20',
  });
  expect(asked.map(({ after }) => after)).toEqual([
    Number.MAX_SAFE_INTEGER,
    Number.MAX_SAFE_INTEGER,
  ]);
});

test('without an answer nothing is said of a place', () => {
  answer = undefined;
  expect(back(comer(NOTHING))).toMatchObject({ position: undefined, lack: undefined });
  expect(back(comer({ token: undefined, position: 'e-3' }))).toMatchObject({ lack: 'unanswered' });
});

test('a position gives what came after it in its rooms and for everyone', () => {
  const others = [message(12, ['a:2']), message(13, []), message(14, ['a:2', 'a:1'])];
  answer = missed([message(11, ['a:1']), ...others, message(15, ['a:1'], ['a:1'])], 20);
  const given = back(comer({ token: undefined, position: 'e-11' }));
  expect(offsetsOf(given)).toEqual(['e-13', 'e-14']);
  expect(given).toMatchObject({ isRecovered: true, position: 'e-11' });
});

test('what is said in another namespace is not for it, though others asked for that', () => {
  const event = new EncodedEvent('/b', '["m",12]', [], { position: 'e-12' });
  const other = { ...message(12, ['a:1']), event };
  answer = missed([message(11, ['a:1']), other, message(13, ['a:1'])], 20);
  const given = back(comer({ token: undefined, position: 'e-10' }));
  expect(offsetsOf(given)).toEqual(['e-11', 'e-13']);
});

test.each([
  ['e-9', 'that is older than what is kept', 'history'],
  ['e-21', 'of the future', 'behind'],
  ['f-15', 'of another history', 'history'],
  ['e-1e3', 'that is none', 'history'],
  [{}, 'that is no text', 'history'],
] as const)('%p, a position %s', (position, _, lack) => {
  answer = missed([message(12, ['a:1'])], 20, 10);
  expect(back(comer({ token: undefined, position }))).toMatchObject({
    missed: [],
    isRecovered: false,
    lack,
  });
});

test('of a session what was said before it came into a room was not for it', () => {
  answer = missed([message(11, ['a:1']), message(12, ['a:2']), message(16, ['a:2'])], 20, 5);
  const found = snapshot([room('a:1', 8), room('a:2', 14), room('', 8)]);
  const rooms = ['a:1', 'a:2'];
  const wish = { token: 'given', position: 'e-10' };
  expect(offsetsOf(back(comer(wish, rooms), found, rooms))).toEqual(['e-11', 'e-16']);
  // Who presents no position has been given nothing that had one.
  const first = { token: 'given', position: 'just a text' };
  const given = back(comer(first, rooms), found, rooms);
  expect([offsetsOf(given), given.position]).toEqual([['e-11', 'e-16'], 'e-8']);
  // A room that is given now, and was not before, has nothing that was missed.
  answer = missed([message(12, ['a:3'])], 20, 5);
  const more = [...rooms, 'a:3'];
  expect(offsetsOf(back(comer(wish, more), found, more))).toEqual([]);
});

test('a room of which it is not known since when, without a position, is a loss', () => {
  const found = snapshot([room('a:1', undefined), room('', 3)]);
  const wish = { token: 'given', position: undefined };
  expect(back(comer(wish), found)).toMatchObject({ lack: 'history' });
  expect(back(comer({ ...wish, position: 'e-4' }), found)).toMatchObject({ isRecovered: true });
});

test('what a session was left out of stays so', () => {
  answer = missed([message(11, ['a:1'], [ID]), message(12, ['a:1'], ['x'])], 20);
  const found = snapshot([room('a:1', 8), room('', 8)]);
  expect(offsetsOf(back(comer({ token: 'given', position: 'e-10' }), found))).toEqual(['e-12']);
});

test('a token without its session is a loss', () => {
  const given = back(comer({ token: 'given', position: 'e-20' }), undefined);
  expect(given).toMatchObject({ isRecovered: false, lack: 'session' });
});

test('a session is taken by its token, and by its user alone', async () => {
  const token = recoveryToken(KEY, ID);
  kept = snapshot([room('a:1', 1)], 'ada');
  const wish = { token, position: undefined };
  expect(await comebacks.take(comer(wish, [], 'eve'))).toBeUndefined();
  expect(await comebacks.take(comer(wish, []))).toBeUndefined();
  const forged = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`;
  for (const other of [forged, ID, '', 7, {}, recoveryToken('x', ID)]) {
    expect(await comebacks.take(comer({ ...wish, token: other }, [], 'ada'))).toBeUndefined();
  }
  expect(await comebacks.take(comer(wish, [], 'ada'))).toMatchObject({ id: ID });
  expect(await comebacks.take(comer(wish, [], 'ada'))).toBeUndefined();
});

test('who is ahead of its node is told when that has read as far', async () => {
  comebacks = newComebacks(5_000);
  answer = missed([], 20);
  const { promise, resolve } = Promise.withResolvers<Comeback>();
  const wish = { token: undefined, position: 'e-25' };
  comebacks.askMissed(comer(wish), undefined, ['a:1'], resolve);
  answer = missed([message(25, ['a:1']), message(26, ['a:1'])], 26);
  const comeback = await promise;
  expect(comeback.isRecovered).toBe(true);
  expect(comeback.missed).toHaveLength(1);
});

test('who stays ahead of its node was not recovered', async () => {
  comebacks = newComebacks(1);
  const { promise, resolve } = Promise.withResolvers<Comeback>();
  const wish = { token: undefined, position: 'e-25' };
  comebacks.askMissed(comer(wish), undefined, ['a:1'], resolve);
  expect(await promise).toMatchObject({ isRecovered: false, lack: 'behind' });
});
