/**
 * The stream that all nodes write to and read, in one order.
 *
 *     say ─▶ writer ─▶ Redis ─▶ reader ─▶ each entry once ─▶ onSaid, onForeign
 *
 * Nodes go on from where they were after a break, and a node that starts reads what is there first.
 * Reads are bounded, and wait while workers cannot take more.
 */

import { LIMITS } from '../../core/limits/limits.ts';
import { describeError, type Log } from '../../core/log/log.ts';
import {
  type EntryRoom,
  encodeEntry,
  offsetAt,
  offsetOf,
  readEntry,
  STREAM_FIELD,
  type StreamSaid,
  timeOf,
} from './stream-entry.ts';
import { type EntryFields, StreamWriter } from './stream-writer.ts';

/** An entry as Redis has it. */
export interface RawEntry {
  readonly id: string;
  readonly fields: ReadonlyMap<string, Buffer>;
}

/** What it needs of Redis. */
export interface StreamAccess {
  write(entries: readonly EntryFields[]): Promise<readonly unknown[]>;
  /** Entries behind an id; waits for the first of them for so long. */
  read(after: string, count: number, waitMs: number): Promise<readonly RawEntry[]>;
  /** Entries from an id on, itself included; behind `(` and an id those that follow it. */
  range(from: string, count: number): Promise<readonly RawEntry[]>;
  /** Whether entries may have been in it that are gone; `undefined`: there never was one. */
  isCut(): Promise<boolean | undefined>;
}

/** Where an entry stands. */
export interface EntryPlace {
  /** In the history of all nodes. */
  readonly offset: number;
  /** This node has written it. */
  readonly isOwn: boolean;
  /** It was there before this node. */
  readonly isPast: boolean;
  /** How long ago it was written then; 0 for one that has just come. */
  readonly ageMs: number;
}

export interface StreamEvents {
  onSaid(said: StreamSaid, place: EntryPlace): void;
  /** What a server of other make, or an emitter, has written. */
  onForeign(entry: RawEntry, place: EntryPlace): void;
  /** One that was read before, and is in the stream once more. */
  onRepeated(offset: number): void;
  /** Entries up to an offset may have been missed. @param lost so many are known of */
  onMissed(upTo: number, lost: number): void;
}

export interface NodeStreamOptions {
  readonly node: number;
  readonly boot: number;
  readonly access: StreamAccess;
  readonly events: StreamEvents;
  /** What may wait to be written. */
  readonly queueBytes: number;
  /** Entries of one read. */
  readonly readCount: number;
  /** How far back it is read at the start. */
  readonly pastMs: number;
  /** Workers cannot take more now. */
  isHeld(): boolean;
  readonly log: Log;
}

export interface StreamFigures {
  readonly written: number;
  readonly refused: number;
  readonly waitingBytes: number;
  readonly read: number;
  readonly malformed: number;
  readonly lost: number;
}

const BEGINNING = '0-0';
const HELD_CHECK_MS = 20;

export class NodeStream {
  readonly #options: NodeStreamOptions;
  readonly #writer: StreamWriter;
  /** The last number of each writer. */
  readonly #numbers: Map<string, number> = new Map();
  #lastId: string = BEGINNING;
  #number = 0;
  #read = 0;
  #malformed = 0;
  #lost = 0;
  #isClosed = false;
  #retry: (() => void) | undefined;

