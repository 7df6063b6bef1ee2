/**
 * What is kept of sessions so that they can be taken up again, on any worker, after their
 * connection was cut or their worker was killed.
 *
 *     worker: joins, leaves, data ─▶ controller, while the session lives
 *     client comes back ─▶ any worker ─take─▶ controller ─▶ the worker that still has it: let go
 *
 * A worker reports sessions that are in a room with `recovery`; the others cost nothing.
 */

import type { Carrier } from './carrier.ts';

/**
 * How a session came into a room, which says how it comes into it again: what its handlers joined
 * is restored, what an admission gave has to be given again, what the client asked for is judged
 * again.
 */
export const ROOM_ORIGIN = { app: 0, admission: 1, client: 2 } as const;

export type RoomOrigin = (typeof ROOM_ORIGIN)[keyof typeof ROOM_ORIGIN];

export interface SnapshotRoom {
  readonly name: string;
  readonly origin: RoomOrigin;
  /** What was said to it up to this offset was not for the session; `undefined`: not known. */
  readonly after: number | undefined;
}

export interface SessionSnapshot {
  readonly id: string;
  readonly namespace: string;
  readonly user: string | undefined;
  readonly rooms: readonly SnapshotRoom[];
  /** `session.data` as a structured clone; `undefined` when it was never set. */
  readonly data: Uint8Array | undefined;
}

/** A session that a client wants to have again, and who it is now. */
export interface SessionClaim {
  readonly id: string;
  readonly namespace: string;
  readonly user: string | undefined;
}

/** A session as its worker reports it. */
export interface ReportedSession {
  readonly id: string;
  readonly namespace: string;
  readonly user: string | undefined;
  readonly connected: boolean;
  readonly storedData: unknown;
  readonly carrier: Carrier;
  /** Its rooms, with how it came into each. @param last so many, that it came into last */
  origins(last?: number): readonly (readonly [room: string, origin: RoomOrigin])[];
}

/**
 * Reports the sessions of this worker that can be recovered. Calls MUST be cheap and MUST NOT
 * throw; they come in the order of what they report.
 */
export interface SessionReports {
  /**
   * Its rooms have changed.
   *
   * @param isRecoverable whether it is in a room with recovery now
   */
  roomsChanged(session: ReportedSession, isRecoverable: boolean, change: RoomsChange): void;
  /** A handler has run, and may have changed its data. */
  touched(session: { readonly id: string }): void;
  /** @param isCut its client may come back */
  ended(session: ReportedSession, isCut: boolean): void;
}

export interface RoomsChange {
  readonly joined: readonly string[];
  readonly left: readonly string[];
  /** Of those joined, the ones that this worker heard of only now. */
  readonly fresh: readonly string[];
  /**
   * Of those joined, what was said up to an offset was not for the session or had come to its
   * client. What came after may be on its way still: it does not count as said before.
   */
  readonly afters?: ReadonlyMap<string, number> | undefined;
}

/** Sessions of a namespace: those of a user, those in a room, or one. */
export interface Whom {
  readonly user?: string | undefined;
  readonly room?: string | undefined;
  /** Its id. */
  readonly session?: string | undefined;
}

/**
 * What one node keeps. Implementations: `embedded` (in the controller). One suite of tests runs on
 * all of them (`test/contract/snapshots.ts`).
 *
 * MUST give a session to one caller only. MUST forget those that were cut after the recovery
 * window, and the oldest of them first where the budget is used up. What a dead worker had counts
 * as cut when it died. Whether a client was given a session is judged by the caller
 * (`protocol/recovery-token.ts`); that it is of the same user, here.
 */
export interface Snapshots {
  /** A session lives; it takes the place of what was kept under its id. */
  opened(snapshot: SessionSnapshot, worker: number): void;
  joined(id: string, rooms: readonly SnapshotRoom[]): void;
  left(id: string, rooms: readonly string[]): void;
  changed(id: string, data: Uint8Array | undefined): void;
  /** Its connection was cut: from now on it waits for its client. */
  cut(id: string): void;
  /** It is over for good. */
  over(id: string): void;
  /** Those that wait for their client are over, as far as they are chosen. */
  end(namespace: string, whom: Whom): void;
  workerGone(worker: number): void;
  /** Whether a session is of this user and namespace; `undefined` where there is none. */
  isOf(claim: SessionClaim): boolean | undefined;
  /** The worker that has it, while it lives. */
  workerOf(id: string): number | undefined;
  /** Takes a session that was cut. */
  take(id: string): SessionSnapshot | undefined;
}

/**
 * Sessions of the other nodes, where there are some. A node looks at home first and asks for
 * nothing that it has.
 *
 * Implementations: `ClusterSessions`, over Redis and other nodes. Its suite of tests is
 * `test/contract/sessions-elsewhere-suite.ts`.
 *
 * MUST give a session to one caller only, of whatever node, and only to who is of its user. MUST
 * have the node that has it let go of it, while that answers; and MUST find what a node had that
 * does not.
 */
export interface SessionsElsewhere {
  /** Whether another node is likelier to have it than this one: it has made the id. */
  mayHave(id: string): boolean;
  /** Takes a session. Never rejects: one that cannot be had now is none. */
  find(claim: SessionClaim): Promise<SessionSnapshot | undefined>;
  /**
   * Those that wait for their client are over on all nodes, this one too, and of nodes that are
   * gone. Never rejects.
   */
  end(namespace: string, whom: Whom): Promise<void>;
}
