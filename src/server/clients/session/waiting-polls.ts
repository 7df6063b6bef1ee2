/**
 * Polls that wait for packets on this worker, for sessions of whichever worker: each holds an open
 * file. Each knows its place in the list, so that none needs an entry in a table.
 */

import type { ConnectionWatch } from '../source/connection-watch.ts';

/** A poll as the list sees it. */
export interface WaitingPoll {
  /** Its place; -1 while it does not wait. Only the list changes it. */
  place: number;
  readonly connection: number;
}

export class WaitingPolls {
  readonly #watch: ConnectionWatch;
  readonly #polls: WaitingPoll[] = [];
  #seconds = 0;

  constructor(watch: ConnectionWatch) {
    this.#watch = watch;
  }

  get size(): number {
    return this.#polls.length;
  }

  /** @param seconds how long it may wait */
  add(poll: WaitingPoll, seconds: number): void {
    poll.place = this.#polls.length;
    this.#polls.push(poll);
    this.#seconds = Math.max(this.#seconds, seconds);
    if (this.#watch.isWatching) this.#vouch(poll);
  }

  remove(poll: WaitingPoll): void {
    const { place } = poll;
    if (place === -1) return;
    poll.place = -1;
    const last = this.#polls.pop();
    if (last === undefined || last === poll) return;
    last.place = place;
    this.#polls[place] = last;
  }

  vouchForAll(): void {
    for (const poll of this.#polls) this.#vouch(poll);
  }

  #vouch(poll: WaitingPoll): void {
    this.#watch.vouch(poll.connection, this.#seconds);
  }
}
