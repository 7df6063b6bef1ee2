/**
 * Which workers want to hear of which key: a namespace, a room or a user.
 *
 * A million users are a million keys, so the table holds no keys: a hash of each, 64 bits wide, and
 * the number of the worker. Measured at 1,000,000
 * users: 21 bytes each, and 15 to 30 while it grows, where a `Map` took 240; the controller's
 * resident memory grows by 33 to 38 (`bun test src/server/links/bus/interest-memory.test.ts`).
 *
 * Two keys with the same hash are one to the table. What is for one of them then reaches the
 * workers of the other as well, which find no recipient; but when a worker loses interest in one
 * of two that it wants, it gets nothing for the other either. By chance that befalls a million
 * keys once in 37 million tables; on purpose it takes the key of the hash, which never leaves the
 * nodes of a cluster.
 */

import { KeyedHash } from '../../../host/runtime/keyed-hash.ts';
import { PairTable } from './pair-table.ts';

/** Is told of keys that the node begins or ceases to want, by their hashes. */
export interface NodeInterest {
  begins(low: number, high: number, key: string): void;
  /** @param key absent where a worker is gone: its keys are not known */
  ceases(low: number, high: number, key?: string): void;
}

export class InterestTable {
  /** The key of its hashes: others with the same know them. */
  readonly salt: Uint32Array = crypto.getRandomValues(new Uint32Array(2));
  readonly #hasher: KeyedHash = new KeyedHash(this.salt);
  /** The hash of the key at hand, lower half first. */
  readonly #hash: Uint32Array = new Uint32Array(2);
  readonly #pairs: PairTable = new PairTable();
  #changes = 0;
  /** Whoever tells other nodes; nobody where there are none. */
  watcher: NodeInterest | undefined;

  /** Pairs of a key and a worker. */
  get entryCount(): number {
    return this.#pairs.size;
  }

  /** How often a pair was added or removed. */
  get changes(): number {
    return this.#changes;
  }

  /** What the pairs take, full and empty places together. */
  get byteLength(): number {
    return this.#pairs.byteLength;
  }

  add(key: string, worker: number): void {
    const low = this.#hashKey(key);
    const high = this.#hash[1] as number;
    const isWatched = this.watcher !== undefined;
    const isFirst = isWatched && !this.#pairs.hasHash(low, high);
    if (!this.#pairs.add(low, high, worker)) return;
    this.#changes++;
    if (isFirst) this.watcher?.begins(low, high, key);
  }

  remove(key: string, worker: number): void {
    const low = this.#hashKey(key);
    const high = this.#hash[1] as number;
    if (!this.#pairs.remove(low, high, worker)) return;
    this.#changes++;
    if (this.watcher !== undefined && !this.#pairs.hasHash(low, high)) {
      this.watcher.ceases(low, high, key);
    }
  }

  /** A worker is gone with all it wanted. */
  removeWorker(worker: number): void {
    const before = this.entryCount;
    const had: number[] = [];
    const isWatched = this.watcher !== undefined;
    this.#pairs.removeOwner(worker, isWatched ? (low, high) => had.push(low, high) : undefined);
    this.#changes += before - this.entryCount;
    for (let at = 0; at < had.length; at += 2) {
      const [low, high] = [had[at] as number, had[at + 1] as number];
      if (!this.#pairs.hasHash(low, high)) this.watcher?.ceases(low, high);
    }
  }

  /** Whether some worker wants a key. */
  has(key: string): boolean {
    const low = this.#hashKey(key);
    const high = this.#hash[1] as number;
    return this.#pairs.hasHash(low, high);
  }

  /** Adds the workers that want a key. */
  collect(key: string, into: Set<number>): void {
    const low = this.#hashKey(key);
    const high = this.#hash[1] as number;
    this.#pairs.collect(low, high, into);
  }

  /** The hashes of all keys that somebody wants, one by one; of several workers several times. */
  forEachHash(call: (low: number, high: number) => void): void {
    this.#pairs.forEach(call);
  }

  /** @returns the lower half; the higher one stands in `#hash[1]` */
  #hashKey(key: string): number {
    this.#hasher.hashWide(key, this.#hash);
    return this.#hash[0] as number;
  }
}
