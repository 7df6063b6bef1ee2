/**
 * Polls that wait for packets on this worker, for sessions of whichever worker: each holds an open
 * file.
 */

import type { Exchange } from '../../core/contracts/exchange.ts';
import type { ConnectionWatch } from '../source/connection-watch.ts';

export class WaitingPolls {
  readonly #watch: ConnectionWatch;
  readonly #polls: Set<Exchange> = new Set();
  #seconds = 0;

  constructor(watch: ConnectionWatch) {
    this.#watch = watch;
  }

  get size(): number {
    return this.#polls.size;
  }

  /** @param seconds how long it may wait */
  add(exchange: Exchange, seconds: number): void {
    this.#polls.add(exchange);
    this.#seconds = seconds;
    if (this.#watch.isWatching) this.#vouch(exchange);
  }

  remove(exchange: Exchange): void {
    this.#polls.delete(exchange);
  }

  vouchForAll(): void {
    for (const exchange of this.#polls) this.#vouch(exchange);
  }

  #vouch(exchange: Exchange): void {
    this.#watch.vouch(exchange.connection, this.#seconds);
  }
}
