/**
 * Which workers want to hear of which key: a namespace, a room or a user.
 *
 * A million users are a million keys, and nearly all of them are wanted by one worker: that one
 * stands as a plain number, and only a key of several workers costs a Set.
 */

export class InterestTable {
  readonly #workers: Map<string, number | Set<number>> = new Map();

  #entryCount = 0;

  /** Pairs of a key and a worker. */
  get entryCount(): number {
    return this.#entryCount;
  }

  add(key: string, worker: number): void {
    const present = this.#workers.get(key);
    const isPresent = typeof present === 'object' ? present.has(worker) : present === worker;
    if (isPresent) return;
    this.#entryCount++;
    if (present === undefined) this.#workers.set(key, worker);
    else if (typeof present === 'object') present.add(worker);
    else this.#workers.set(key, new Set([present, worker]));
  }

  remove(key: string, worker: number): void {
    const present = this.#workers.get(key);
    if (present === worker) {
      this.#workers.delete(key);
      this.#entryCount--;
    } else if (typeof present === 'object' && present.delete(worker)) {
      this.#entryCount--;
      const [only] = present;
      if (present.size === 1) this.#workers.set(key, only as number);
    }
  }

  /** A worker is gone with all it wanted. */
  removeWorker(worker: number): void {
    for (const key of this.#workers.keys()) this.remove(key, worker);
  }

  /** Adds the workers that want a key. */
  collect(key: string, into: Set<number>): void {
    const workers = this.#workers.get(key);
    if (workers === undefined) return;
    if (typeof workers === 'number') into.add(workers);
    else for (const worker of workers) into.add(worker);
  }
}
