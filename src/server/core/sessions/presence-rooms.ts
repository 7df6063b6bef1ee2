/** Rooms with presence as a namespace sees its own: who is in one, how many one may be in. */

import type { RoomPresence } from '../app/app.ts';
import type { PresenceSource, PresenceWatch } from '../contracts/presence.ts';
import { LIMITS } from '../limits/limits.ts';
import type { Room } from '../rooms/room.ts';
import type { RoomSettingsTable } from '../rooms/room-settings.ts';
import type { NamespaceSession } from './namespace-session.ts';

/**
 * @param session `undefined` for one that is in no room yet
 * @param entering names of rooms that it is not in
 * @returns of what it would have too much; `undefined` if nothing
 */
export function tooManyWithPresence(
  session: NamespaceSession | undefined,
  entering: readonly string[],
  settings: RoomSettingsTable,
): string | undefined {
  const more = entering.filter((name) => settings.of(name).presence).length;
  if (more === 0) return undefined;
  const most = LIMITS.presenceRoomsPerSession;
  const before = session === undefined ? 0 : presenceRooms(session).length;
  return before + more > most ? `more than ${most} rooms with presence` : undefined;
}

/** @throws RangeError when a session would be in more rooms with presence than it may */
export function checkPresenceRooms(
  session: NamespaceSession | undefined,
  entering: readonly string[],
  settings: RoomSettingsTable,
): void {
  const tooMany = tooManyWithPresence(session, entering, settings);
  if (tooMany !== undefined) throw new RangeError(`a session may not be in ${tooMany}`);
}

/** The transport of a session is another now. */
export function tellTransport(
  watch: PresenceWatch,
  source: PresenceSource,
  session: NamespaceSession,
): void {
  if (session.user === undefined) return;
  for (const { name } of presenceRooms(session)) watch.changed(source, name, session.user, false);
}

/** The sessions of one user that are in a room. */
export function sessionsIn(
  room: Room<NamespaceSession> | undefined,
  ofUser: readonly NamespaceSession[],
): readonly NamespaceSession[] {
  return room === undefined ? [] : ofUser.filter(({ memberships }) => memberships.includes(room));
}

/** How many sessions without a user are in a room. */
export function anonymousIn(room: Room<NamespaceSession> | undefined): number {
  let count = 0;
  for (const { user } of room?.members ?? []) if (user === undefined) count++;
  return count;
}

/** A room without `presence` in the config. */
export function withoutPresence(room: string): TypeError {
  return new TypeError(`room '${room}' has no presence: set it in the config key 'rooms'`);
}

/** Who is in a room, as a client is told; without `users` where there are too many to name. */
export interface ToldPresence extends Omit<RoomPresence, 'users'> {
  readonly room: string;
  readonly users?: RoomPresence['users'];
}

/** @param found with as many users as a client may be told of, if there are so many */
export function toldPresence(
  room: string,
  { count, anonymous, users }: RoomPresence,
): ToldPresence {
  const areAll = users.length === count - anonymous;
  return areAll ? { room, count, anonymous, users } : { room, count, anonymous };
}

function presenceRooms({ memberships }: NamespaceSession): Room<NamespaceSession>[] {
  const isPresence = (entry: unknown): entry is Room<NamespaceSession> =>
    typeof entry === 'object' && (entry as Room<NamespaceSession>).settings.presence;
  return memberships.filter(isPresence);
}
