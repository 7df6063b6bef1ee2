/**
 * Seats that were given back, gathered by bucket: those of one turn of the event loop are one
 * command for each bucket, and leave before the bucket is asked for a seat.
 */

export interface Freed {
  /** Its key. */
  readonly user: string;
  readonly id: string;
  readonly worker: number;
  /** How often it was given back; 0 for as often as it was taken. */
  readonly times: number;
}

/** In one command: a script holds up whoever asks Redis meanwhile. */
const AT_ONCE = 500;

export class SeatReleases {
  readonly #send: (bucket: number, freed: readonly Freed[]) => Promise<void>;
  readonly #waiting: Map<number, Freed[]> = new Map();
  /** On their way. */
  readonly #leaving: Map<number, Promise<unknown>> = new Map();

  /** @param send must not throw or reject */
  constructor(send: (bucket: number, freed: readonly Freed[]) => Promise<void>) {
    this.#send = send;
  }

  add(bucket: number, freed: Freed): void {
    if (this.#waiting.size === 0) setImmediate(() => this.#flushAll());
    const waiting = this.#waiting.get(bucket);
    if (waiting === undefined) this.#waiting.set(bucket, [freed]);
    else waiting.push(freed);
  }

  /** @returns when all of the bucket are given back; nothing where that is so */
  flush(bucket: number): Promise<unknown> | undefined {
    const waiting = this.#waiting.get(bucket);
    if (waiting === undefined) return this.#leaving.get(bucket);
    this.#waiting.delete(bucket);
    const sent: Promise<unknown>[] = [this.#leaving.get(bucket) ?? Promise.resolve()];
    for (let at = 0; at < waiting.length; at += AT_ONCE) {
      sent.push(this.#send(bucket, waiting.slice(at, at + AT_ONCE)));
    }
    const leaving = Promise.all(sent).then(() => {
      if (this.#leaving.get(bucket) === leaving) this.#leaving.delete(bucket);
    });
    this.#leaving.set(bucket, leaving);
    return leaving;
  }

  /** The bucket is written as it is now. */
  forget(bucket: number): void {
    this.#waiting.delete(bucket);
  }

  #flushAll(): void {
    for (const bucket of this.#waiting.keys()) void this.flush(bucket);
  }
}
