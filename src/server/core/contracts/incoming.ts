/**
 * A WebSocket of this worker, as whoever looks for half-sent messages sees it.
 *
 * Bun keeps what has come of a message to itself until it is whole; what the kernel counted for the
 * connection, less what its messages had, is what Bun keeps. Objects of this kind are made for the
 * few that are looked at; all others keep a number at the most.
 */

export interface Incoming {
  /** The key of its connection. */
  readonly connection: number;
  /**
   * Up to here all that came has been taken as whole messages, modulo 2³². MUST NOT be more than
   * that, and MUST NOT change for a ping, which may come between the parts of a message.
   */
  takenBytes: number;
  /** It will bring nothing more. */
  readonly isClosed: boolean;
  /** Has its client say something, if it can: whoever is in the middle of a message cannot. */
  ask(): void;
  /** See `Holder`. */
  letGo(): void;
}

/** Has WebSockets, and shows those whose connections are wanted. */
export interface IncomingSource {
  incoming(isWanted: (connection: number) => boolean): Iterable<Incoming>;
}

/** What a message of a client costs beside its own bytes: the least that a masked frame has. */
export const FRAME_BYTES = 6;
