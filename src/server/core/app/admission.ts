/**
 * What `authenticate` may have meant: nothing, or an admission. Whatever else it gave refuses.
 *
 * `false`, `null` or the row of a database are what an app returns that wanted to refuse, or that
 * forgot to look; a session without a user must not come of them.
 */

import { nearest } from '../../../host/foreign/nearest.ts';
import type { Admission, RoomName } from './app.ts';
import { isPlainObject, kindOf } from './plain-object.ts';

const PARTS = ['user', 'rooms', 'data'] as const satisfies readonly (keyof Admission)[];

const ANONYMOUS: Admission = {};

/** @throws TypeError, in words for the log, unless it is an admission */
export function readAdmission(result: unknown): Admission {
  if (result === undefined) return ANONYMOUS;
  if (!isPlainObject(result)) {
    throw new TypeError(
      `authenticate returned ${kindOf(result)}, which refuses the client: to admit one it may ` +
        'return nothing, or an object with user, rooms and data',
    );
  }
  for (const key of Reflect.ownKeys(result)) {
    if (!(PARTS as readonly unknown[]).includes(key)) throw unknownPart(String(key));
  }
  const { user, rooms, data } = result;
  // `{ user: row?.id }` is what a forgotten check looks like.
  if (typeof user !== 'string' && (user !== undefined || Object.hasOwn(result, 'user'))) {
    throw new TypeError(`authenticate returned ${kindOf(user)} as user, which must be a text`);
  }
  const admission: { -readonly [part in keyof Admission]: Admission[part] } = {};
  if (user !== undefined) admission.user = user;
  if (rooms !== undefined) admission.rooms = readRooms(rooms);
  if (data !== undefined) admission.data = data;
  return admission;
}

function readRooms(rooms: unknown): readonly RoomName[] {
  if (!Array.isArray(rooms)) {
    throw new TypeError(`authenticate returned ${kindOf(rooms)} as rooms, which must be a list`);
  }
  return Array.from(rooms, (room: unknown) => {
    if (typeof room === 'string' || Number.isSafeInteger(room)) return room as RoomName;
    throw new TypeError(`authenticate returned ${kindOf(room)} as a room, which must be a text`);
  });
}

function unknownPart(name: string): TypeError {
  const meant = nearest(name, PARTS);
  const guess = meant === undefined ? '' : `; the nearest is '${meant}'`;
  return new TypeError(
    `authenticate returned an object with '${name}', which is no part of an admission${guess}`,
  );
}
