/**
 * How fast the number of open sessions moved of late, and how long the rest takes at that. The rate
 * that was asked for says little of it: a server that is the limit reaches a third of it, and a
 * climb to a million slows down as heartbeats grow.
 */

interface Reading {
  readonly atMs: number;
  readonly open: number;
}

/** Long enough that a pause of a server does not double the time, short enough to follow it. */
const WINDOW_MS = 10_000;
/** At a slow rate, as long as so many sessions take: between two of them nothing moves. */
const WINDOW_SESSIONS = 3;

export class Headway {
  #readings: Reading[] = [];

  /** Another way to go, or another rate: what was before says nothing of it. */
  begin(): void {
    this.#readings = [];
  }

  /** @param rate connections opened, or closed, in one second at the most */
  add(reading: Reading, rate: number): void {
    this.#readings.push(reading);
    const fromMs = reading.atMs - Math.max(WINDOW_MS, (WINDOW_SESSIONS * 1000) / rate);
    while ((this.#readings[0] as Reading).atMs < fromMs) this.#readings.shift();
  }

  /**
   * @param sessions that are still to come; those still to go below 0
   * @param rate as for `add`
   * @returns null when nothing moved that way of late, so that nobody knows
   */
  secondsFor(sessions: number, rate: number): number | null {
    if (sessions === 0) return 0;
    const first = this.#readings[0];
    const last = this.#readings.at(-1);
    if (first === undefined || last === undefined || last.atMs <= first.atMs) return null;
    const gained = (last.open - first.open) * Math.sign(sessions);
    if (gained <= 0) return null;
    const reached = Math.min(rate, (gained * 1000) / (last.atMs - first.atMs));
    return Math.ceil(Math.abs(sessions) / reached);
  }
}
