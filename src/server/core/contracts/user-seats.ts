/**
 * How many sessions a user has in a namespace, counted over all workers, where the config bounds
 * them (`maxSessionsPerUser`). Each session has a seat, by its id.
 *
 *     admissions ─take─▶ SeatLink (worker) ─▶ UserSeats (controller) ─▶ granted, or refused
 *     Namespace.withdraw ─release─▶            └ ends the oldest session, where the config says so
 */

/** A session that is to end, since a newer one of its user took its seat. */
export interface SeatLost {
  /** The node that has it; this one where none is named. */
  readonly node?: number;
  readonly worker: number;
  readonly namespace: string;
  readonly id: string;
}

export interface SeatAnswer {
  readonly isGranted: boolean;
  readonly lost: readonly SeatLost[];
}

/** A session that wants a seat, or has one. */
export interface Seated {
  readonly namespace: string;
  readonly user: string;
  readonly id: string;
}

/**
 * Implementations: `embedded` (in the controller), `redis` (over all nodes). One suite of tests
 * runs on both.
 *
 * MUST decide one after the other what comes at the same moment, so that the bound is exact. MUST
 * give a session that comes again by the same id, as one that is recovered, the seat that it has.
 * MUST free the seats of a worker that is gone, and within 30 s those of a node. What cannot ask
 * the other nodes MUST decide by its own, and put that right when it can.
 */
export interface UserSeats {
  take(worker: number, session: Seated): Promise<SeatAnswer>;
  /** Once for each `take` of it that was granted. */
  release(worker: number, session: Seated): void;
  forgetWorker(worker: number): void;
}

/** A worker's end. */
export interface SeatLink {
  /** The most sessions of a user in a namespace. */
  readonly most: number;
  /**
   * Resolves with whether the session may come in; never rejects. `undefined` when the controller
   * does not say so: the worker then decides by the sessions that it has itself.
   *
   * @param isHere asked when the answer comes too late
   */
  take(session: Seated, isHere: () => boolean): Promise<boolean | undefined>;
  release(session: Seated): void;
  /**
   * A session has its seat and comes in only later. Should it lose it until then, it ends when it
   * is in.
   *
   * @returns what MUST be called once it is in, or never will be
   */
  comes(session: Seated): () => void;
}
