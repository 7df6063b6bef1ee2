/**
 * Says on standard error what is being measured and how long the rest will take: the expected
 * times of the bouts to come, corrected by how long the finished ones took.
 */

export class Progress {
  readonly #startedAt = performance.now();
  #plannedSeconds: number;
  #doneSeconds = 0;
  #doneExpectedSeconds = 0;
  #boutStartedAt = this.#startedAt;
  #label = '';

  constructor(plannedSeconds: number) {
    this.#plannedSeconds = plannedSeconds;
  }

  get elapsedSeconds(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  /** How many times longer than expected the finished bouts took. */
  get slowness(): number {
    return this.#doneExpectedSeconds === 0 ? 1 : this.#doneSeconds / this.#doneExpectedSeconds;
  }

  /** Takes bouts out of the plan that will not be run. */
  skip(expectedSeconds: number): void {
    this.#plannedSeconds -= expectedSeconds;
  }

  startBout(label: string): void {
    this.#label = label;
    this.#boutStartedAt = performance.now();
  }

  endBout(expectedSeconds: number): void {
    this.#doneSeconds += (performance.now() - this.#boutStartedAt) / 1000;
    this.#doneExpectedSeconds += expectedSeconds;
  }

  say(text: string): void {
    const boutSeconds = (performance.now() - this.#boutStartedAt) / 1000;
    const restSeconds = (this.#plannedSeconds - this.#doneExpectedSeconds) * this.slowness;
    const left = Math.max(1, Math.round(restSeconds - boutSeconds));
    const clock = `${Math.round(this.elapsedSeconds)} s`.padStart(5);
    console.error(`${clock}  ~${left} s left  ${this.#label}: ${text}`);
  }
}
