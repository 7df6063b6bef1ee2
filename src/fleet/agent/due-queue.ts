/** Things that are due a fixed time after they were put in: first in, first due. */

/** The head is cut off once this many have been taken, so that taking one stays cheap. */
const COMPACT_AT = 1_024;

export class DueQueue<T> {
  readonly #delayMs: number;
  #items: T[] = [];
  #dueAtMs: number[] = [];
  #head = 0;

  constructor(delayMs: number) {
    this.#delayMs = delayMs;
  }

  push(item: T, nowMs: number): void {
    this.#items.push(item);
    this.#dueAtMs.push(nowMs + this.#delayMs);
  }

  /** The next item whose time has come, and it is out of the queue. */
  take(nowMs: number): T | undefined {
    const dueAtMs = this.#dueAtMs[this.#head];
    if (dueAtMs === undefined || dueAtMs > nowMs) return undefined;
    const item = this.#items[this.#head];
    this.#head++;
    // What has been taken must not be held: it may be a socket.
    if (this.#head === this.#items.length) this.clear();
    else if (this.#head >= COMPACT_AT) this.#compact();
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#dueAtMs = [];
    this.#head = 0;
  }

  #compact(): void {
    this.#items = this.#items.slice(this.#head);
    this.#dueAtMs = this.#dueAtMs.slice(this.#head);
    this.#head = 0;
  }
}
