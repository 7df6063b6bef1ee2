/**
 * Polls of this worker's sessions that wait for messages: each is answered with none once it has
 * waited for as long as the config says.
 *
 * A wheel of slots, each for a piece of time of the length of a heartbeat tick. A session stands
 * in one slot at most, however often its client asks: when that slot is due, it is looked at since
 * when the latest poll waits. Time is that of the clock, since clients and proxies wait by it: a
 * worker whose ticks come late goes through all slots that are due by then.
 */

/** What one session has for its client, who polls. */
export interface PolledQueue {
  /** It stands in a slot. Only the wheel changes it. */
  isOnWheel: boolean;
  /** Since when its poll has waited, by `performance.now()`; `undefined` while none does. */
  readonly polledSinceMs: number | undefined;
  /** Its poll has waited for long enough. */
  pollIsDue(): void;
}

export class HeldPolls {
  readonly #holdMs: number;
  readonly #slotMs: number;
  readonly #slots: PolledQueue[][];
  /** The latest slot that was gone through, counted from the beginning of time. */
  #swept: number;

  /** @param tickMs how often `sweep` is to be called */
  constructor(holdMs: number, tickMs: number, nowMs: number = performance.now()) {
    this.#holdMs = holdMs;
    this.#slotMs = tickMs;
    this.#slots = Array.from({ length: Math.ceil(holdMs / tickMs) + 2 }, () => []);
    this.#swept = this.#slotAt(nowMs);
  }

  /** A poll waits from now on. */
  add(queue: PolledQueue, nowMs: number = performance.now()): void {
    if (!queue.isOnWheel) this.#put(queue, nowMs + this.#holdMs);
  }

  /** Called at each heartbeat tick. */
  sweep(nowMs: number = performance.now()): void {
    const until = this.#slotAt(nowMs);
    // Once round the wheel is all there is, however late it is.
    const first = Math.max(this.#swept + 1, until - this.#slots.length + 1);
    this.#swept = until;
    for (let at = first; at <= until; at++) {
      const due = this.#slots[at % this.#slots.length] as PolledQueue[];
      for (const queue of due.splice(0)) this.#look(queue, nowMs);
    }
  }

  #look(queue: PolledQueue, nowMs: number): void {
    queue.isOnWheel = false;
    const { polledSinceMs } = queue;
    if (polledSinceMs === undefined) return;
    const dueMs = polledSinceMs + this.#holdMs;
    if (dueMs > nowMs + this.#slotMs / 2) this.#put(queue, dueMs);
    else queue.pollIsDue();
  }

  /** In the slot of its time, but never in one that has been gone through. */
  #put(queue: PolledQueue, dueMs: number): void {
    queue.isOnWheel = true;
    const at = Math.max(this.#swept + 1, this.#slotAt(dueMs));
    this.#slots[at % this.#slots.length]?.push(queue);
  }

  #slotAt(timeMs: number): number {
    return Math.round(timeMs / this.#slotMs);
  }
}
