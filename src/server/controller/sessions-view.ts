/**
 * What the admin API asks of a node about rooms, users and sessions. Workers are asked for each
 * answer, and other nodes by their controllers; `missing` has the numbers of workers of this node
 * that did not answer, and `missingNodes` the ids of other nodes: their part is not in it.
 */

import type { RoomPresence, TransportName } from '../core/app/app.ts';

export interface SessionsView {
  /**
   * Rooms with members, by the order of their names.
   *
   * @param after a name; those behind it are told
   * @throws BusFullError when too many such questions are open, as do the others
   */
  rooms(namespace: string, after: string, most: number): Promise<RoomsReport>;
  /** @param most users that are named, where the room has presence */
  room(namespace: string, room: string, most: number): Promise<RoomReport>;
  user(namespace: string, user: string): Promise<UserReport>;
  /** @param isHereOnly for another node, which asks each of them */
  disconnect(request: DisconnectRequest, isHereOnly?: boolean): Promise<DisconnectReport>;
}

export interface RoomsReport {
  readonly namespace: string;
  readonly rooms: readonly { readonly room: string; readonly count: number }[];
  /** What to ask `after` for more; null when these are the last. */
  readonly next: string | null;
  readonly missing: readonly number[];
  readonly missingNodes: readonly string[];
}

export interface RoomReport {
  readonly namespace: string;
  readonly room: string;
  readonly sessions: number;
  /** Null for a room without presence. */
  readonly presence: RoomPresence | null;
  /** What it keeps; null for a room without history. */
  readonly history: RoomHistory | null;
  readonly missing: readonly number[];
  readonly missingNodes: readonly string[];
}

export interface RoomHistory {
  readonly messages: number;
  readonly bytes: number;
}

export interface UserReport {
  readonly namespace: string;
  readonly user: string;
  readonly nodes: readonly string[];
  readonly count: number;
  /** Some of them, where they are many. */
  readonly sessions: readonly PlaceReport[];
  readonly missing: readonly number[];
  readonly missingNodes: readonly string[];
}

export interface PlaceReport {
  readonly id: string;
  readonly node: string;
  readonly worker: number;
  readonly transport: TransportName;
  readonly sinceMs: number;
  readonly rooms: readonly string[];
  /** How many it is in; `rooms` may have fewer. */
  readonly roomCount: number;
}

/** Whom to disconnect: one of user, room and session. */
export interface DisconnectRequest {
  readonly namespace: string;
  readonly user?: string | undefined;
  readonly room?: string | undefined;
  readonly session?: string | undefined;
  /** Ends their connections too, not only their session in the namespace. */
  readonly close: boolean;
}

export interface DisconnectReport {
  readonly disconnected: number;
  readonly missing: readonly number[];
  readonly missingNodes: readonly string[];
}
