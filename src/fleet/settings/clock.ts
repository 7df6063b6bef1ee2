/**
 * The clock that agents and coordinator share: wall time with the precision of the monotonic one.
 * Latencies of broadcasts are differences of it between processes.
 */

/** Milliseconds since 1970, with a fraction. */
export function wallClockMs(): number {
  return performance.timeOrigin + performance.now();
}

/**
 * How far another clock is behind this one, from the times of a request and the time in its
 * answer. The answer was written somewhere between the two, so the shortest round trip tells most.
 */
export class ClockOffset {
  #shortestMs = Number.POSITIVE_INFINITY;
  #offsetMs = 0;

  /** Add it to the other clock to get this one, in milliseconds. */
  get offsetMs(): number {
    return this.#offsetMs;
  }

  observe(sentAtMs: number, answeredAtMs: number, theirsMs: number): void {
    const roundTripMs = answeredAtMs - sentAtMs;
    // Clocks drift, so an old measurement must give way in time: after a minute or so, to one of
    // twice its round trip.
    this.#shortestMs *= 1.01;
    if (roundTripMs > this.#shortestMs) return;
    this.#shortestMs = roundTripMs;
    this.#offsetMs = (sentAtMs + answeredAtMs) / 2 - theirsMs;
  }
}
