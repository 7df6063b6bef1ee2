/**
 * Polls that wait for packets on this worker, for sessions of whichever worker: each holds an open
 * file. Their connections are asked for only when somebody wants to know them.
 */

import type { RequestServer } from '../../core/contracts/client-kind.ts';
import type { ConnectionWatch } from '../source/connection-watch.ts';
import type { RequestSources } from '../source/request-sources.ts';

/** A request and the server that it reached. */
export interface Asked {
  readonly request: Request;
  readonly server: RequestServer;
}

export class WaitingPolls {
  readonly #sources: RequestSources;
  readonly #watch: ConnectionWatch;
  readonly #polls: Set<Asked> = new Set();
  #seconds = 0;

  constructor(sources: RequestSources, watch: ConnectionWatch) {
    this.#sources = sources;
    this.#watch = watch;
  }

  get size(): number {
    return this.#polls.size;
  }

  /** @param seconds how long it may wait */
  add(asked: Asked, seconds: number): void {
    this.#polls.add(asked);
    this.#seconds = seconds;
    if (this.#watch.isWatching) this.#vouch(asked);
  }

  remove(asked: Asked): void {
    this.#polls.delete(asked);
  }

  vouchForAll(): void {
    for (const asked of this.#polls) this.#vouch(asked);
  }

  #vouch({ request, server }: Asked): void {
    this.#watch.vouch(this.#sources.connectionOf(request, server), this.#seconds);
  }
}
