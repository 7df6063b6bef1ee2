/** Broadcasts to rooms of more sessions than a slice holds: order, membership, bounds. */

import { beforeEach, describe, expect, test } from 'bun:test';
import { Random } from '../../../../test/fuzz/random.ts';
import { FakeCore, receivedBy, type Visitor } from '../../../../test/support/fake-core.ts';
import { LIMITS } from '../limits/limits.ts';

const SLICE = LIMITS.deliveriesPerSlice;

let fake: FakeCore;

beforeEach(() => {
  fake = new FakeCore(50);
});

const countWith = (visitors: readonly Visitor[], event: string): number =>
  visitors.filter(({ client }) => client.received.includes(event)).length;

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Waits for a turn in which nobody is given anything. */
async function allGiven(): Promise<void> {
  let before: number;
  do {
    before = fake.counters.deliveries;
    await nextTurn();
  } while (fake.counters.deliveries > before);
}

test('a large room is served in slices, with turns of the event loop in between', async () => {
  const visitors = fake.enterAll(3 * SLICE + 1);
  fake.home.server.emit('x');
  await Promise.resolve();
  expect(countWith(visitors, 'x')).toBe(SLICE);
  await nextTurn();
  expect(countWith(visitors, 'x')).toBe(2 * SLICE);
  await allGiven();
  expect(receivedBy(visitors)).toEqual(visitors.map(() => ['x']));
  expect(fake.counters.deliveries).toBe(visitors.length);
});

test('a room of one slice is served at the end of the turn', async () => {
  const visitors = fake.enterAll(SLICE);
  fake.home.server.emit('x');
  await Promise.resolve();
  expect(countWith(visitors, 'x')).toBe(SLICE);
});

test('a slice is so many deliveries, not so many sessions', async () => {
  const visitors = fake.enterAll(SLICE);
  for (let i = 0; i < 10; i++) fake.home.server.emit('x');
  await Promise.resolve();
  expect(countWith(visitors, 'x')).toBe(SLICE / 10);
  await allGiven();
  expect(fake.counters.deliveries).toBe(SLICE * 10);
});

test('the bus knows of a room before anybody is told something in it', () => {
  const { client, session } = fake.enter('s', ['lobby']);
  client.beforeTaking = () => client.received.push(`announced ${fake.link.announcements}`);
  session.join('a');
  const before = fake.link.announcements;
  fake.home.server.local.to('a').emit('x');
  session.leave('lobby');
  expect(client.received).toEqual([`announced ${before + 1}`, 'x']);
});

test('what is said to the same room before its turn comes goes with it', async () => {
  const visitors = fake.enterAll(SLICE + 1);
  fake.home.server.emit('1');
  await Promise.resolve();
  let times = 0;
  for (const { client } of visitors) client.beforeTaking = () => times++;
  fake.home.server.emit('2');
  fake.home.server.emit('3');
  await allGiven();
  expect(receivedBy(visitors)).toEqual(visitors.map(() => ['1', '2', '3']));
  // One is left of the first, and two and three come together.
  expect(times).toBe(1 + visitors.length);
});

