/** Clients that have been admitted: what they come in with. */

import type { Admitted } from '../../core/contracts/identity.ts';
import { ROOM_ORIGIN, type SessionSnapshot } from '../../core/contracts/snapshots.ts';
import type { OtherRooms } from '../../core/sessions/entry-rooms.ts';
import type { Namespace } from '../../core/sessions/namespace.ts';
import type { NamespaceSession } from '../../core/sessions/namespace-session.ts';
import type { Asked } from './asking.ts';
import type { Comeback } from './comebacks.ts';

/** A client that may come in, as its admission has it. */
export interface Entry extends Asked {
  readonly user: string | undefined;
  /** The rooms that it was given, and those that it asks for. */
  readonly given: readonly string[];
  readonly wanted: readonly string[];
  readonly data: unknown;
  readonly grants: Admitted['grants'];
  readonly expiresAtMs: number | undefined;
}

export interface Entering extends Asked {
  readonly session: NamespaceSession;
  /** Those that its admission gave it. */
  readonly rooms: readonly string[];
  readonly expiresAtMs: number | undefined;
  readonly others: OtherRooms;
  /** Where the history was asked. */
  readonly comeback?: Comeback | undefined;
}

/** The rooms of a session that is taken up again, but those that it has to be given again. */
export async function roomsBefore(
  { home, session, others }: Entering,
  snapshot: SessionSnapshot | undefined,
): Promise<OtherRooms> {
  if (snapshot === undefined) return others;
  const restored: string[] = [];
  const own: string[] = [];
  for (const { name, origin } of snapshot.rooms) {
    if (name === '') continue;
    if (origin === ROOM_ORIGIN.app) restored.push(name);
    else if (origin === ROOM_ORIGIN.client && !others.asked.includes(name)) own.push(name);
  }
  return { asked: [...others.asked, ...(await permitted(home, session, own))], restored };
}

/** Nearly always that is all of them: a hook is asked about each only when it is not. */
async function permitted(
  home: Namespace,
  session: NamespaceSession,
  rooms: readonly string[],
): Promise<readonly string[]> {
  if (rooms.length === 0 || (await home.permits(session, rooms))) return rooms;
  const some: string[] = [];
  for (const room of rooms) if (await home.permits(session, [room])) some.push(room);
  return some;
}
