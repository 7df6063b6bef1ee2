/**
 * A map by names that strangers choose: as `Map` is, but no names can be made that collide in it.
 * It is part of the public surface, since apps keep tables by what clients send, too.
 *
 * Entries stand side by side in arrays, each with the hash of its name; a table of places, found by
 * open addressing with linear probing, holds their numbers. The hash has a random key of its own
 * (`keyed-hash.ts`), where that of `Map` has none: 10,000 names made for it take 0.6 s
 * to enter there, and each of them 60 µs to find.
 *
 * Entries are in the order of their coming until one is deleted, whose place the last one takes.
 */

import { KeyedHash } from './keyed-hash.ts';

const PLACES_MIN = 8;
/** Fuller tables probe for long, emptier ones waste memory. */
const LOAD_MAX = 2 / 3;
const LOAD_MIN = 1 / 6;

export class NameMap<Value> {
  readonly #hash: KeyedHash = new KeyedHash();
  #names: string[] = [];
  #values: Value[] = [];
  /** Of the names, by the number of their entry. */
  #hashes: Uint32Array = new Uint32Array(PLACES_MIN);
  /** The number of an entry plus one; 0 is an empty place. */
  #places: Uint32Array = new Uint32Array(PLACES_MIN);

  get size(): number {
    return this.#names.length;
  }

  has(name: string): boolean {
    return this.#places[this.#find(name, this.#hash.hash(name))] !== 0;
  }

  get(name: string): Value | undefined {
    const entry = this.#places[this.#find(name, this.#hash.hash(name))] as number;
    return entry === 0 ? undefined : this.#values[entry - 1];
  }

  set(name: string, value: Value): this {
    const hash = this.#hash.hash(name);
    const place = this.#find(name, hash);
    const entry = this.#places[place] as number;
    if (entry !== 0) this.#values[entry - 1] = value;
    else {
      this.#hashes[this.#names.length] = hash;
      this.#values.push(value);
      this.#places[place] = this.#names.push(name);
      if (this.#names.length > this.#places.length * LOAD_MAX) this.#resize();
    }
    return this;
  }

  /** @returns whether it was there */
  delete(name: string): boolean {
    const place = this.#find(name, this.#hash.hash(name));
    const entry = this.#places[place] as number;
    if (entry === 0) return false;
    this.#vacate(place);
    this.#fill(entry - 1);
    const places = this.#places.length;
    if (places > PLACES_MIN && this.#names.length < places * LOAD_MIN) this.#resize();
    return true;
  }

  clear(): void {
    this.#names = [];
    this.#values = [];
    if (this.#places.length === PLACES_MIN) this.#places.fill(0);
    else {
      this.#hashes = new Uint32Array(PLACES_MIN);
      this.#places = new Uint32Array(PLACES_MIN);
    }
  }

  /** Names and values; the map MUST NOT be changed on the way. */
  *entries(): Generator<[string, Value]> {
    for (let i = 0; i < this.#names.length; i++) {
      yield [this.#names[i] as string, this.#values[i] as Value];
    }
  }

  keys(): ArrayIterator<string> {
    return this.#names.values();
  }

  values(): ArrayIterator<Value> {
    return this.#values.values();
  }

  [Symbol.iterator](): Generator<[string, Value]> {
    return this.entries();
  }

  /** The place of a name, or the empty one where it belongs. */
  #find(name: string, hash: number): number {
    const mask = this.#places.length - 1;
    let place = hash & mask;
    for (;;) {
      const entry = this.#places[place] as number;
      if (entry === 0) return place;
      if (this.#hashes[entry - 1] === hash && this.#names[entry - 1] === name) return place;
      place = (place + 1) & mask;
    }
  }

  /** Empties a place and moves up those behind it that may stand there, so no gap hides them. */
  #vacate(gap: number): void {
    const mask = this.#places.length - 1;
    let hole = gap;
    for (let place = (gap + 1) & mask; ; place = (place + 1) & mask) {
      const entry = this.#places[place] as number;
      if (entry === 0) break;
      const home = (this.#hashes[entry - 1] as number) & mask;
      const mayMove = ((place - home) & mask) >= ((place - hole) & mask);
      if (!mayMove) continue;
      this.#places[hole] = entry;
      hole = place;
    }
    this.#places[hole] = 0;
  }

  /** Takes an entry out that no place names any more; the last one takes its number. */
  #fill(number: number): void {
    const last = this.#names.length - 1;
    const name = this.#names.pop() as string;
    const value = this.#values.pop() as Value;
    if (number === last) return;
    const hash = this.#hashes[last] as number;
    const mask = this.#places.length - 1;
    let place = hash & mask;
    while (this.#places[place] !== last + 1) place = (place + 1) & mask;
    this.#places[place] = number + 1;
    this.#names[number] = name;
    this.#values[number] = value;
    this.#hashes[number] = hash;
  }

  /** Makes room for twice the entries that there are, and lets go of what was for more. */
  #resize(): void {
    const count = this.#names.length;
    const length = Math.max(PLACES_MIN, 2 ** Math.ceil(Math.log2(count * 2 + 1)));
    const hashes = new Uint32Array(Math.ceil(length * LOAD_MAX) + 1);
    hashes.set(this.#hashes.subarray(0, count));
    if (length < this.#places.length) {
      this.#names = this.#names.slice();
      this.#values = this.#values.slice();
    }
    this.#hashes = hashes;
    this.#places = new Uint32Array(length);
    const mask = length - 1;
    for (let entry = 0; entry < count; entry++) {
      let place = (hashes[entry] as number) & mask;
      while (this.#places[place] !== 0) place = (place + 1) & mask;
      this.#places[place] = entry + 1;
    }
  }
}
