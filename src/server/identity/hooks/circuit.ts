/**
 * A circuit breaker: a backend that fails time after time is left alone for a while.
 *
 *     closed ── so many failures in a row ──▶ open ── after a time ──▶ one call tries
 *        ▲                                      ▲                          │
 *        └────────── it is answered ────────────┼──────────────────────────┤
 *                                               └───────── it fails ───────┘
 *
 * Meanwhile calls fail at once instead of after their time, and a backend that comes back is not
 * met by all that would have waited for it.
 */

export interface CircuitBounds {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** How long it stays open before a call tries, in milliseconds. */
  readonly pauseMs: number;
}

export class Circuit {
  readonly #bounds: CircuitBounds;
  readonly #nowMs: () => number;
  #failuresInRow = 0;
  /** When a call may try; `undefined` while it is closed. */
  #triesAtMs: number | undefined;
  #isTrying = false;

  /** @param nowMs a clock that does not go back, in milliseconds */
  constructor(bounds: CircuitBounds, nowMs: () => number) {
    this.#bounds = bounds;
    this.#nowMs = nowMs;
  }

  get isOpen(): boolean {
    return this.#triesAtMs !== undefined;
  }

  /** Whether a call may be sent now. */
  get lets(): boolean {
    if (this.#triesAtMs === undefined) return true;
    return !this.#isTrying && this.#nowMs() >= this.#triesAtMs;
  }

  /** How long until a call may try, in milliseconds; 0 when one may, or is trying. */
  get waitMs(): number {
    if (this.#triesAtMs === undefined || this.#isTrying) return 0;
    return Math.max(0, this.#triesAtMs - this.#nowMs());
  }

  /** A call is sent: while the circuit is open, it is the one that tries. */
  sent(): void {
    this.#isTrying = this.isOpen;
  }

  /** A call was answered, also one that was sent before the circuit opened. */
  answered(): void {
    this.#failuresInRow = 0;
    this.#triesAtMs = undefined;
    this.#isTrying = false;
  }

  /** @returns whether this has opened it */
  failed(): boolean {
    if (this.isOpen && !this.#isTrying) return false;
    this.#failuresInRow++;
    if (!this.#isTrying && this.#failuresInRow < this.#bounds.failures) return false;
    this.#isTrying = false;
    this.#triesAtMs = this.#nowMs() + this.#bounds.pauseMs;
    return true;
  }
}