  constructor(options: NodeStreamOptions) {
    const { access, queueBytes } = options;
    this.#options = options;
    this.#writer = new StreamWriter({
      queueBytes,
      write: (entries) => access.write(entries),
      has: async (id) => (await access.range(id, 1))[0]?.id === id,
    });
  }

  get figures(): StreamFigures {
    const { entries, refused, waitingBytes } = this.#writer;
    const [read, malformed, lost] = [this.#read, this.#malformed, this.#lost];
    return { written: entries, refused, waitingBytes, read, malformed, lost };
  }

  /**
   * Reads what is there.
   *
   * @param nowMs by the clock of Redis
   * @param isNew nobody can have read of a stream before this one
   */
  async load(nowMs: number, isNew: boolean): Promise<void> {
    const { access, pastMs, readCount, events } = this.#options;
    const fromMs = Math.max(0, nowMs - pastMs);
    const isCut = await access.isCut();
    // What is older is kept by no room: it is not known what of it there was.
    if (isCut === true) events.onMissed(offsetAt(fromMs), 0);
    // It has run out, with all that was in it.
    else if (isCut === undefined && !isNew) events.onMissed(offsetAt(nowMs), 0);
    for (let from = `${fromMs}-0`; ; from = `(${this.#lastId}`) {
      const entries = await access.range(from, readCount);
      const [first] = entries;
      if (isCut === true && this.#lastId === BEGINNING && first !== undefined) {
        events.onMissed(offsetOf(first.id) - 1, 0);
      }
      for (const entry of entries) this.#take(entry, nowMs);
      if (entries.length < readCount) break;
    }
    // An entry of this very moment is still to come.
    if (this.#lastId === BEGINNING) this.#lastId = `${nowMs - 1}-0`;
  }

  /** From now on entries come as they are written. */
  start(): void {
    void this.#follow();
  }

  /**
   * @param also further fields, for readers of other make
   * @returns its number; `undefined` when there is no room for it
   */
  say(
    type: number,
    rooms: readonly EntryRoom[],
    body: Uint8Array,
    also: EntryFields = [],
  ): number | undefined {
    const { node, boot } = this.#options;
    const number = this.#number + 1;
    const said = { node, boot, number, type, rooms, body };
    const entry = encodeEntry(said, LIMITS.ipcFrameBytes);
    if (!this.#writer.add([STREAM_FIELD, entry, ...also])) return undefined;
    this.#number = number;
    return number;
  }

  /** Writes an entry that is for readers of other make alone. */
  add(fields: EntryFields): boolean {
    return this.#writer.add(fields);
  }

  lost(): void {
    this.#writer.lost();
  }

  /** Redis is there again. */
  async connected(): Promise<void> {
    this.#retry?.();
    try {
      await this.#writer.connected();
    } catch (error) {
      this.#options.log.warn('the stream cannot be read yet', { error: describeError(error) });
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#writer.close();
    this.#retry?.();
  }

  async #follow(): Promise<void> {
    const { access, readCount } = this.#options;
    while (!this.#isClosed) {
      try {
        while (this.#options.isHeld() && !this.#isClosed) await Bun.sleep(HELD_CHECK_MS);
        const entries = await access.read(this.#lastId, readCount, LIMITS.streamBlockMs);
        for (const entry of entries) this.#take(entry);
      } catch {
        await this.#pause();
      }
    }
  }

  /** The connections say themselves what is wrong with them. */
  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, LIMITS.streamRetryMs);
    this.#retry = resolve;
    await promise;
    clearTimeout(timer);
    this.#retry = undefined;
  }

  /** @param loadedAtMs when it is read at the start: by the clock of Redis */
  #take(entry: RawEntry, loadedAtMs?: number): void {
    if (this.#isClosed) return;
    this.#lastId = entry.id;
    this.#read++;
    try {
      const place = {
        offset: offsetOf(entry.id),
        isOwn: false,
        isPast: loadedAtMs !== undefined,
        ageMs: loadedAtMs === undefined ? 0 : Math.max(0, loadedAtMs - timeOf(entry.id)),
      };
      const said = entry.fields.get(STREAM_FIELD);
      if (said === undefined) this.#options.events.onForeign(entry, place);
      else this.#takeSaid(readEntry(said), place);
    } catch (error) {
      this.#malformed++;
      const fault = { id: entry.id, error: describeError(error) };
      this.#options.log.error('an entry of the stream was refused', fault);
    }
  }

  #takeSaid(said: StreamSaid, place: EntryPlace): void {
    const { node, boot, events } = this.#options;
    const writer = `${said.node}:${said.boot}`;
    const before = this.#numbers.get(writer);
    if (before !== undefined && said.number <= before) {
      events.onRepeated(place.offset);
      return;
    }
    this.#numbers.delete(writer);
    this.#numbers.set(writer, said.number);
    const [oldest] = this.#numbers.keys();
    if (this.#numbers.size > LIMITS.streamWriters && oldest !== undefined) {
      this.#numbers.delete(oldest);
    }
    const lost = before === undefined ? 0 : said.number - before - 1;
    if (lost > 0) {
      this.#lost += lost;
      events.onMissed(place.offset - 1, lost);
    }
    events.onSaid(said, { ...place, isOwn: said.node === node && said.boot === boot });
  }
}