describe('in the middle of a large broadcast', () => {
  let visitors: Visitor[];
  /** Served in the first slice. */
  let early: Visitor;
  let late: Visitor;

  beforeEach(async () => {
    visitors = fake.enterAll(3 * SLICE, ['a']);
    fake.home.server.to('a').emit('1');
    await Promise.resolve();
    early = visitors.find(({ client }) => client.received.length === 1) as Visitor;
    late = visitors.find(({ client }) => client.received.length === 0) as Visitor;
  });

  test.each<[string, (visitor: Visitor) => void, string[]]>([
    ['sent to', ({ session }) => session.emit('2'), ['1', '2']],
    ['sent to by its id', ({ session }) => fake.home.server.to(session.id).emit('2'), ['1', '2']],
    ['asked', ({ session }) => void session.emitWithAck('2').catch(() => {}), ['1', '2']],
    ['ended by the server', ({ session }) => session.disconnect(), ['1', '(end)']],
    ['gone', (visitor) => fake.end(visitor), ['1']],
    ['out of the room', ({ session }) => session.leave('a'), ['1']],
    ['into another', ({ session }) => session.join('b'), ['1']],
  ])('who is %s has had it, once', async (_name, act, received) => {
    act(early);
    act(late);
    expect([early.client.received, late.client.received]).toEqual([received, received]);
    await allGiven();
    expect([early.client.received, late.client.received]).toEqual([received, received]);
    expect(countWith(visitors, '1')).toBe(visitors.length);
  });

  test('who comes, or joins, gets none of it, but what is said next', async () => {
    const guest = fake.enter('guest');
    guest.session.join('a');
    const comer = fake.enter('comer', ['a']);
    fake.home.server.to('a').emit('2');
    await allGiven();
    expect(receivedBy([guest, comer, early, late])).toEqual([['2'], ['2'], ['1', '2'], ['1', '2']]);
  });

  test('who is left out of the next is left out of that only', async () => {
    fake.home.server.to('a').except(late.session.id).emit('2');
    late.session.emit('3');
    await allGiven();
    expect(late.client.received).toEqual(['1', '3']);
    expect(early.client.received).toEqual(['1', '2']);
  });

  test('a few are told at once', () => {
    const guest = fake.enter('guest', ['b']);
    late.session.join('b');
    fake.home.server.to('b').emit('2');
    expect([guest.client.received, late.client.received]).toEqual([['2'], ['1', '2']]);
    late.session.to('b').emit('3');
    expect([guest.client.received, late.client.received]).toEqual([
      ['2', '3'],
      ['1', '2'],
    ]);
  });

  test('where more is said than may be held, the oldest is handed out at once', () => {
    for (let i = 1; i < LIMITS.heldEvents; i++) fake.home.server.to('a').emit('more');
    expect(countWith(visitors, '1')).toBe(SLICE);
    fake.home.server.to('a').emit('last');
    expect(countWith(visitors, '1')).toBe(visitors.length);
    expect(countWith(visitors, 'more')).toBe(0);
  });

  test('sets of recipients count as well', () => {
    for (let i = 0; i < LIMITS.heldEventBytes / SLICE / LIMITS.chosenSessionBytes; i++) {
      fake.home.server.except('a').emit('to nobody');
      if (countWith(visitors, '1') === visitors.length) return;
    }
    throw new Error('the sets were held beyond the bound');
  });

  test('more bytes than may be held are handed out at once', () => {
    const half = 'x'.repeat(LIMITS.heldEventBytes / 2);
    fake.home.server.to('a').emit('half', half);
    expect(countWith(visitors, 'half')).toBe(0);
    fake.home.server.to('a').emit('whole', half);
    expect(countWith(visitors, 'whole')).toBe(visitors.length);
  });
});

test('every session gets what was said to it, in order, through a random life', async () => {
  const random = Random.announced('delivery');
  const rooms = ['a', 'b', 'c'];
  const visitors: Visitor[] = [];
  const expected = new Map<Visitor, string[]>();
  const enter = (id: string): void => {
    const visitor = fake.enter(
      id,
      rooms.filter(() => random.chance(0.7)),
      random.pick(['u', 'v']),
    );
    visitors.push(visitor);
    expected.set(visitor, []);
  };
  const say = (name: string, hears: (visitor: Visitor) => boolean): void => {
    for (const visitor of visitors) if (hears(visitor)) expected.get(visitor)?.push(name);
  };
  for (let i = 0; i < 3 * SLICE; i++) enter(`first${i}`);
  for (let step = 0; step < 4_000; step++) {
    const name = `${step}`;
    const one = random.pick(visitors);
    const [room, other] = [random.pick(rooms), random.pick(rooms)];
    const action = random.below(12);
    if (action === 0) {
      say(name, ({ session }) => session.rooms.includes(room));
      fake.home.server.to(room).emit(name);
    } else if (action === 1) {
      say(name, ({ session }) => session.rooms.includes(room) && session !== one.session);
      one.session.to(room).emit(name);
    } else if (action === 2) {
      say(name, ({ session }) => session.rooms.includes(room) || session.user === 'u');
      fake.home.server.to(room).user('u').emit(name);
    } else if (action === 3) {
      const hears = (names: readonly string[]): boolean =>
        names.includes(room) && !names.includes(other);
      say(name, ({ session }) => hears(session.rooms));
      fake.home.server.to(room).except(other).emit(name);
    } else if (action < 6) {
      say(name, (visitor) => visitor === one);
      one.session.emit(name);
    } else if (action === 6) one.session.join(room);
    else if (action === 7) one.session.leave(room);
    else if (action === 8) enter(name);
    else if (action === 9) {
      fake.end(one);
      visitors.splice(visitors.indexOf(one), 1);
    } else await nextTurn();
  }
  await allGiven();
  for (const [visitor, names] of expected) expect(visitor.client.received).toEqual(names);
}, 60_000);
