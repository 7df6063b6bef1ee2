/**
 * Joins that a client asks for itself, and that may take a while since a hook is asked.
 *
 * What the client does meanwhile counts: a `leave` of the room, by it or by the app, is later than
 * the join and wins; a session that has ended joins nothing. Nothing is kept of joins that are
 * answered at once, which are all of them where no hook is asked.
 */

import { NameMap } from '../../../host/runtime/name-map.ts';
import { NotNow } from '../app/client-error.ts';
import { ROOM_ORIGIN, type RoomOrigin } from '../contracts/snapshots.ts';
import { LIMITS } from '../limits/limits.ts';
import type { NamespaceSession } from './namespace-session.ts';

/** What a client is told that may not join a room. */
export const FORBIDDEN_ROOM = 'this room may not be joined';

const TOO_MANY = 'too many joins wait for their answer';
const LEFT = 'the room was left before it was joined';

/** Why a client has not joined, in words for it; `undefined` when it has. */
export type JoinFault = string | undefined;

/** What is asked of the namespace. */
interface JoinHome {
  permits(session: NamespaceSession, rooms: readonly string[]): boolean | Promise<boolean>;
  join(session: NamespaceSession, rooms: readonly string[], origin: RoomOrigin): void;
}

/** One room that a session waits for. */
interface Asked {
  isLeft: boolean;
  fault: Promise<JoinFault>;
}

/** All that are asked about for one session. */
interface Waiting {
  readonly rooms: NameMap<Asked>;
  /** Of rooms that were left meanwhile, too: their hooks are under way. */
  open: number;
}

export class AskedJoins {
  readonly #home: JoinHome;
  readonly #bySession: Map<NamespaceSession, Waiting> = new Map();

  constructor(home: JoinHome) {
    this.#home = home;
  }

  /**
   * Has a session join a room that its client asks for.
   *
   * @param room checked as a name
   * @throws what `Namespace.join` throws that is not the client's doing
   */
  join(session: NamespaceSession, room: string): JoinFault | Promise<JoinFault> {
    const waiting = this.#bySession.get(session);
    const asked = waiting?.rooms.get(room);
    if (asked !== undefined) return asked.fault;
    if (waiting !== undefined && waiting.open >= LIMITS.joinsAskedPerSession) return TOO_MANY;
    const permitted = this.#home.permits(session, [room]);
    if (permitted instanceof Promise) return this.#joinLater(session, room, permitted);
    return permitted ? this.#join(session, room) : FORBIDDEN_ROOM;
  }

  /** A session leaves rooms. */
  leave(session: NamespaceSession, rooms: readonly string[]): void {
    if (this.#bySession.size === 0) return;
    const waiting = this.#bySession.get(session);
    if (waiting === undefined) return;
    for (const room of rooms) {
      const asked = waiting.rooms.get(room);
      if (asked !== undefined) asked.isLeft = true;
      waiting.rooms.delete(room);
    }
  }

  #joinLater(
    session: NamespaceSession,
    room: string,
    permitted: Promise<boolean>,
  ): Promise<JoinFault> {
    const waiting = this.#bySession.get(session) ?? { rooms: new NameMap<Asked>(), open: 0 };
    this.#bySession.set(session, waiting);
    const asked: Asked = { isLeft: false, fault: Promise.resolve(undefined) };
    waiting.rooms.set(room, asked);
    waiting.open++;
    asked.fault = this.#settle(session, room, permitted, asked);
    return asked.fault;
  }

  async #settle(
    session: NamespaceSession,
    room: string,
    permitted: Promise<boolean>,
    asked: Asked,
  ): Promise<JoinFault> {
    try {
      if (!(await permitted)) return FORBIDDEN_ROOM;
      // Of one that has ended nobody is told.
      return asked.isLeft || !session.connected ? LEFT : this.#join(session, room);
    } catch (error) {
      if (error instanceof NotNow) return error.message;
      throw error;
    } finally {
      this.#forget(session, room, asked);
    }
  }

  #forget(session: NamespaceSession, room: string, asked: Asked): void {
    const waiting = this.#bySession.get(session) as Waiting;
    if (waiting.rooms.get(room) === asked) waiting.rooms.delete(room);
    if (--waiting.open === 0) this.#bySession.delete(session);
  }

  #join(session: NamespaceSession, room: string): JoinFault {
    try {
      this.#home.join(session, [room], ROOM_ORIGIN.client);
      return undefined;
    } catch (fault) {
      // Rooms beyond `maxRoomsPerSession`, or another session's own: the client's doing.
      if (fault instanceof RangeError || fault instanceof TypeError) return fault.message;
      throw fault;
    }
  }
}
