/**
 * How long a server of one protocol may be silent before its clients give it up: by its own word,
 * and for polls by what it has shown, since no message says how long it holds one.
 */

/** Longer than any Holdfast server holds a poll; the bound until one came back with nothing. */
const HOLD_MS_MAX = 240_000;

export class ServerTimes {
  /** Whether a session was told the times here: the server is known to speak the protocol. */
  isTold = false;
  /** Infinite when nobody knows. */
  withinMs: number = Number.POSITIVE_INFINITY;
  readonly #isPolled: boolean;
  #pingIntervalMs = 0;
  #pingTimeoutMs = 0;
  /** The longest that a poll was held which came back with nothing; 0 before the first. */
  #heldMs = 0;

  constructor(isPolled: boolean) {
    this.#isPolled = isPolled;
  }

  /** What a session was told. */
  told(pingIntervalMs: number, pingTimeoutMs: number): void {
    this.isTold = true;
    this.#pingIntervalMs = pingIntervalMs;
    this.#pingTimeoutMs = pingTimeoutMs;
    this.#update();
  }

  /** A poll came back with nothing after so long. */
  held(ms: number): void {
    if (ms <= this.#heldMs) return;
    this.#heldMs = ms;
    this.#update();
  }

  #update(): void {
    const sumMs = this.#pingIntervalMs + this.#pingTimeoutMs;
    if (!(sumMs > 0)) this.withinMs = Number.POSITIVE_INFINITY;
    else if (this.#isPolled) this.withinMs = this.#longestHoldMs() + this.#pingTimeoutMs;
    else this.withinMs = sumMs;
  }

  #longestHoldMs(): number {
    return this.#heldMs === 0 ? HOLD_MS_MAX : Math.max(this.#pingIntervalMs, this.#heldMs);
  }
}
