import { describe, expect, test } from 'bun:test';
import type { RoomRule } from '../../host/config/rooms.ts';
import { PLAIN_ROOM, RoomSettingsTable } from '../core/rooms/room-settings.ts';
import { ConfiguredRoomRules } from './room-rules.ts';

type Grants = readonly string[] | undefined;

const RULES: readonly RoomRule[] = ['anyone', 'users', 'owner', 'granted', 'nobody'];
const table = new RoomSettingsTable(
  Object.fromEntries(
    RULES.map((rule) => [`${rule}:*`, { ...PLAIN_ROOM, join: rule, publish: rule }]),
  ),
);
const rules = new ConfiguredRoomRules(table);

describe.each(['mayJoin', 'mayPublish'] as const)('%s', (may) => {
  test.each<[RoomRule, string | undefined, Grants, boolean]>([
    ['anyone', undefined, undefined, true],
    ['anyone', undefined, ['anyone:u1'], true],
    ['anyone', 'u1', ['other'], false],
    ['anyone', 'u1', [], false],
    ['users', undefined, undefined, false],
    ['users', 'u2', undefined, true],
    ['users', 'u2', ['users:'], false],
    ['owner', 'u1', undefined, true],
    ['owner', 'u2', undefined, false],
    ['owner', undefined, undefined, false],
    ['owner', 'u1', ['match:*'], false],
    ['granted', 'u1', undefined, false],
    ['granted', undefined, ['granted:*'], true],
    ['granted', 'u1', ['granted:u2'], false],
    ['nobody', 'u1', ['*'], false],
  ])('%s, user %p with %p: %p', (rule, user, grants, expected) => {
    expect(rules[may](user, grants, `${rule}:u1`)).toBe(expected);
  });
});

test('without a rule anyone joins and nobody publishes', () => {
  expect(rules.mayJoin(undefined, undefined, 'x')).toBe(true);
  expect(rules.mayPublish('u1', ['x'], 'x')).toBe(false);
  expect(rules.mayJoin('u1', ['y'], 'x')).toBe(false);
});

test('a name without a star has no owner', () => {
  const settings = { ...PLAIN_ROOM, join: 'owner' } as const;
  const owned = new ConfiguredRoomRules(new RoomSettingsTable({ 'a:*': settings, b: settings }));
  expect(owned.mayJoin(undefined, undefined, 'a:')).toBe(false);
  expect(owned.mayJoin('b', undefined, 'b')).toBe(false);
});
