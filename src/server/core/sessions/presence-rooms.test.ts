/** How many rooms with presence a session may be in. */

import { expect, test } from 'bun:test';
import { FakeCore } from '../../../../test/support/fake-core.ts';
import { LIMITS } from '../limits/limits.ts';
import { PLAIN_ROOM, RoomSettingsTable } from '../rooms/room-settings.ts';
import { tooManyWithPresence } from './presence-rooms.ts';

test('everyone of a namespace is none of them, where all rooms have presence', () => {
  const rooms = { '*': { ...PLAIN_ROOM, presence: true } };
  const { session } = new FakeCore(50, {}, undefined, rooms).enter('s');
  const names = Array.from({ length: LIMITS.presenceRoomsPerSession }, (_, at) => `r${at}`);
  const settings = new RoomSettingsTable(rooms);
  expect(tooManyWithPresence(session, names, settings)).toBeUndefined();
  expect(tooManyWithPresence(session, [...names, 'more'], settings)).toBeString();
});
