/**
 * Collects the garbage of the controller when workers have announced, or taken back, much interest.
 *
 * Each key comes as a text that is garbage at once, and a table that has grown or shrunk leaves its
 * old self behind, 20 MB of it at a million users. The runtime collects while more is allocated;
 * once the users are there, or gone, nothing is, and the process would stay that large.
 */

import type { InterestTable } from '../links/bus/interest-table.ts';

const CHECK_MS = 1_000;
/** Texts of some 5 MB that took 50 ms to read; the collection takes 5. */
const CHANGES = 50_000;
/** After the last of a crowd, or for a trickle. */
const QUIET_MS = 30_000;

export class ControllerCollector {
  readonly #interest: Pick<InterestTable, 'changes'>;
  readonly #nowMs: () => number;
  #timer: Timer | undefined;
  #collections = 0;
  #collectedAtMs: number;
  #collectedAtChanges = 0;

  constructor(
    interest: Pick<InterestTable, 'changes'>,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#interest = interest;
    this.#nowMs = nowMs;
    this.#collectedAtMs = nowMs();
  }

  get collections(): number {
    return this.#collections;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.check(), CHECK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Collects if it is time. */
  check(): void {
    const changes = this.#interest.changes - this.#collectedAtChanges;
    const restedMs = this.#nowMs() - this.#collectedAtMs;
    if (changes < CHANGES && (changes === 0 || restedMs < QUIET_MS)) return;
    Bun.gc(true);
    this.#collections++;
    this.#collectedAtMs = this.#nowMs();
    this.#collectedAtChanges = this.#interest.changes;
  }
}
