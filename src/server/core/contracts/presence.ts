/**
 * Who is in a room, for rooms with `presence` in the config: users, not sessions, so that five tabs
 * are one. Sessions without a user count, and have no name.
 *
 *     Namespace ─entered, left─▶ PresenceWatch (worker) ─reports, gathered─▶ PresenceStore
 *                                                    changes, once a second a room ─┘
 */

import type { RoomPresence, TransportName } from '../app/app.ts';

/** What one worker knows of a user in a room, as it is now: to say it twice does no harm. */
export interface UserReport {
  readonly user: string;
  /** Sessions of the user in the room on that worker; 0 when there are none left. */
  readonly sessions: number;
  readonly transports: readonly TransportName[];
  /** The last of them left the room, and did not break off: there is no coming back to wait for. */
  readonly hasLeft: boolean;
}

/** What one worker says of a room. */
export interface RoomReport {
  readonly namespace: string;
  readonly room: string;
  /** Sessions without a user in the room on that worker; `undefined` when it is as it was. */
  readonly anonymous: number | undefined;
  readonly users: readonly UserReport[];
}

/** What changed in a room since it was told last. */
export interface PresenceChange {
  readonly namespace: string;
  readonly room: string;
  /** As `RoomPresence` has it. */
  readonly count: number;
  /** Absent, like `left`, where names are not told: who keeps a list has to ask for it anew. */
  readonly joined?: readonly string[];
  readonly left?: readonly string[];
}

/** Takes a change to the members of its room. A rejection means that they did not have it. */
export type TellChange = (change: PresenceChange) => Promise<void>;

/** How much a store knows; for metrics. */
export interface PresenceFigures {
  readonly rooms: number;
  readonly users: number;
  /** Reports of users that were not taken, since what is kept of all has a bound. */
  readonly refused: number;
  /** Changes told to rooms. */
  readonly told: number;
}

/**
 * Implementations: `embedded` (in the controller), and over all nodes, each of which has one and
 * tells the others what its own workers report. One suite of tests runs on both.
 *
 * MUST tell changes of a room once a second at the most, whatever comes and goes, and of rooms with
 * many users, or many changes, the count alone. MUST keep a user for the grace time who was cut
 * off, as if nothing had been, and all users of a worker that is gone likewise, as of a node. MUST
 * be bounded.
 */
export interface PresenceStore {
  /** @param worker number of the worker in its node */
  report(worker: number, rooms: readonly RoomReport[]): void;
  /** The worker is gone, or begins anew. */
  forgetWorker(worker: number): void;
  /** @param most users that the answer names */
  list(namespace: string, room: string, most: number): Promise<RoomPresence>;
  readonly figures: PresenceFigures;
  close(): void;
}

/** What a namespace of a worker shows of itself to who watches its rooms. */
export interface PresenceSource {
  readonly name: string;
  /** The sessions of a user in a room, as far as they are on this worker. */
  sessionsInRoom(user: string, room: string): readonly { readonly transport: TransportName }[];
  /** Sessions of this worker without a user in a room. */
  anonymousInRoom(room: string): number;
}

/** Watches rooms with presence on a worker. MUST be cheap: nothing is sent in the call. */
export interface PresenceWatch {
  /**
   * A session has come into a room or gone out of it, or has changed its transport.
   *
   * @param hasLeft it left the room on purpose
   */
  changed(source: PresenceSource, room: string, user: string | undefined, hasLeft: boolean): void;
}

/** A worker's end of presence: what its namespaces report to, and ask. */
export interface PresenceLink extends PresenceWatch {
  /** Clients are told names in rooms with so many users, and counts only in larger ones. */
  readonly namedUsers: number;
  /** @throws Error when the controller does not answer, or too much is being asked */
  list(namespace: string, room: string, most: number): Promise<RoomPresence>;
}
