/** Names of rooms and users: checked once, where the app gives them. */

import { LIMITS } from '../limits/limits.ts';
import { NameMap } from './name-map.ts';

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

/** One name or several, checked. */
export function toList(names: string | readonly string[]): readonly string[] {
  return typeof names === 'string' ? [checkKey(names)] : names.map(checkKey);
}

/** So few are compared with each other. */
const FEW = 16;

/** Each name once, in the order of their coming. */
export function distinct(names: readonly string[]): readonly string[] {
  if (names.length < 2) return names;
  if (names.length <= FEW) return names.filter((name, at) => names.indexOf(name) === at);
  const seen = new NameMap<true>();
  for (const name of names) seen.set(name, true);
  return [...seen.keys()];
}

/** @throws TypeError when a name cannot be a room or a user */
export function checkKey(name: string): string {
  const isKey = typeof name === 'string' && name.length > 0 && name.length <= LIMITS.keyLength;
  if (isKey) return name;
  throw new TypeError(
    `a room, session id or user must be a string of 1 to ${LIMITS.keyLength} characters`,
  );
}
