/**
 * Lets what servers send gather before the agent reads it, as network cards let packets gather
 * before they interrupt. An agent that wakes for each message spends more on waking than on
 * reading, and with dozens of agents on two cores that is what the run would measure.
 *
 * After each turn of the event loop in which something came, the agent sleeps for so long. What it
 * then finds waiting is read in one turn. Latencies that it measures are up to that much longer.
 */

export class Coalescing {
  /** How long messages may gather; 0 reads each at once. */
  ms = 0;
  readonly #sleep: (ms: number) => void;
  #isDue = false;

  constructor(sleep: (ms: number) => void = Bun.sleepSync) {
    this.#sleep = sleep;
  }

  /** Something came. */
  noted(): void {
    if (this.ms === 0 || this.#isDue) return;
    this.#isDue = true;
    setImmediate(this.#rest);
  }

  readonly #rest = (): void => {
    this.#isDue = false;
    this.#sleep(this.ms);
  };
}
