/** What happens in a second, smoothed over the last few. */

interface Reading {
  readonly atMs: number;
  readonly established: number;
  readonly deliveries: number;
  readonly echoes: number;
}

const READINGS_KEPT = 6;

export class Pace {
  readonly #readings: Reading[] = [];

  add(reading: Reading): void {
    this.#readings.push(reading);
    if (this.#readings.length > READINGS_KEPT) this.#readings.shift();
  }

  /** In one second. */
  of(counter: 'established' | 'deliveries' | 'echoes'): number {
    const first = this.#readings[0];
    const last = this.#readings.at(-1);
    if (first === undefined || last === undefined || last.atMs <= first.atMs) return 0;
    return ((last[counter] - first[counter]) * 1000) / (last.atMs - first.atMs);
  }
}
