/**
 * Where the sessions of a worker come from, and since when: three numbers each, in columns by the
 * session's slot, so that the sessions themselves need no field for it.
 */

import { NO_SOURCE } from './source-keys.ts';

const SLOTS_MIN = 64;
/** Doubling would leave half of the columns empty. */
const GROWTH = 1.25;

export class SessionSources {
  #addresses: Uint32Array = new Uint32Array(SLOTS_MIN);
  #connections: Uint32Array = new Uint32Array(SLOTS_MIN);
  /** When they came, in seconds since 1970; 0 where there is none. */
  #seconds: Uint32Array = new Uint32Array(SLOTS_MIN);

  /** @param connection the one that brought the session, and carries it if it is a WebSocket */
  set(slot: number, address: number, connection: number): void {
    if (slot >= this.#addresses.length) this.#grow(slot);
    this.#addresses[slot] = address;
    this.#connections[slot] = connection;
    this.#seconds[slot] = Date.now() / 1_000;
  }

  /** The session has moved to a connection of its own. */
  moveTo(slot: number, connection: number): void {
    this.#connections[slot] = connection;
  }

  clear(slot: number): void {
    this.set(slot, NO_SOURCE, NO_SOURCE);
    this.#seconds[slot] = 0;
  }

  addressOf(slot: number): number {
    return this.#addresses[slot] ?? NO_SOURCE;
  }

  connectionOf(slot: number): number {
    return this.#connections[slot] ?? NO_SOURCE;
  }

  /** When the session came, in milliseconds since 1970, to the second. */
  sinceMs(slot: number): number {
    return (this.#seconds[slot] ?? 0) * 1_000;
  }

  /** The addresses of all slots, `NO_SOURCE` for those that are free; not to be changed. */
  get addresses(): Uint32Array {
    return this.#addresses;
  }

  #grow(slot: number): void {
    const length = Math.ceil((slot + 1) * GROWTH);
    const grown = (old: Uint32Array): Uint32Array => {
      const column = new Uint32Array(length);
      column.set(old);
      return column;
    };
    this.#addresses = grown(this.#addresses);
    this.#connections = grown(this.#connections);
    this.#seconds = grown(this.#seconds);
  }
}
