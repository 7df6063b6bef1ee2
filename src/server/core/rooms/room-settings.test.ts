import { expect, test } from 'bun:test';
import { fitsPattern, PLAIN_ROOM, RoomSettingsTable } from './room-settings.ts';

const kept = (messages: number): typeof PLAIN_ROOM => ({
  ...PLAIN_ROOM,
  recovery: true,
  history: { messages, seconds: 60 },
});

test('the pattern with most other characters holds, a whole name before all', () => {
  const table = new RoomSettingsTable({
    '*': kept(1),
    'match:*': kept(2),
    'match:*:chat': kept(3),
    'match:7:chat': kept(4),
    '7': kept(5),
  });
  const sizeOf = (room: string): number | undefined => table.of(room).history?.messages;
  expect(['x', 'match:7', 'match:8:chat', 'match:7:chat', '7', 'match:'].map(sizeOf)).toEqual([
    1, 2, 3, 4, 5, 2,
  ]);
});

test('rooms that no pattern fits are plain', () => {
  const table = new RoomSettingsTable({ 'a:*': kept(1) });
  expect(table.of('b:a:')).toBe(PLAIN_ROOM);
  expect(new RoomSettingsTable({}).of('a:')).toBe(PLAIN_ROOM);
  expect([table.keepsHistory, table.recovers, table.hasPresence]).toEqual([true, true, false]);
});

test('what the star stands for', () => {
  const table = new RoomSettingsTable({ 'inbox:*:new': kept(1), all: kept(1) });
  expect(table.starOf('inbox:u1:new')).toBe('u1');
  expect(table.starOf('inbox::new')).toBe('');
  expect(table.starOf('inbox:new')).toBeUndefined();
  expect(table.starOf('all')).toBeUndefined();
});

test.each([
  ['a*b', 'ab', true],
  ['a*a', 'a', false],
  ['*', '', true],
  ['a', 'ab', false],
  ['a.c', 'abc', false],
])('%s and %s: %p', (pattern, name, fits) => {
  expect(fitsPattern(pattern, name)).toBe(fits);
});
