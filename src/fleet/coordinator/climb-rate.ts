/** How fast sessions came about in a climb, since it began or its rate was changed. */

/** A climb shorter than this says little of the rate. */
const MEASURED_FROM_MS = 5_000;

export class ClimbRate {
  #beganAtMs = 0;
  #established = 0;

  /** @param established sessions of the run so far */
  begin(established: number): void {
    this.#beganAtMs = performance.now();
    this.#established = established;
  }

  /** @returns sessions established in one second; undefined after a few seconds only */
  measure(established: number): number | undefined {
    const elapsedMs = performance.now() - this.#beganAtMs;
    if (elapsedMs < MEASURED_FROM_MS) return undefined;
    return Math.round(((established - this.#established) * 1000) / elapsedMs);
  }
}
