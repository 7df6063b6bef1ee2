/**
 * Sockets that an edge does not read for now, and why; each is read again when nothing speaks
 * against it any more. Nothing is kept of the others.
 */

/** A socket, as far as it matters here. */
export interface PausableSocket {
  pause(): void;
  resume(): void;
}

/** Flags, since several may hold at a time. */
export const PAUSED_BY = {
  /** The owner has its client wait. */
  owner: 1,
  /** The link to the owner is behind. */
  link: 2,
  /** The owner has not taken what the socket brought so far. */
  untaken: 4,
} as const;

export type PausedBy = (typeof PAUSED_BY)[keyof typeof PAUSED_BY];

export class PausedSockets {
  readonly #find: (number: number) => PausableSocket | undefined;
  readonly #reasons: Map<number, number> = new Map();
  /** How often the owner has been asked about a socket and has not answered. */
  readonly #asked: Map<number, number> = new Map();

  /** @param find a socket by its number, while it is there */
  constructor(find: (number: number) => PausableSocket | undefined) {
    this.#find = find;
  }

  pause(number: number, by: PausedBy): void {
    const socket = this.#find(number);
    if (socket === undefined) return;
    const before = this.#reasons.get(number) ?? 0;
    this.#reasons.set(number, before | by);
    if (before === 0) socket.pause();
  }

  resume(number: number, by: PausedBy): void {
    const before = this.#reasons.get(number);
    if (before === undefined) return;
    const left = before & ~by;
    if (left !== 0) this.#reasons.set(number, left);
    else {
      this.#reasons.delete(number);
      this.#find(number)?.resume();
    }
  }

  resumeAll(by: PausedBy): void {
    for (const number of [...this.#reasons.keys()]) this.resume(number, by);
  }

  /** The owner is asked to answer when it has taken what the socket brought so far. */
  asked(number: number): void {
    this.#asked.set(number, (this.#asked.get(number) ?? 0) + 1);
    this.pause(number, PAUSED_BY.untaken);
  }

  /** The owner has answered once. */
  answered(number: number): void {
    const left = (this.#asked.get(number) ?? 0) - 1;
    if (left > 0) this.#asked.set(number, left);
    else {
      this.#asked.delete(number);
      this.resume(number, PAUSED_BY.untaken);
    }
  }

  /** The socket is gone. */
  forget(number: number): void {
    this.#reasons.delete(number);
    this.#asked.delete(number);
  }

  clear(): void {
    this.#reasons.clear();
    this.#asked.clear();
  }
}
