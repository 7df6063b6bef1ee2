/**
 * Polls of this worker's sessions that wait for messages: each is answered with none once it has
 * waited for as long as the config says.
 *
 * A wheel of slots, one a heartbeat tick. A session stands in one slot at most, however often its
 * client asks: when that slot is due, it is looked at since when the latest poll waits.
 */

/** What one session has for its client, who polls. */
export interface PolledQueue {
  /** It stands in a slot. Only the wheel changes it. */
  isOnWheel: boolean;
  /** Since when its poll has waited, in the worker's own time; `undefined` while none does. */
  readonly polledSinceMs: number | undefined;
  /** Its poll has waited for long enough. */
  pollIsDue(): void;
}

export class HeldPolls {
  readonly #holdMs: number;
  readonly #tickMs: number;
  readonly #slots: PolledQueue[][];
  /** Ticks that have been swept. */
  #swept = 0;

  /** @param tickMs how often `sweep` is called */
  constructor(holdMs: number, tickMs: number) {
    this.#holdMs = holdMs;
    this.#tickMs = tickMs;
    this.#slots = Array.from({ length: Math.ceil(holdMs / tickMs) + 2 }, () => []);
  }

  /** A poll waits from now on. */
  add(session: PolledQueue): void {
    if (!session.isOnWheel) this.#put(session, this.#holdMs);
  }

  /** Called at each heartbeat tick. */
  sweep(nowMs: number): void {
    this.#swept++;
    const due = this.#slots[this.#swept % this.#slots.length] as PolledQueue[];
    for (const session of due.splice(0)) {
      session.isOnWheel = false;
      const { polledSinceMs } = session;
      if (polledSinceMs === undefined) continue;
      const leftMs = polledSinceMs + this.#holdMs - nowMs;
      if (leftMs > this.#tickMs / 2) this.#put(session, leftMs);
      else session.pollIsDue();
    }
  }

  /** @param leftMs until it is due */
  #put(session: PolledQueue, leftMs: number): void {
    session.isOnWheel = true;
    const ticks = Math.max(1, Math.round(leftMs / this.#tickMs));
    this.#slots[(this.#swept + ticks) % this.#slots.length]?.push(session);
  }
}
