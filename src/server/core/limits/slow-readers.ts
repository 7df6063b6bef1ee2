/**
 * Sockets whose clients are behind: what waits for them counts against the memory budget, and those
 * that do not catch up are told to their owner.
 *
 * A client is slow when more than `maxBackpressureBytes` has waited for it for
 * `backpressureTimeoutMs`: what was said just now, however much, it had no chance to take. So bytes
 * are judged by their age:
 *
 *     mark ── timeout ──▶ what is left of the bytes that waited at the mark → slow, or a new mark
 *
 * Only sockets that are behind stand here; whoever keeps up costs nothing.
 */

import type { Holder, MemoryBudget } from './memory-budget.ts';

/** A socket, as far as it matters here. */
export interface Backlog {
  /** Bytes that the client has not taken yet. */
  getBufferedAmount(): number;
}

/** A socket that its owner has done with. */
export interface LeavingSocket extends Backlog {
  close(code: number, reason: string): void;
  terminate(): void;
}

/** Whose socket it is. */
export interface Reader {
  /** More has waited for its client, and for longer, than may. */
  readsTooSlowly(): void;
  /** See `Holder`. */
  letGo(): void;
  /** Nothing waits any more. */
  hasCaughtUp?(): void;
}

export interface SlowReaderSettings {
  readonly maxBackpressureBytes: number;
  readonly backpressureTimeoutMs: number;
}

class Behind implements Holder {
  readonly reader: Reader;
  readonly #backlog: Backlog;
  readonly #budget: MemoryBudget;
  #countedBytes = 0;
  markedAtMs: number;
  /** What was sent since the mark. */
  newBytes = 0;

  constructor(backlog: Backlog, reader: Reader, budget: MemoryBudget, nowMs: number) {
    this.#backlog = backlog;
    this.reader = reader;
    this.#budget = budget;
    this.markedAtMs = nowMs;
  }

  heldBytes(): number {
    return this.#countedBytes;
  }

  letGo(): void {
    this.reader.letGo();
  }

  add(bytes: number): void {
    this.newBytes += bytes;
    this.#count(this.#countedBytes + bytes);
  }

  /** Looks how much waits by now. */
  refresh(): number {
    this.#count(this.#backlog.getBufferedAmount());
    return this.#countedBytes;
  }

  forget(): void {
    this.#count(0);
  }

  #count(bytes: number): void {
    const more = bytes - this.#countedBytes;
    this.#countedBytes = bytes;
    if (more > 0) this.#budget.take(more);
    else this.#budget.give(-more);
  }
}

export class SlowReaders {
  readonly #settings: SlowReaderSettings;
  readonly #budget: MemoryBudget;
  readonly #behind: Map<Backlog, Behind> = new Map();

  constructor(settings: SlowReaderSettings, budget: MemoryBudget) {
    this.#settings = settings;
    this.#budget = budget;
    budget.watch(() => this.#refreshed());
  }

  /** Sockets that are behind. */
  get size(): number {
    return this.#behind.size;
  }

  /** So many bytes were sent and could not all leave at once. */
  wait(backlog: Backlog, reader: Reader, bytes: number, nowMs: number = performance.now()): void {
    let behind = this.#behind.get(backlog);
    if (behind === undefined) {
      behind = new Behind(backlog, reader, this.#budget, nowMs);
      this.#behind.set(backlog, behind);
    }
    behind.add(bytes);
  }

  has(backlog: Backlog): boolean {
    return this.#behind.size > 0 && this.#behind.has(backlog);
  }

  /**
   * Closes a socket once what waits for its client has been taken, and cuts it off if that takes
   * longer than it may. One that its client closes meanwhile has nothing waiting either.
   */
  closeInTime(socket: LeavingSocket, code: number, reason: string): void {
    this.forget(socket);
    const cut = (): void => {
      this.forget(socket);
      socket.terminate();
    };
    const farewell: Reader = {
      readsTooSlowly: cut,
      letGo: cut,
      hasCaughtUp: () => socket.close(code, reason),
    };
    this.wait(socket, farewell, socket.getBufferedAmount());
  }

  /** The socket is closed. */
  forget(backlog: Backlog): void {
    this.#behind.get(backlog)?.forget();
    this.#behind.delete(backlog);
  }

  /** Judges those that are behind; called at each heartbeat tick. */
  sweep(nowMs: number = performance.now()): void {
    if (this.#behind.size === 0) return;
    const { maxBackpressureBytes, backpressureTimeoutMs } = this.#settings;
    for (const [backlog, behind] of [...this.#behind]) {
      const waitingBytes = behind.refresh();
      if (waitingBytes === 0) {
        this.#behind.delete(backlog);
        behind.reader.hasCaughtUp?.();
      } else if (nowMs - behind.markedAtMs < backpressureTimeoutMs) continue;
      else if (waitingBytes - behind.newBytes > maxBackpressureBytes) {
        behind.reader.readsTooSlowly();
      } else {
        behind.markedAtMs = nowMs;
        behind.newBytes = 0;
      }
    }
  }

  #refreshed(): Iterable<Holder> {
    for (const behind of this.#behind.values()) behind.refresh();
    return [...this.#behind.values()];
  }
}
