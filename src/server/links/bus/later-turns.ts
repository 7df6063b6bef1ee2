/**
 * Puts tasks off until all that was sent before has been read.
 *
 * A worker says that it has a room before its client learns that it has joined. What another
 * worker sends to the room after that may still be read first; put off, it finds the interest. The
 * turn in which the message is read is not enough: which sockets that turn reads was settled before
 * the message, and what it was sent after, came. The next one reads them all.
 */
export class LaterTurns {
  readonly #onFault: (fault: unknown) => void;
  /** Put off in this turn of the event loop, and in the one before. */
  #fresh: (() => void)[] = [];
  #due: (() => void)[] = [];

  /** @param onFault is given what a task throws; the others go on */
  constructor(onFault: (fault: unknown) => void) {
    this.#onFault = onFault;
  }

  put(task: () => void): void {
    if (this.#fresh.length + this.#due.length === 0) setImmediate(this.#turn);
    this.#fresh.push(task);
  }

  readonly #turn = (): void => {
    const tasks = this.#due;
    this.#due = this.#fresh;
    this.#fresh = [];
    if (this.#due.length > 0) setImmediate(this.#turn);
    for (const task of tasks) {
      try {
        task();
      } catch (fault) {
        this.#onFault(fault);
      }
    }
  };
}
