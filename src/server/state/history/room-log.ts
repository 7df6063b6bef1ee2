/** What one room keeps: its messages in order, and how far back that is whole. */

import type { HistorySettings } from '../../../host/config/rooms.ts';
import type { KeptMessage } from '../../core/contracts/history.ts';

/** A message in one of its rooms. */
export interface LogEntry extends KeptMessage {
  readonly atMs: number;
  readonly latestKey: string | undefined;
  /** It was dropped, or a later one took its place. */
  isGone: boolean;
}

/** With fewer entries that are gone than this, making place in the array does not pay. */
const GONE_MAX = 64;

export class RoomLog {
  readonly key: string;
  settings: HistorySettings;
  /** What is not newer than this offset may be gone. */
  lostUpTo = 0;
  /** Since when it has nothing, while it has nothing. */
  emptySinceMs = 0;
  #entries: LogEntry[] = [];
  /** Entries in the array that are gone. */
  #gone = 0;
  /** Where the first stands that is not. */
  #head = 0;
  /** Where only the latest of a key stays. */
  readonly #latest: Map<string, LogEntry> = new Map();

  constructor(key: string, settings: HistorySettings) {
    this.key = key;
    this.settings = settings;
  }

  get size(): number {
    return this.#entries.length - this.#gone;
  }

  /** The oldest. */
  get first(): LogEntry | undefined {
    return this.#entries[this.#head];
  }

  /** @returns the entry whose place it takes, if any */
  add(entry: LogEntry): LogEntry | undefined {
    const { latestKey } = entry;
    const replaced = latestKey === undefined ? undefined : this.#latest.get(latestKey);
    if (latestKey !== undefined) this.#latest.set(latestKey, entry);
    this.#entries.push(entry);
    if (replaced !== undefined) this.#remove(replaced);
    return replaced;
  }

  /** Drops the oldest: what came up to it is not whole any more. */
  dropFirst(nowMs: number): LogEntry | undefined {
    const entry = this.first;
    if (entry === undefined) return undefined;
    this.lostUpTo = entry.offset;
    if (entry.latestKey !== undefined) this.#latest.delete(entry.latestKey);
    this.#remove(entry);
    if (this.size === 0) this.emptySinceMs = nowMs;
    return entry;
  }

  /** Entries behind an offset, the latest first. */
  *after(offset: number): Generator<LogEntry> {
    for (let at = this.#entries.length - 1; at >= this.#head; at--) {
      const entry = this.#entries[at] as LogEntry;
      if (entry.offset <= offset) return;
      if (!entry.isGone) yield entry;
    }
  }

  #remove(entry: LogEntry): void {
    entry.isGone = true;
    this.#gone++;
    while (this.first?.isGone === true) this.#head++;
    if (this.#gone < GONE_MAX || this.#gone < this.size) return;
    this.#entries = this.#entries.filter(({ isGone }) => !isGone);
    this.#gone = 0;
    this.#head = 0;
  }
}
