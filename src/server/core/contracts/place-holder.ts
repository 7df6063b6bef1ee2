/**
 * Sessions as those see them who give out a worker's places: who is there for sure, and who may
 * have to go when others want in.
 *
 * A session is *unproven* while nothing shows its client: it has joined no namespace, or it has no
 * connection of its own, as one that polls between two polls. Honest clients are so for a moment,
 * and whoever polls before it has joined is so from its last poll on.
 */

/** How much a session has shown before: those with more have longer before they have to go. */
export const STANDING = {
  /** It has only just come, or never said more than it takes to come in. */
  new: 0,
  /** The same, but authentication gave it a user; some apps give one to everybody. */
  newUser: 1,
  /** Its client has asked for what there is again and again. */
  settled: 2,
  settledUser: 3,
} as const;

export type Standing = (typeof STANDING)[keyof typeof STANDING];

/** A session that has to go when its place is needed. */
export interface PlaceHolder {
  /** It has an open file, such as a WebSocket or a poll that waits. */
  readonly holdsFile: boolean;
  readonly standing: Standing;
  /** Since when it is unproven, in the worker's own time (ms); `undefined` while it is not. */
  readonly unprovenSinceMs: number | undefined;
  /** Ends the session at once, and frees what it holds. */
  giveUpPlace(): void;
}

/** Keys of where a session came from, as numbers that say nothing else. */
export interface PlaceSource {
  readonly addressKey: number;
  /** The connection that brought its first request. */
  readonly connection: number;
}

/** Sees one unproven session. */
export type VisitUnproven = (holder: PlaceHolder, from: PlaceSource, sinceMs: number) => void;

/**
 * Sees one session of whatever standing, by the key of its address.
 *
 * @param isSilent its client has never polled, nor joined over a connection of its own
 */
export type VisitAny = (addressKey: number, hasUser: boolean, isSilent: boolean) => void;

/** The sessions of one kind of client. */
export interface PlaceHolders {
  /** How many there are. MUST cost nothing to ask. */
  readonly size: number;
  /** Shows all that are unproven. Called when places are short: nothing is kept for it before. */
  visitUnproven(visit: VisitUnproven): void;
  /** Shows all. Called when an address has, or seems to have, more than the config lets it. */
  visitAll(visit: VisitAny): void;
}
