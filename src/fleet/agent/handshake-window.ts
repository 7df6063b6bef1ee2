/**
 * How many handshakes may be under way at once.
 *
 * At a given rate that number is the rate times the time a handshake takes. When a server falls
 * behind, more of them would only wait longer, in its queues and with their timeouts running: a
 * fleet of 53 agents with 200 each waited for 5 to 10 s where 0.3 s would have done. So the window
 * is what the rate needs at four times the best time seen, and the rate gives way instead.
 */

/** Well under every listen backlog (512 for Bun, 511 for Node). */
const WINDOW_MAX = 200;
const WINDOW_MIN = 8;
/** Short enough to notice a queue, long enough for the ticks of agent and server. */
const TIME_MIN_MS = 250;
const PATIENCE = 4;

export class HandshakeWindow {
  #bestMs = Number.POSITIVE_INFINITY;

  /** A handshake has succeeded in this time. */
  record(tookMs: number): void {
    this.#bestMs = Math.min(this.#bestMs, tookMs);
  }

  /** @param rate connections a second */
  size(rate: number): number {
    const timeMs = Math.max(TIME_MIN_MS, PATIENCE * this.#bestMs);
    return Math.max(WINDOW_MIN, Math.min(WINDOW_MAX, Math.ceil((rate * timeMs) / 1000)));
  }
}
