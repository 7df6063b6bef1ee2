import { expect, test } from 'bun:test';
import { FakeCore } from '../../../../test/support/fake-core.ts';
import { placesOf, roomsAfter, sumOfPlaces } from './whereabouts.ts';

const ROOMS = 100_000;
const nameOf = (at: number): string => `room ${((at * 7_919) % ROOMS).toString(36)}`;

test('pages of a hundred thousand rooms are those of the sorted list, and each is quick', () => {
  const core = new FakeCore(1_000);
  const names: string[] = [];
  for (let at = 0; at < ROOMS; at += 250) {
    const rooms = Array.from({ length: 250 }, (_, i) => nameOf(at + i));
    core.enter(`s${at}`, rooms);
    names.push(...rooms);
  }
  core.enter('twice', [nameOf(0)]);
  const sorted = names.toSorted((a, b) => (a < b ? -1 : 1));
  let after = '';
  let slowestMs = 0;
  for (let page = 0; page < 5; page++) {
    const beganMs = performance.now();
    const found = roomsAfter(core.home, after, 1_000);
    slowestMs = Math.max(slowestMs, performance.now() - beganMs);
    expect(found.map(([name]) => name)).toEqual(sorted.slice(page * 1_000, (page + 1) * 1_000));
    after = found.at(-1)?.[0] ?? '';
  }
  expect(slowestMs).toBeLessThan(500);
  expect(roomsAfter(core.home, '', 3)[0]).toEqual([nameOf(0), 2]);
  expect(roomsAfter(core.home, sorted.at(-1) as string, 10)).toEqual([]);
  expect(roomsAfter(core.home, sorted.at(-2) as string, 10)).toEqual([
    [sorted.at(-1) as string, 1],
  ]);
});

test('many sessions in many rooms are described up to a bound', () => {
  const core = new FakeCore(1_000);
  const rooms = Array.from({ length: 150 }, (_, at) => `r${at}`);
  for (let at = 0; at < 5; at++) core.enter(`s${at}`, rooms, 'ada');
  core.enter('other', [], 'bob');
  const places = placesOf(core.home, { rooms: [], users: ['ada'], except: [] }, 2);
  expect([places.count, places.sessions.length]).toEqual([5, 2]);
  expect(places.sessions[0]).toMatchObject({ user: 'ada', roomCount: 150, worker: 'w' });
  expect(places.sessions[0]?.rooms).toHaveLength(100);
  expect(sumOfPlaces([places, places, { count: 0, sessions: [] }]).count).toBe(10);
});
