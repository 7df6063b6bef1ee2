/**
 * Lets a few log lines a second through and counts the rest.
 *
 * Clients can make a handler fail as often as they send; without a bound, small events would become
 * large logs.
 */

const LINES_PER_SECOND = 20;

export class LogLimiter {
  #second = 0;
  #lines = 0;
  #suppressed = 0;

  /**
   * @returns how many lines have been held back since the last that passed; `undefined` when this
   *   one is held back too
   */
  pass(nowMs: number = performance.now()): number | undefined {
    const second = Math.floor(nowMs / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#lines = 0;
    }
    if (this.#lines >= LINES_PER_SECOND) {
      this.#suppressed++;
      return undefined;
    }
    this.#lines++;
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    return suppressed;
  }
}
