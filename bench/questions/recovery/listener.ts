/** One client that counts: what it was told, what it missed, what it was told twice, how late. */

/** Messages are numbered from 0 and carry the time at which they were said, in milliseconds. */
export interface Told {
  readonly number: number;
  readonly saidAtMs: number;
}

export class Listener {
  /** The number that comes next; those before the first that it is told are not its own. */
  next: number | undefined;
  missed = 0;
  repeated = 0;
  told = 0;
  /** Comebacks of which the server said that they are whole, or that they are not. */
  recovered = 0;
  unrecovered = 0;
  readonly #delays: Histogram;
  readonly #delaysOfMissed: Histogram;

  /** @param delaysOfMissed of what it was told after it had been away */
  constructor(delays: Histogram, delaysOfMissed: Histogram) {
    this.#delays = delays;
    this.#delaysOfMissed = delaysOfMissed;
  }

  /** @param awayUntilMs what was said before this was said while the client was away */
  hear({ number, saidAtMs }: Told, awayUntilMs: number): void {
    const next = this.next ?? number;
    if (number < next) {
      this.repeated++;
      return;
    }
    this.missed += number - next;
    this.next = number + 1;
    this.told++;
    const delays = saidAtMs < awayUntilMs ? this.#delaysOfMissed : this.#delays;
    delays.add(Date.now() - saidAtMs);
  }
}

/** Delays by whole milliseconds. */
export class Histogram {
  readonly #counts: Map<number, number> = new Map();
  #size = 0;

  add(ms: number): void {
    const whole = Math.max(0, Math.round(ms));
    this.#counts.set(whole, (this.#counts.get(whole) ?? 0) + 1);
    this.#size++;
  }

  get size(): number {
    return this.#size;
  }

  /** @param share from 0 to 1. @returns 0 when it is empty */
  quantile(share: number): number {
    let left = Math.ceil(this.#size * share);
    const sorted = [...this.#counts].sort(([a], [b]) => a - b);
    for (const [ms, count] of sorted) {
      left -= count;
      if (left <= 0) return ms;
    }
    return 0;
  }
}
