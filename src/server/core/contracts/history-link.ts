/** The way of a worker to the history of its node, and to sessions that were cut off. */

import type { RoomPlace } from './history.ts';
import type { Target } from './node-link.ts';
import type { OutgoingEvent } from './outgoing-event.ts';
import type { SessionClaim, SessionSnapshot } from './snapshots.ts';

export interface MissedMessage {
  readonly offset: number;
  readonly target: Target;
  readonly event: OutgoingEvent;
}

/** What was kept, for all who asked for it together. */
export interface MissedAnswer {
  /** Of all the rooms that were asked for, in their order. */
  readonly messages: readonly MissedMessage[];
  /** Whoever has had all of a room up to here finds all that came after. */
  completeFrom(key: string): number;
  readonly latest: number;
}

export interface HistoryLink {
  /** Names the history; positions of another one mean nothing. */
  readonly epoch: string;
  /**
   * Asks what rooms keep behind a place of each. From the answer on, this worker hears those
   * rooms: what it is given in the turn of `done` and what comes next have nothing twice and
   * nothing missing. `done` is called once, with nothing where there is no answer.
   */
  since(places: readonly RoomPlace[], done: (answer: MissedAnswer | undefined) => void): void;
  /**
   * Takes a session that was cut off, from whichever worker has it, for its user. `done` is called
   * once.
   */
  take(claim: SessionClaim, done: (snapshot: SessionSnapshot | undefined) => void): void;
  /** Gives it back: its client has gone meanwhile. */
  giveBack(snapshot: SessionSnapshot): void;
  /** Its data, as it was reported. */
  dataOf(snapshot: SessionSnapshot): unknown;
}
