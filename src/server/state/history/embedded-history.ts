/**
 * The history of the rooms of one node, in the memory of its controller: a worker's death loses
 * nothing of it, the controller's death all.
 *
 * What is older than its room keeps is dropped as more comes, as somebody asks, and by a walk over
 * the rooms that goes on a little at each `sweep`. Over the budget the oldest messages of all rooms
 * go first.
 */

import type {
  History,
  KeepingRoom,
  Missed,
  MissedBounds,
  RoomPlace,
} from '../../core/contracts/history.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { type LogEntry, RoomLog } from './room-log.ts';

export interface EmbeddedHistoryOptions {
  readonly budgetBytes: number;
  /** Milliseconds of a clock that does not go back. */
  nowMs(): number;
}

/** A message in a room, in the order of all. */
interface Kept {
  readonly log: RoomLog;
  readonly entry: LogEntry;
}

/** Rooms that one `sweep` looks at. */
const ROOMS_PER_SWEEP = 1_000;
/** With fewer that are gone than this, making place in the order of all does not pay. */
const GONE_MAX = 1_024;

export class EmbeddedHistory implements History {
  readonly epoch: string = newEpoch();
  readonly isShared: boolean = false;
  readonly #options: EmbeddedHistoryOptions;
  readonly #logs: Map<string, RoomLog> = new Map();
  /** The messages of all rooms, the oldest first, some of them gone. */
  #order: Kept[] = [];
  #head = 0;
  #latest = 0;
  #bytes = 0;
  #messages = 0;
  /** Messages that the budget has dropped. */
  #dropped = 0;
  /** Up to here rooms may have lost messages of which nothing is known any more. */
  #forgottenUpTo = 0;
  #walk: Iterator<RoomLog> | undefined;

  constructor(options: EmbeddedHistoryOptions) {
    this.#options = options;
  }

  /** What it holds; a message counts in each of its rooms. */
  get view(): HistoryView {
    return {
      rooms: this.#logs.size,
      messages: this.#messages,
      bytes: this.#bytes,
      dropped: this.#dropped,
      latest: this.#latest,
    };
  }

  /** What one room keeps. */
  kept(key: string): { readonly messages: number; readonly bytes: number } {
    const log = this.#logs.get(key);
    if (log === undefined) return { messages: 0, bytes: 0 };
    this.#trim(log, this.#options.nowMs());
    let bytes = 0;
    for (const entry of log.after(0)) bytes += costOf(entry);
    return { messages: log.size, bytes };
  }

