/**
 * What a kind of client and the keeper of a worker's connections tell each other.
 *
 * A connection with a session, or one that brings requests of sessions, is no stranger. Which ones
 * are is of interest only where many connections have no session, so nothing is kept before.
 */

export interface ConnectionWatch {
  /** Many connections have no session: whoever knows one that has is to `vouch` for it. */
  readonly isWatching: boolean;
  /** A connection carries a session's request, and is no stranger's for so long. */
  vouch(connection: number, seconds: number): void;
  /** The request turned out to be no session's. */
  disown(connection: number): void;
  /** A request without a session has been answered: whether its connection is to end with that. */
  isLastAnswer(connection: number): boolean;
}
