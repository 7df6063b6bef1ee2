/**
 * What this node writes into the stream, in order, each entry once.
 *
 *     add ─▶ waits ─▶ one batch at a time ─▶ Redis has it ─▶ remembered for a while
 *
 * After a break it is not known whether Redis has the last batch, so it is written again: readers
 * know what they have by its number. What Redis had and has lost, as one that keeps nothing does
 * when it is killed, is written again likewise, as far as it is remembered.
 */

import { LIMITS } from '../../core/limits/limits.ts';

/** Fields and values of an entry. */
export type EntryFields = readonly (string | Uint8Array)[];

export interface StreamWriterOptions {
  /** What may wait. */
  readonly queueBytes: number;
  /** Writes entries in order, all of them or none. @returns their ids */
  write(entries: readonly EntryFields[]): Promise<readonly unknown[]>;
  /** Whether the stream still has an entry. */
  has(id: string): Promise<boolean>;
}

interface Entry {
  readonly fields: EntryFields;
  readonly bytes: number;
  id: string | undefined;
  atMs: number;
}

export class StreamWriter {
  readonly #options: StreamWriterOptions;
  #waiting: Entry[] = [];
  #waitingBytes = 0;
  /** Written lately, the oldest first. */
  #written: Entry[] = [];
  #writtenBytes = 0;
  #isWriting = false;
  #isConnected = true;
  #isClosed = false;
  /** Redis is there and takes nothing, as when its memory is full. */
  #isRefused = false;
  #retry: Timer | undefined;
  /** Entries that Redis has. */
  entries = 0;
  /** Entries refused, since too much waited. */
  refused = 0;

  constructor(options: StreamWriterOptions) {
    this.#options = options;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** While Redis takes entries, there is room for some at all. */
  get hasRoom(): boolean {
    const { queueBytes } = this.#options;
    const isTaken = this.#isConnected && !this.#isRefused;
    const most = isTaken ? Math.max(queueBytes, LIMITS.nodeFlightBytes) : queueBytes;
    return this.#waitingBytes < most;
  }

  /** @returns false when there is no room for it */
  add(fields: EntryFields): boolean {
    const bytes = fields.reduce((sum, field) => sum + field.length, LIMITS.streamEntryBytes);
    if (!this.hasRoom) {
      this.refused++;
      return false;
    }
    this.#waiting.push({ fields, bytes, id: undefined, atMs: 0 });
    this.#waitingBytes += bytes;
    // Others may add in this turn, too.
    if (this.#waiting.length === 1) setImmediate(() => void this.#write());
    return true;
  }

  lost(): void {
    this.#isConnected = false;
  }

  /** Redis is there again, perhaps without what it had. */
  async connected(): Promise<void> {
    clearTimeout(this.#retry);
    const latest = this.#written.at(-1)?.id;
    if (latest !== undefined && (await this.#isLost(latest))) {
      this.#waiting = [...this.#written, ...this.#waiting];
      this.#waitingBytes += this.#writtenBytes;
      this.#written = [];
      this.#writtenBytes = 0;
    }
    this.#isConnected = true;
    await this.#write();
  }

  /** Asked until there is an answer: without it nothing may be written. */
  async #isLost(id: string): Promise<boolean> {
    while (!this.#isClosed) {
      try {
        return !(await this.#options.has(id));
      } catch {
        await Bun.sleep(LIMITS.streamRetryMs);
      }
    }
    return false;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#isConnected = false;
  }

  async #write(): Promise<void> {
    if (this.#isWriting || !this.#isConnected) return;
    this.#isWriting = true;
    clearTimeout(this.#retry);
    try {
      while (this.#waiting.length > 0 && this.#isConnected) await this.#writeSome();
      this.#isRefused = false;
    } catch {
      this.#isRefused = true;
      // The connection says when it is there again; a server that refuses is asked again.
      this.#retry = setTimeout(() => void this.#write(), LIMITS.streamRetryMs);
    } finally {
      this.#isWriting = false;
    }
  }

  async #writeSome(): Promise<void> {
    const some = this.#nextBatch();
    const ids = await this.#options.write(some.map(({ fields }) => fields));
    const nowMs = performance.now();
    for (const [at, entry] of some.entries()) {
      const id = ids[at];
      if (typeof id !== 'string') throw id instanceof Error ? id : new Error('it has no id');
      this.#waiting.shift();
      this.#waitingBytes -= entry.bytes;
      this.entries++;
      this.#remember(entry, id, nowMs);
    }
  }

  #nextBatch(): readonly Entry[] {
    let bytes = 0;
    const end = this.#waiting.findIndex((entry, at) => {
      bytes += entry.bytes;
      return at > 0 && (at >= LIMITS.streamWrites || bytes > LIMITS.streamWriteBytes);
    });
    return end === -1 ? [...this.#waiting] : this.#waiting.slice(0, end);
  }

  #remember(entry: Entry, id: string, nowMs: number): void {
    entry.id = id;
    entry.atMs = nowMs;
    this.#written.push(entry);
    this.#writtenBytes += entry.bytes;
    let gone = 0;
    for (const { bytes, atMs } of this.#written) {
      const isOld = nowMs - atMs > LIMITS.streamRememberMs;
      if (!isOld && this.#writtenBytes <= LIMITS.streamRememberBytes) break;
      this.#writtenBytes -= bytes;
      gone++;
    }
    if (gone > 0) this.#written.splice(0, gone);
  }
}
