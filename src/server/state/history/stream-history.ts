/**
 * The history of rooms that all nodes share: a stream has the order, and each node a copy of what
 * rooms keep of it, in the memory of its controller. So a client finds what it missed on any node,
 * with one look at memory, and a node that starts has what the stream has.
 */

import type { HistorySettings } from '../../../host/config/rooms.ts';
import type {
  History,
  KeepingRoom,
  Missed,
  MissedBounds,
  RoomPlace,
} from '../../core/contracts/history.ts';
import type { EmbeddedHistory } from './embedded-history.ts';

/** A room that keeps an entry, as the stream has it. */
export interface StreamRoom {
  readonly key: string;
  readonly latestKey: string | undefined;
}

export interface StreamHistoryOptions {
  readonly epoch: string;
  /** This node's copy. */
  readonly copy: EmbeddedHistory;
  nowMs(): number;
  /** What a room keeps; nothing for one that keeps nothing here. */
  settingsOf(key: string): HistorySettings | undefined;
  /** Writes into the stream. @returns the number of the entry, or nothing when there is no room */
  say(rooms: readonly StreamRoom[], body: Uint8Array): number | undefined;
  /** Another node has said it, and it is kept. */
  onKept(body: Uint8Array, offset: number): void;
}

interface Waiting {
  readonly rooms: readonly KeepingRoom[];
  readonly done: (offset: number) => void;
}

export class StreamHistory implements History {
  readonly epoch: string;
  readonly isShared: boolean = true;
  readonly #options: StreamHistoryOptions;
  /** By the number of its entry. */
  readonly #waiting: Map<number, Waiting> = new Map();

  constructor(options: StreamHistoryOptions) {
    this.#options = options;
    this.epoch = options.epoch;
  }

  append(rooms: readonly KeepingRoom[], body: Uint8Array, done: (offset: number) => void): boolean {
    const number = this.#options.say(
      rooms.map(({ key, latestKey }) => ({ key, latestKey })),
      body,
    );
    if (number === undefined) return false;
    this.#waiting.set(number, { rooms, done });
    return true;
  }

  since(places: readonly RoomPlace[], bounds: MissedBounds, done: (missed: Missed) => void): void {
    this.#options.copy.since(places, bounds, done);
  }

  /**
   * An entry has come back, in the order of all.
   *
   * @param ownNumber of an entry that this node has written
   * @param ageMs how long ago that was
   * @param isPast nobody is given it: it was there before this node
   */
  take(
    entry: { readonly rooms: readonly StreamRoom[]; readonly body: Uint8Array },
    offset: number,
    { ownNumber, ageMs, isPast }: { ownNumber: number | undefined; ageMs: number; isPast: boolean },
  ): void {
    const waiting = ownNumber === undefined ? undefined : this.#waiting.get(ownNumber);
    const rooms = waiting?.rooms ?? this.#keeping(entry.rooms);
    const keptAtMs = this.#options.nowMs() - ageMs;
    this.#options.copy.keep(rooms, entry.body, offset, keptAtMs);
    if (waiting !== undefined && ownNumber !== undefined) {
      this.#forgetUpTo(ownNumber);
      waiting.done(offset);
    } else if (!isPast) this.#options.onKept(entry.body, offset);
  }

  /** All up to an offset was read, though rooms need not keep what was last. */
  reached(offset: number): void {
    this.#options.copy.reach(offset);
  }

  /** Entries up to an offset may have been missed. */
  missed(upTo: number): void {
    this.#options.copy.lose(upTo);
  }

  /** Those before it were gone from the stream before they were read. */
  #forgetUpTo(ownNumber: number): void {
    for (const number of this.#waiting.keys()) {
      if (number > ownNumber) return;
      this.#waiting.delete(number);
    }
  }

  #keeping(rooms: readonly StreamRoom[]): readonly KeepingRoom[] {
    return rooms.flatMap(({ key, latestKey }) => {
      const settings = this.#options.settingsOf(key);
      return settings === undefined ? [] : [{ key, settings, latestKey }];
    });
  }
}
