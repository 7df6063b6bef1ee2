/**
 * Which workers want to hear of which key: a namespace, a room or a user.
 *
 * A million users are a million keys, so the table holds no keys. Each pair of a key and a worker
 * is 10 bytes: a hash of the key, 64 bits wide, and the number of the worker. Pairs of one key
 * stand in one run of places, found by open addressing with linear probing. Measured at 1,000,000
 * users: 21 bytes each, and 15 to 30 while it grows, where a `Map` took 240; the controller's
 * resident memory grows by 33 to 38 (`bun test src/server/links/bus/interest-memory.test.ts`).
 *
 * Two keys with the same hash are one to the table. What is for one of them then reaches the
 * workers of the other as well, which find no recipient; but when a worker loses interest in one
 * of two that it wants, it gets nothing for the other either. By chance that befalls a million
 * keys once in 37 million tables; on purpose it takes the key of the hash, which never leaves the
 * process.
 */

import { KeyedHash } from '../../../host/runtime/keyed-hash.ts';

/** Room for pairs. Place `i` has its hash at `2 * i` and `2 * i + 1`. */
interface Places {
  readonly hashes: Uint32Array;
  /** The worker plus one; 0 is an empty place. */
  readonly workers: Uint16Array;
}

const PLACES_MIN = 64;
/** Fuller tables probe for long, emptier ones waste memory. */
const LOAD_MAX = 2 / 3;
const LOAD_MIN = 1 / 6;

export class InterestTable {
  readonly #hasher: KeyedHash = new KeyedHash();
  /** The hash of the key at hand, lower half first. */
  readonly #hash: Uint32Array = new Uint32Array(2);
  #places: Places = emptyPlaces(PLACES_MIN);
  #entryCount = 0;
  #changes = 0;

  /** Pairs of a key and a worker. */
  get entryCount(): number {
    return this.#entryCount;
  }

  /** How often a pair was added or removed. */
  get changes(): number {
    return this.#changes;
  }

  /** What the pairs take, full and empty places together. */
  get byteLength(): number {
    return this.#places.hashes.byteLength + this.#places.workers.byteLength;
  }

  add(key: string, worker: number): void {
    const place = this.#find(key, worker);
    if (this.#places.workers[place] !== 0) return;
    put(this.#places, place, this.#hash[0] as number, this.#hash[1] as number, worker + 1);
    this.#entryCount++;
    this.#changes++;
    if (this.#entryCount > this.#places.workers.length * LOAD_MAX) this.#resize();
  }

  remove(key: string, worker: number): void {
    const place = this.#find(key, worker);
    if (this.#places.workers[place] === 0) return;
    this.#vacate(place);
    this.#entryCount--;
    this.#changes++;
    if (this.#isSparse()) this.#resize();
  }

  /** A worker is gone with all it wanted. One pass over the table, in place. */
  removeWorker(worker: number): void {
    const { hashes, workers } = this.#places;
    const mask = workers.length - 1;
    const before = this.#entryCount;
    // From an empty place on, pairs come in the order in which they may have been moved on from
    // their homes: each is taken out and put where it now belongs, which is never further on.
    const start = workers.indexOf(0);
    for (let step = 1; step <= mask; step++) {
      const place = (start + step) & mask;
      const owner = workers[place] as number;
      if (owner === 0) continue;
      workers[place] = 0;
      if (owner === worker + 1) {
        this.#entryCount--;
        continue;
      }
      const low = hashes[2 * place] as number;
      put(this.#places, freePlace(workers, low), low, hashes[2 * place + 1] as number, owner);
    }
    this.#changes += before - this.#entryCount;
    if (this.#isSparse()) this.#resize();
  }

  /** Adds the workers that want a key. */
  collect(key: string, into: Set<number>): void {
    this.#hashKey(key);
    const low = this.#hash[0] as number;
    const high = this.#hash[1] as number;
    const { hashes, workers } = this.#places;
    const mask = workers.length - 1;
    for (let place = low & mask; workers[place] !== 0; place = (place + 1) & mask) {
      if (hashes[2 * place] === low && hashes[2 * place + 1] === high) {
        into.add((workers[place] as number) - 1);
      }
    }
  }

  #hashKey(key: string): void {
    this.#hasher.hashWide(key, this.#hash);
  }

  /** The place of a pair, or the empty one where it belongs. Leaves the hash of the key behind. */
  #find(key: string, worker: number): number {
    this.#hashKey(key);
    const low = this.#hash[0] as number;
    const high = this.#hash[1] as number;
    const { hashes, workers } = this.#places;
    const mask = workers.length - 1;
    let place = low & mask;
    while (workers[place] !== 0) {
      const isPair = workers[place] === worker + 1;
      if (isPair && hashes[2 * place] === low && hashes[2 * place + 1] === high) break;
      place = (place + 1) & mask;
    }
    return place;
  }

  /** Empties a place and moves up those behind it that may stand there, so no gap hides them. */
  #vacate(gap: number): void {
    const { hashes, workers } = this.#places;
    const mask = workers.length - 1;
    let hole = gap;
    for (let place = (gap + 1) & mask; workers[place] !== 0; place = (place + 1) & mask) {
      const low = hashes[2 * place] as number;
      const mayMove = ((place - (low & mask)) & mask) >= ((place - hole) & mask);
      if (!mayMove) continue;
      put(this.#places, hole, low, hashes[2 * place + 1] as number, workers[place] as number);
      hole = place;
    }
    workers[hole] = 0;
  }

  #isSparse(): boolean {
    const { length } = this.#places.workers;
    return length > PLACES_MIN && this.#entryCount < length * LOAD_MIN;
  }

  /** Makes room for twice the pairs that there are. */
  #resize(): void {
    const old = this.#places;
    const fitting = 2 ** Math.ceil(Math.log2(this.#entryCount * 2 + 1));
    this.#places = emptyPlaces(Math.max(PLACES_MIN, fitting));
    for (let place = 0; place < old.workers.length; place++) {
      const owner = old.workers[place] as number;
      if (owner === 0) continue;
      const low = old.hashes[2 * place] as number;
      const high = old.hashes[2 * place + 1] as number;
      put(this.#places, freePlace(this.#places.workers, low), low, high, owner);
    }
  }
}

/** @param count a power of two */
function emptyPlaces(count: number): Places {
  return { hashes: new Uint32Array(2 * count), workers: new Uint16Array(count) };
}

function put(
  { hashes, workers }: Places,
  place: number,
  low: number,
  high: number,
  owner: number,
): void {
  hashes[2 * place] = low;
  hashes[2 * place + 1] = high;
  workers[place] = owner;
}

/** The first empty place from the home of a hash on. */
function freePlace(workers: Uint16Array, low: number): number {
  const mask = workers.length - 1;
  let place = low & mask;
  while (workers[place] !== 0) place = (place + 1) & mask;
  return place;
}
