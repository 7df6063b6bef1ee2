/** How a session comes into its rooms, and whether it may come back for them. */

import type { DisconnectReason } from '../app/app.ts';

/** Ends after which a client may come back for its session. */
export const CUT_BY: ReadonlySet<DisconnectReason> = new Set([
  'transport close',
  'transport error',
  'ping timeout',
  'server shutting down',
  // With a new token, which is judged like any other.
  'session expired',
]);

/** Rooms of a session that comes in beside those which its admission gave. */
export interface OtherRooms {
  /** Its client asked for them, and may join. */
  readonly asked: readonly string[];
  /** Those that handlers had joined, of one that is recovered. */
  readonly restored?: readonly string[] | undefined;
  /** From which offsets on it is given what its rooms keep, where it comes back. */
  readonly afters?: ReadonlyMap<string, number> | undefined;
}

export const NO_OTHERS: OtherRooms = { asked: [] };

export interface Joined {
  readonly entered: readonly string[];
  /** Of them, those that are new to this worker. */
  readonly fresh: readonly string[];
}

export const NOTHING_JOINED: Joined = { entered: [], fresh: [] };
