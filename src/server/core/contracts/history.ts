/**
 * The messages that rooms keep, and what a client that comes back has missed of them.
 *
 *     emit → hub ─append→ history: an offset → all workers with the room, in that order
 *     client comes back → its worker ─since→ hub ─→ history: what came after, then what comes next
 *
 * The hub asks, since it sees what all workers of a node say. So a message to a room that keeps it
 * goes by way of the hub to the sender's own worker too, and all workers see one order.
 */

import type { HistorySettings } from '../../../host/config/rooms.ts';

/** A room that keeps a message. Its key is that of the bus (`protocol/interest-key.ts`). */
export interface KeepingRoom {
  readonly key: string;
  readonly settings: HistorySettings;
  /** Of what is kept under the same, only the latest stays. */
  readonly latestKey: string | undefined;
}

export interface KeptMessage {
  /** Grows over all rooms of a node. */
  readonly offset: number;
  /** The message as the bus carries it. */
  readonly body: Uint8Array;
}

/** Where a client stands in a room: it has had all up to this offset. */
export interface RoomPlace {
  readonly key: string;
  readonly after: number;
}

export interface Missed {
  /** Those of all rooms that were asked for, each once, in their order. */
  readonly messages: readonly KeptMessage[];
  /** For each place: whoever has had all up to this offset is given all that came after. */
  readonly completeFrom: readonly number[];
  /** What is not newer was left out, since all of it was too much for one answer; 0 for nothing. */
  readonly cutAt: number;
  /** The offset of the latest message of any room. */
  readonly latest: number;
}

/** How much an answer may be. */
export interface MissedBounds {
  readonly messages: number;
  readonly bytes: number;
}

/**
 * Implementations: `embedded` (in the controller, so that a worker's death loses nothing), and
 * `stream` (in a stream of Redis, of which each node has a copy). One suite of tests runs on all of
 * them (`test/contract/history.ts`).
 *
 * MUST number the messages of all rooms in one order. MUST keep within the bounds of each room and
 * within its budget, oldest first, and MUST say what is gone by `completeFrom`. MUST call `done`
 * once for each call, in the order of the calls, at once or later. MUST NOT be asked for rooms
 * without history, which pay nothing.
 */
export interface History {
  /** Names this history: offsets of another one mean nothing here. */
  readonly epoch: string;
  /** Whether all nodes have it: what one appends comes to the workers of all. */
  readonly isShared: boolean;
  /**
   * @param body is kept as it is: no view of something that others write to
   * @returns false when there is no room for more that waits to be kept; `done` is not called then
   */
  append(rooms: readonly KeepingRoom[], body: Uint8Array, done: (offset: number) => void): boolean;
  since(places: readonly RoomPlace[], bounds: MissedBounds, done: (missed: Missed) => void): void;
}
