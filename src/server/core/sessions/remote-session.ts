/** Sessions as `fetchSessions` shows them: a description that travels, and a handle made of it. */

import type { Broadcast, RemoteSession } from '../app/app.ts';

export interface SessionDescription {
  readonly id: string;
  readonly user: string | undefined;
  readonly rooms: readonly string[];
  readonly data: unknown;
  readonly dataError?: string | undefined;
}

/** A session of this worker as its description is made of it. */
export interface DescribedSession extends Omit<SessionDescription, 'data'> {
  /** The data as it is, without making any. */
  readonly storedData: unknown;
}

export function describeSession(session: DescribedSession): SessionDescription {
  return {
    id: session.id,
    user: session.user,
    rooms: session.rooms,
    data: session.storedData ?? {},
  };
}

/** A session whose data cannot travel; all else of it can. */
export function withoutData(item: unknown, reason: string): SessionDescription {
  return { ...(item as SessionDescription), data: undefined, dataError: reason };
}

/**
 * A handle on a session wherever it is.
 *
 * @param itself a broadcast that chooses this session only: a session id is a room of one
 */
export function toRemoteSession(found: SessionDescription, itself: Broadcast): RemoteSession {
  return {
    ...found,
    dataError: found.dataError,
    emit: (event, ...args) => itself.emit(event, ...args),
    join: (room) => itself.join(room),
    leave: (room) => itself.leave(room),
    disconnect: (close) => itself.disconnect(close),
  };
}
