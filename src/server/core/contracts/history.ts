/**
 * The messages that a room keeps, and where a client stands in them.
 *
 * `Namespace.deliver` asks for a position before a message to a room with history goes out; a
 * client that comes back presents its position, and gets what came after it before anything new.
 */

import type { EventContent } from './outgoing-event.ts';

/**
 * Where a message stands. Offsets grow by one within an epoch; a history that was lost begins a new
 * epoch, so that an old position is never taken for a new one.
 */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

/** What was missed. `isComplete` is false when older messages are gone, or the epoch is another. */
export interface Missed {
  readonly messages: readonly { readonly position: Position; readonly event: EventContent }[];
  readonly isComplete: boolean;
  readonly latest: Position;
}

/**
 * Implementations: `embedded` (in the controller, so that a worker's death loses nothing), `redis`.
 * One suite of tests runs on all of them.
 *
 * MUST number the messages of a room in one order for all nodes. MUST keep within the size and age
 * of the room and within its budget, oldest first, and MUST say so in `isComplete`. MUST NOT be
 * asked for rooms without history, which pay nothing.
 */
export interface History {
  append(room: string, event: EventContent): Position | Promise<Position>;
  since(room: string, position: Position, most: number): Missed | Promise<Missed>;
  forget(room: string): void;
}
