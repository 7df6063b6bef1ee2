/**
 * The server's clock as this page knows it: the best of some questions, after Cristian (1989).
 *
 * The answer to a question says what the server's clock showed; halfway between question and answer
 * it is off by at most half of that time. The quickest question is kept.
 */

export class Clock {
  #aheadMs = 0;
  #errorMs = Number.POSITIVE_INFINITY;

  /** @returns {number} how far `lateness` may be off, in milliseconds; infinite at first. */
  get errorMs() {
    return this.#errorMs;
  }

  /** @param {number} askedMs @param {number} answeredMs both by `now` @param {number} serverMs */
  learn(askedMs, answeredMs, serverMs) {
    // The server's clock shows whole milliseconds.
    const errorMs = (answeredMs - askedMs) / 2 + 0.5;
    if (errorMs >= this.#errorMs) return;
    this.#errorMs = errorMs;
    this.#aheadMs = serverMs + 0.5 - (askedMs + answeredMs) / 2;
  }

  /** @param {number} atMs when the server sent something @param {number} heardMs by `now` */
  lateness(atMs, heardMs) {
    return Math.max(0, heardMs + this.#aheadMs - atMs - 0.5);
  }
}

/** @returns {number} the wall clock, in milliseconds and parts of them. */
export function now() {
  return performance.timeOrigin + performance.now();
}
