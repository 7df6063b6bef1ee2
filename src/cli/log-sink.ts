/**
 * Writes lines to a file descriptor without ever waiting for it and without ever throwing.
 *
 * Whatever stands behind the descriptor may be slow, full or gone: a pipe nobody reads, a full
 * disk, a terminal that was closed. Lines wait in a bounded queue and are written by a thread of
 * the runtime, one write at a time; what finds no room or cannot be written is lost and counted,
 * and said once lines go through again.
 */

import { write as writeFile } from 'node:fs';

/** Writes a text. MUST call back once, with an error or how many bytes were taken. */
export type WriteText = (
  bytes: Uint8Array,
  done: (error: NodeJS.ErrnoException | null, written: number) => void,
) => void;

/** Of one write: large enough to be few, small enough to see that something goes through. */
const WRITE_BYTES = 65_536;
/** A descriptor that somebody else made non-blocking says so when it is full. */
const AGAIN_MS = 50;
const TELL_AGAIN_MS = 1_000;

export class LogSink {
  /** Called when lines go through again after some were lost, at most once a second. */
  onLoss: (lines: number) => void = () => {};
  readonly #write: WriteText;
  readonly #maxBytes: number;
  readonly #queue: string[] = [];
  #queuedBytes = 0;
  #lost = 0;
  /** Lost and not told of. */
  #untold = 0;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #isWriting = false;
  #idle: PromiseWithResolvers<void> | undefined;

  /** @param maxBytes how much may wait */
  constructor(write: WriteText, maxBytes: number) {
    this.#write = write;
    this.#maxBytes = maxBytes;
  }

  /** Lines that could not be written. */
  get linesLost(): number {
    return this.#lost;
  }

  /** @param line with its newline */
  write(line: string): void {
    if (this.#queuedBytes + line.length > this.#maxBytes) {
      this.#lose(1);
      return;
    }
    this.#queue.push(line);
    this.#queuedBytes += line.length;
    if (!this.#isWriting) this.#writeMore();
  }

  /** Waits until all lines are written or lost, but no longer than this. */
  async flush(timeoutMs: number): Promise<void> {
    if (!this.#isWriting) return;
    this.#idle ??= Promise.withResolvers();
    await Promise.race([this.#idle.promise, Bun.sleep(timeoutMs)]);
  }

  #writeMore(): void {
    const lines = this.#take();
    this.#isWriting = lines.length > 0;
    if (this.#isWriting) this.#put(Buffer.from(lines.join('')), lines.length);
    else {
      this.#idle?.resolve();
      this.#idle = undefined;
    }
  }

  #take(): readonly string[] {
    let bytes = 0;
    let count = 0;
    for (const line of this.#queue) {
      if (count > 0 && bytes + line.length > WRITE_BYTES) break;
      bytes += line.length;
      count++;
    }
    this.#queuedBytes -= bytes;
    return this.#queue.splice(0, count);
  }

  #put(bytes: Uint8Array, lines: number): void {
    this.#write(bytes, (error, written) => {
      if (error?.code === 'EAGAIN') setTimeout(() => this.#put(bytes, lines), AGAIN_MS);
      else if (error === null && written < bytes.byteLength) {
        this.#put(bytes.subarray(written), lines);
      } else {
        if (error !== null) this.#lose(lines);
        this.#writeMore();
        if (error === null) this.#tell();
      }
    });
  }

  #lose(lines: number): void {
    this.#lost += lines;
    this.#untold += lines;
  }

  #tell(): void {
    const nowMs = performance.now();
    if (this.#untold === 0 || nowMs - this.#toldAtMs < TELL_AGAIN_MS) return;
    // Room for the word itself.
    if (this.#queuedBytes > this.#maxBytes / 2) return;
    const lines = this.#untold;
    this.#untold = 0;
    this.#toldAtMs = nowMs;
    this.onLoss(lines);
  }
}

export function toDescriptor(fd: number): WriteText {
  return (bytes, done) => {
    try {
      writeFile(fd, bytes, (error, written) => done(error, written));
    } catch (error) {
      // Such as a descriptor that was closed before the start.
      queueMicrotask(() => done(error as NodeJS.ErrnoException, 0));
    }
  };
}
