/**
 * Waits for a condition over counters. Whoever changes a counter calls `check`; one waiter at a
 * time, and a deadline, so that a delivery costs one comparison and a lost one ends the run.
 */

export class Gate {
  #isDone: (() => boolean) | undefined;
  #resolve: () => void = () => {};
  #reject: (error: Error) => void = () => {};

  check(): void {
    if (this.#isDone?.() === true) this.#resolve();
  }

  fail(error: Error): void {
    this.#reject(error);
  }

  async until(isDone: () => boolean, timeoutMs: number, what: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#isDone = isDone;
    this.#resolve = resolve;
    this.#reject = reject;
    const timer = setTimeout(reject, timeoutMs, new Error(`${what} took over ${timeoutMs} ms`));
    this.check();
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#isDone = undefined;
    }
  }
}
