/**
 * The established sessions of a swarm: an array without gaps, in which each connection knows its
 * place, so that one of twenty thousand leaves at once. Turns go round it for what concerns one
 * session after the other.
 */

import type { Client } from './connection.ts';

/** Goes round the sessions; each use has its own, or one would skip what another has visited. */
export interface Turn {
  place: number;
}

export class Sessions {
  readonly #clients: Client[] = [];

  get count(): number {
    return this.#clients.length;
  }

  /** @returns undefined beyond the last */
  at(place: number): Client | undefined {
    return this.#clients[place];
  }

  add(client: Client): void {
    client.data.place = this.#clients.length;
    this.#clients.push(client);
  }

  /** The last one takes the free place. */
  remove(place: number): void {
    const last = this.#clients.pop();
    if (last === undefined || last.data.place === place) return;
    this.#clients[place] = last;
    last.data.place = place;
  }

  /** @returns undefined only when there is none */
  next(turn: Turn): Client | undefined {
    turn.place = (turn.place + 1) % Math.max(1, this.#clients.length);
    return this.#clients[turn.place];
  }

  /** All as they are now, free to be removed meanwhile. */
  all(): readonly Client[] {
    return [...this.#clients];
  }
}
