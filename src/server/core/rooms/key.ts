/**
 * Names of rooms and users: checked once, where the app gives them.
 *
 * Halves of surrogate pairs are refused: UTF-8 cannot hold them, so that on the bus two names with
 * different halves were one, and what was said to one room reached the members of another.
 */

import { NameMap } from '../../../host/runtime/name-map.ts';
import { LIMITS } from '../limits/limits.ts';

/** As the app's contract has it. */
type RoomName = string | number;

/** A room that no session can be in, since names are not empty. */
export const NOBODY: readonly string[] = [''];

/** @throws RangeError when a session would be in more rooms than it may */
export function checkRoomCount(count: number, most: number): void {
  if (count <= most) return;
  throw new RangeError(`a session may be in ${most} rooms at the most (maxRoomsPerSession)`);
}

/** What rooms of one session hold that are more than nearly all sessions have. */
export function roomBytes(count: number): number {
  return Math.max(0, count - LIMITS.freeRooms) * LIMITS.roomBytes;
}

/** One room or several, checked. @throws TypeError when one of them cannot be a room */
export function toList(rooms: RoomName | readonly RoomName[]): readonly string[] {
  return Array.isArray(rooms) ? rooms.map(toRoom) : [toRoom(rooms as RoomName)];
}

/** Whole numbers, such as ids of a database, stand for their digits. */
function toRoom(room: RoomName): string {
  return checkKey(Number.isSafeInteger(room) ? String(room) : (room as string));
}

/** So few are compared with each other. */
const FEW = 16;

/** Each name once, in the order of their coming. */
export function distinct(names: readonly string[]): readonly string[] {
  if (names.length < 2) return names;
  if (names.length <= FEW) return names.every(isFirst) ? names : names.filter(isFirst);
  const seen = new NameMap<true>();
  for (const name of names) seen.set(name, true);
  return [...seen.keys()];
}

function isFirst(name: string, at: number, names: readonly string[]): boolean {
  return names.indexOf(name) === at;
}

/** @throws TypeError when a name cannot be a room or a user */
export function checkKey(name: string): string {
  const isKey = typeof name === 'string' && name.length > 0 && name.length <= LIMITS.keyLength;
  if (isKey && name.isWellFormed()) return name;
  throw new TypeError(
    `a room, session id or user must be a text of 1 to ${LIMITS.keyLength} characters, without ` +
      'halves of surrogate pairs; a room may be a whole number',
  );
}
