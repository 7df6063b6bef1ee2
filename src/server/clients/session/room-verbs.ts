/**
 * What clients may do with rooms without the app: publish, ask who is there, and, for Socket.IO,
 * join and leave.
 *
 * Plain clients have messages for it. Socket.IO has none, so its clients send events whose names
 * begin with `holdfast:`, to which an app may have handlers of its own: those win.
 *
 *     publish ─▶ rule of the room ─▶ all of the room but the sender, on all workers
 */

import { toList } from '../../core/rooms/key.ts';
import { FORBIDDEN_ROOM, type JoinFault } from '../../core/sessions/asked-joins.ts';
import type { Namespace } from '../../core/sessions/namespace.ts';
import type { NamespaceSession } from '../../core/sessions/namespace-session.ts';
import { RESERVED_EVENTS } from '../../protocol/socketio-packet.ts';
import type { RefusalText } from './refused-packets.ts';

/** Why something was not done; `undefined` when it was. */
export type VerbOutcome = RefusalText | undefined;

/** It was done, and the ack has values. */
export interface VerbAnswer {
  readonly values: readonly unknown[];
}

/** What an event of a Socket.IO client asks for. */
export type RoomVerb = (
  session: NamespaceSession,
  args: readonly unknown[],
) => VerbOutcome | Promise<VerbOutcome | VerbAnswer>;

/** What names of events begin with that mean something to the server itself. */
const OWN_PREFIX = 'holdfast:';
/** What only the server says: who publishes must not be taken for it. */
const OF_THE_SERVER: ReadonlySet<string> = new Set([...RESERVED_EVENTS, 'error', 'presence']);

const FORBIDDEN_LEAVE = 'this room may not be left';
const FORBIDDEN_PUBLISH = 'this room may not be published to';
const FORBIDDEN_EVENT = 'an event of this name may not be published';
const FORBIDDEN_PRESENCE: RefusalText = {
  reason: 'presenceForbidden',
  message: 'it is for members of a room with presence to ask who is there',
};
const UNKNOWN_PRESENCE: RefusalText = {
  reason: 'presenceUnknown',
  message: 'it is not known now who is there',
};
const NO_VERB: RefusalText = {
  reason: 'badMessage',
  message: 'holdfast:join, :leave and :presence take a room, holdfast:publish a room and an event',
};

export interface RoomVerbsOptions {
  readonly namespaces: ReadonlyMap<string, Namespace>;
  /**
   * Clients may join and leave rooms by themselves. Where this is off, as in an app for Socket.IO
   * alone whose rooms are what clients may see, they may so in namespaces whose app has `mayJoin`.
   */
  readonly isOpen: boolean;
}

export class RoomVerbs {
  readonly #options: RoomVerbsOptions;
  readonly #verbs: ReadonlyMap<string, RoomVerb>;

  constructor(options: RoomVerbsOptions) {
    this.#options = options;
    this.#verbs = new Map<string, RoomVerb>([
      [`${OWN_PREFIX}join`, (session, args) => this.#join(session, args)],
      [`${OWN_PREFIX}leave`, (session, args) => this.#leave(session, args)],
      [`${OWN_PREFIX}publish`, (session, args) => this.#publish(session, args)],
      [`${OWN_PREFIX}presence`, (session, args) => this.#presence(session, args)],
    ]);
  }

  /** What an event of a Socket.IO client asks for; `undefined` where the app listens for it. */
  of(session: NamespaceSession, event: string): RoomVerb | undefined {
    if (!event.startsWith(OWN_PREFIX) || session.home.runner.listensFor(event)) return undefined;
    return this.#verbs.get(event);
  }

  /**
   * Sends an event of a client to all others in a room.
   *
   * @throws BusFullError when too much of this session waits already
   */
  publish(
    session: NamespaceSession,
    room: string,
    event: string,
    args: readonly unknown[],
  ): VerbOutcome {
    if (OF_THE_SERVER.has(event) || event.startsWith(OWN_PREFIX)) {
      return { reason: 'publishForbidden', message: FORBIDDEN_EVENT };
    }
    if (this.#homeOf(session)?.mayPublish(session, room) !== true) {
      return { reason: 'publishForbidden', message: FORBIDDEN_PUBLISH };
    }
    return attempt('publishForbidden', () => session.to(room).emit(event, ...args));
  }

  /** Who is in a room that a session is in. */
  async presence(session: NamespaceSession, room: string): Promise<VerbAnswer | RefusalText> {
    try {
      const told = await this.#homeOf(session)?.presenceFor(session, room);
      return told === undefined ? FORBIDDEN_PRESENCE : { values: [told] };
    } catch {
      return UNKNOWN_PRESENCE;
    }
  }

  /** A hook may have to be asked. */
  #join(
    session: NamespaceSession,
    [room, ...more]: readonly unknown[],
  ): VerbOutcome | Promise<VerbOutcome> {
    if (typeof room !== 'string' || more.length > 0) return NO_VERB;
    const home = this.#homeOf(session);
    if (home === undefined || !this.#isOpen(session)) return notJoined(FORBIDDEN_ROOM);
    const fault = attempt('joinForbidden', () => toList(room));
    if (fault !== undefined) return fault;
    const joined = home.askedJoins.join(session, room);
    return joined instanceof Promise ? joined.then(notJoined) : notJoined(joined);
  }

  #leave(session: NamespaceSession, [room, ...more]: readonly unknown[]): VerbOutcome {
    if (typeof room !== 'string' || more.length > 0) return NO_VERB;
    // An app may count on rooms, in an `except`, that only it has its sessions leave.
    if (!this.#isOpen(session)) return notJoined(FORBIDDEN_LEAVE);
    return attempt('joinForbidden', () => session.leave(room));
  }

  #publish(session: NamespaceSession, [room, event, ...args]: readonly unknown[]): VerbOutcome {
    if (typeof room !== 'string' || typeof event !== 'string') return NO_VERB;
    return this.publish(session, room, event, args);
  }

  #presence(
    session: NamespaceSession,
    [room, ...more]: readonly unknown[],
  ): VerbOutcome | Promise<VerbOutcome | VerbAnswer> {
    if (typeof room !== 'string' || more.length > 0) return NO_VERB;
    return this.presence(session, room);
  }

  #isOpen({ home }: NamespaceSession): boolean {
    return this.#options.isOpen || home.runner.judgesJoins;
  }

  #homeOf(session: NamespaceSession): Namespace | undefined {
    return this.#options.namespaces.get(session.namespace);
  }
}

function notJoined(message: JoinFault): VerbOutcome {
  return message === undefined ? undefined : { reason: 'joinForbidden', message };
}

/** Names that cannot be are the client's own doing. */
function attempt(reason: 'joinForbidden' | 'publishForbidden', call: () => unknown): VerbOutcome {
  try {
    call();
    return undefined;
  } catch (fault) {
    if (!(fault instanceof RangeError || fault instanceof TypeError)) throw fault;
    return { reason, message: fault.message };
  }
}
