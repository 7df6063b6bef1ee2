/** Allows so many actions a second, without saving up for a burst. */

/** What may be made up for at once after a late tick, in seconds of the rate. */
const BURST_SECONDS = 0.25;

export class Pacer {
  #allowance = 0;
  #refilledAtMs: number;

  constructor(nowMs: number) {
    this.#refilledAtMs = nowMs;
  }

  /** Adds what the time since the last refill is worth. */
  refill(perSecond: number, nowMs: number): void {
    const earned = (perSecond * (nowMs - this.#refilledAtMs)) / 1000;
    // One more than the burst: a rate of a few a second would else lose its fraction at the bound.
    this.#allowance = Math.min(1 + perSecond * BURST_SECONDS, this.#allowance + earned);
    this.#refilledAtMs = nowMs;
  }

  /** @returns how many of those wanted may be done now; they count as done */
  take(wanted: number): number {
    const granted = Math.min(wanted, Math.floor(this.#allowance));
    if (granted <= 0) return 0;
    this.#allowance -= granted;
    return granted;
  }
}
