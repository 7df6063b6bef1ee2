/**
 * Pairs of a hash, 64 bits wide, and the number of an owner: 10 bytes each.
 *
 * Pairs of one hash stand in one run of places, found by open addressing with linear probing.
 */

/** Room for pairs. Place `i` has its hash at `2 * i` and `2 * i + 1`. */
interface Places {
  readonly hashes: Uint32Array;
  /** The owner plus one; 0 is an empty place. */
  readonly owners: Uint16Array;
}

const PLACES_MIN = 64;
/** Fuller tables probe for long, emptier ones waste memory. */
const LOAD_MAX = 2 / 3;
const LOAD_MIN = 1 / 6;

export class PairTable {
  #places: Places = emptyPlaces(PLACES_MIN);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** What the pairs take, full and empty places together. */
  get byteLength(): number {
    return this.#places.hashes.byteLength + this.#places.owners.byteLength;
  }

  /** @returns false when it was there */
  add(low: number, high: number, owner: number): boolean {
    const place = this.#find(low, high, owner);
    if (this.#places.owners[place] !== 0) return false;
    put(this.#places, place, low, high, owner + 1);
    this.#size++;
    if (this.#size > this.#places.owners.length * LOAD_MAX) this.#resize();
    return true;
  }

  /** @returns false when it was not there */
  remove(low: number, high: number, owner: number): boolean {
    const place = this.#find(low, high, owner);
    if (this.#places.owners[place] === 0) return false;
    this.#vacate(place);
    this.#size--;
    if (this.#isSparse()) this.#resize();
    return true;
  }

  has(low: number, high: number, owner: number): boolean {
    return this.#places.owners[this.#find(low, high, owner)] !== 0;
  }

  /** Whether anybody has a hash. */
  hasHash(low: number, high: number): boolean {
    const { hashes, owners } = this.#places;
    const mask = owners.length - 1;
    for (let place = low & mask; owners[place] !== 0; place = (place + 1) & mask) {
      if (hashes[2 * place] === low && hashes[2 * place + 1] === high) return true;
    }
    return false;
  }

  /** Adds those who have a hash. */
  collect(low: number, high: number, into: Set<number>): void {
    const { hashes, owners } = this.#places;
    const mask = owners.length - 1;
    for (let place = low & mask; owners[place] !== 0; place = (place + 1) & mask) {
      if (hashes[2 * place] === low && hashes[2 * place + 1] === high) {
        into.add((owners[place] as number) - 1);
      }
    }
  }

  /**
   * An owner is gone with all it had. One pass over the table, in place.
   *
   * @param removed is told the hashes that it had, in the middle of it: it must not touch the table
   */
  removeOwner(owner: number, removed?: (low: number, high: number) => void): void {
    const { hashes, owners } = this.#places;
    const mask = owners.length - 1;
    // From an empty place on, pairs come in the order in which they may have been moved on from
    // their homes: each is taken out and put where it now belongs, which is never further on.
    const start = owners.indexOf(0);
    for (let step = 1; step <= mask; step++) {
      const place = (start + step) & mask;
      const held = owners[place] as number;
      if (held === 0) continue;
      owners[place] = 0;
      const low = hashes[2 * place] as number;
      const high = hashes[2 * place + 1] as number;
      if (held === owner + 1) {
        this.#size--;
        removed?.(low, high);
        continue;
      }
      put(this.#places, freePlace(owners, low), low, high, held);
    }
    if (this.#isSparse()) this.#resize();
  }

  /** Calls with each pair, in no order. */
  forEach(call: (low: number, high: number, owner: number) => void): void {
    const { hashes, owners } = this.#places;
    for (let place = 0; place < owners.length; place++) {
      const owner = owners[place] as number;
      if (owner === 0) continue;
      call(hashes[2 * place] as number, hashes[2 * place + 1] as number, owner - 1);
    }
  }

  /** The place of a pair, or the empty one where it belongs. */
  #find(low: number, high: number, owner: number): number {
    const { hashes, owners } = this.#places;
    const mask = owners.length - 1;
    let place = low & mask;
    while (owners[place] !== 0) {
      const isPair = owners[place] === owner + 1;
      if (isPair && hashes[2 * place] === low && hashes[2 * place + 1] === high) break;
      place = (place + 1) & mask;
    }
    return place;
  }

  /** Empties a place and moves up those behind it that may stand there, so no gap hides them. */
  #vacate(gap: number): void {
    const { hashes, owners } = this.#places;
    const mask = owners.length - 1;
    let hole = gap;
    for (let place = (gap + 1) & mask; owners[place] !== 0; place = (place + 1) & mask) {
      const low = hashes[2 * place] as number;
      const mayMove = ((place - (low & mask)) & mask) >= ((place - hole) & mask);
      if (!mayMove) continue;
      put(this.#places, hole, low, hashes[2 * place + 1] as number, owners[place] as number);
      hole = place;
    }
    owners[hole] = 0;
  }

  #isSparse(): boolean {
    const { length } = this.#places.owners;
    return length > PLACES_MIN && this.#size < length * LOAD_MIN;
  }

  /** Makes room for twice the pairs that there are. */
  #resize(): void {
    const old = this.#places;
    const fitting = 2 ** Math.ceil(Math.log2(this.#size * 2 + 1));
    this.#places = emptyPlaces(Math.max(PLACES_MIN, fitting));
    for (let place = 0; place < old.owners.length; place++) {
      const owner = old.owners[place] as number;
      if (owner === 0) continue;
      const low = old.hashes[2 * place] as number;
      const high = old.hashes[2 * place + 1] as number;
      put(this.#places, freePlace(this.#places.owners, low), low, high, owner);
    }
  }
}

/** @param count a power of two */
function emptyPlaces(count: number): Places {
  return { hashes: new Uint32Array(2 * count), owners: new Uint16Array(count) };
}

function put(
  { hashes, owners }: Places,
  place: number,
  low: number,
  high: number,
  owner: number,
): void {
  hashes[2 * place] = low;
  hashes[2 * place + 1] = high;
  owners[place] = owner;
}

/** The first empty place from the home of a hash on. */
function freePlace(owners: Uint16Array, low: number): number {
  const mask = owners.length - 1;
  let place = low & mask;
  while (owners[place] !== 0) place = (place + 1) & mask;
  return place;
}