  append(rooms: readonly KeepingRoom[], body: Uint8Array, done: (offset: number) => void): boolean {
    const offset = this.#latest + 1;
    this.keep(rooms, body, offset, this.#options.nowMs());
    done(offset);
    return true;
  }

  /** Keeps a message that has its number already: larger than all before it. */
  keep(rooms: readonly KeepingRoom[], body: Uint8Array, offset: number, atMs: number): void {
    this.#latest = offset;
    for (const { key, settings, latestKey } of rooms) {
      const log = this.#logOf(key, settings, offset);
      const entry: LogEntry = { offset, body, atMs, latestKey, isGone: false };
      const replaced = log.add(entry);
      if (replaced !== undefined) this.#forget(replaced);
      this.#order.push({ log, entry });
      this.#messages++;
      this.#bytes += costOf(entry);
      this.#trim(log, atMs);
    }
    while (this.#bytes > this.#options.budgetBytes && this.#dropOldest(atMs)) this.#dropped++;
    this.#tidy();
  }

  /** There is nothing up to an offset but what is here. */
  reach(offset: number): void {
    this.#latest = Math.max(this.#latest, offset);
  }

  /** Messages up to an offset may be missing: nobody is told that what came since is all. */
  lose(upTo: number): void {
    this.#latest = Math.max(this.#latest, upTo);
    this.#forgottenUpTo = Math.max(this.#forgottenUpTo, upTo);
    for (const log of this.#logs.values()) log.lostUpTo = Math.max(log.lostUpTo, upTo);
  }

  since(places: readonly RoomPlace[], bounds: MissedBounds, done: (missed: Missed) => void): void {
    const nowMs = this.#options.nowMs();
    const found = new Map<number, LogEntry>();
    const completeFrom = places.map(({ key, after }) => {
      const log = this.#logs.get(key);
      if (log === undefined) return this.#forgottenUpTo;
      this.#trim(log, nowMs);
      // More than may be told is not looked at: it is too much already.
      let left = bounds.messages;
      for (const entry of log.after(after)) {
        found.set(entry.offset, entry);
        if (--left < 0) break;
      }
      return log.lostUpTo;
    });
    const { messages, cutAt } = within([...found.values()], bounds);
    done({
      messages,
      completeFrom: completeFrom.map((from) => Math.max(from, cutAt)),
      cutAt,
      latest: this.#latest,
    });
  }

  /** Drops what is too old, in some of the rooms. To be called now and then. */
  sweep(): void {
    const nowMs = this.#options.nowMs();
    this.#walk ??= this.#logs.values();
    for (let left = ROOMS_PER_SWEEP; left > 0; left--) {
      const { value: log, done } = this.#walk.next();
      if (done === true) {
        this.#walk = undefined;
        return;
      }
      this.#trim(log, nowMs);
      // For as long again it is known what it lost, and others' losses are not taken for its own.
      const isLongEmpty = nowMs - log.emptySinceMs > log.settings.seconds * 1000;
      if (log.size === 0 && isLongEmpty) this.#close(log);
    }
  }

  #logOf(key: string, settings: KeepingRoom['settings'], offset: number): RoomLog {
    let log = this.#logs.get(key);
    if (log === undefined) {
      log = new RoomLog(key, settings);
      log.lostUpTo = Math.min(this.#forgottenUpTo, offset - 1);
      this.#logs.set(key, log);
    }
    return log;
  }

  #close(log: RoomLog): void {
    this.#logs.delete(log.key);
    this.#forgottenUpTo = Math.max(this.#forgottenUpTo, log.lostUpTo);
  }

  #trim(log: RoomLog, nowMs: number): void {
    const { messages, seconds } = log.settings;
    const oldestMs = nowMs - seconds * 1000;
    let first = log.first;
    while (first !== undefined && (log.size > messages || first.atMs < oldestMs)) {
      this.#forget(log.dropFirst(nowMs) as LogEntry);
      first = log.first;
    }
  }

  /** @returns false when there is nothing left */
  #dropOldest(nowMs: number): boolean {
    this.#skipGone();
    const kept = this.#order[this.#head];
    if (kept === undefined) return false;
    this.#forget(kept.log.dropFirst(nowMs) as LogEntry);
    return true;
  }

  #forget(entry: LogEntry): void {
    this.#messages--;
    this.#bytes -= costOf(entry);
  }

  #skipGone(): void {
    while (this.#order[this.#head]?.entry.isGone === true) this.#head++;
  }

  /** Takes those that are gone out of the order, when they are most of it. */
  #tidy(): void {
    this.#skipGone();
    const gone = this.#order.length - this.#messages;
    if (gone < GONE_MAX || gone < this.#messages) return;
    this.#order = this.#order.filter(({ entry }) => !entry.isGone);
    this.#head = 0;
  }
}

export interface HistoryView {
  readonly rooms: number;
  readonly messages: number;
  readonly bytes: number;
  /** Since the start, for want of budget. */
  readonly dropped: number;
  /** The offset of the latest message of any room. */
  readonly latest: number;
}

/** The latest of these that an answer may hold, in their order, and the last that it may not. */
function within(
  found: LogEntry[],
  bounds: MissedBounds,
): { messages: readonly LogEntry[]; cutAt: number } {
  const latestFirst = found.sort((a, b) => b.offset - a.offset);
  let bytes = 0;
  const end = latestFirst.findIndex(({ body }, at) => {
    bytes += body.byteLength;
    return at >= bounds.messages || bytes > bounds.bytes;
  });
  const messages = (end === -1 ? latestFirst : latestFirst.slice(0, end)).reverse();
  return { messages, cutAt: end === -1 ? 0 : (latestFirst[end] as LogEntry).offset };
}

function costOf({ body }: LogEntry): number {
  return body.byteLength + LIMITS.keptMessageBytes;
}

/** A name that no history of this node had before, nor another one beside it. */
function newEpoch(): string {
  const [random = 0] = crypto.getRandomValues(new Uint32Array(1));
  return Date.now().toString(36) + random.toString(36).padStart(7, '0');
}
