/**
 * Keeps strings that strangers choose from piling up in one place of the runtime's own table.
 *
 * `JSON.parse` looks up each name of a property, and each other string of up to 16 characters, in
 * one table of the whole process. Its hash has no key (runtime-hash.ts), so strings can be made
 * that all belong in one place; each then costs a look at all that are there, some 17 ns each, and
 * they stay until garbage is collected. So it is not enough to count within one message.
 *
 *     a string ─▶ known of late? ─▶ free, but for what its place costs
 *              └▶ new ─▶ its place takes it, or it is suspect ─▶ a few of a sender, or refused
 *
 * Which strings are known stands in bitmaps, by a mark that is made with random keys. What is new
 * is counted by place. Where there are more than chance explains, a new string is *suspect*: each
 * sender may bring a few in a while, since the name of a property that the app's own clients use
 * may belong in a place that somebody else has filled. Refused is a message that brings more of
 * them, or whose strings are together costly to find.
 *
 * What is known is forgotten within two windows, which end the sooner the more strings come. So
 * that nobody can have the names in use forgotten and then fill their places, those that came again
 * in several windows are *established*, and stay known.
 */

import { RUNTIME_HASH_BITS, RuntimeHash } from './runtime-hash.ts';

const PLACES = 1 << RUNTIME_HASH_BITS;
/** Of marks, in the bitmaps; a window ends when a quarter of the bits is set, or by the clock. */
const KNOWN_BITS = 18;
const WINDOW_STRINGS: number = 2 ** KNOWN_BITS / 4;
const WINDOW_MS = 60_000;
/** New strings that a place takes in a window: by chance more are there once in 10^9 windows. */
const PLACE_STRINGS = 12;
/** … and so many times the mean, where new strings are many. */
const PLACE_MEAN_FACTOR = 4;
/** From here on a place takes no more, whoever sends it. */
const PLACE_STRINGS_MAX = 1_000;
/** Suspect strings that one sender may bring in a window. */
const SUSPECTS_PER_SENDER = 8;
/** Looks at other strings that one message may cost: some 8 ms. */
const LOOKS_PER_MESSAGE = 500_000;
/** After a suspect string the guard is wary for so long. */
const WARY_MS = 600_000;
/** Of marks, in the table of the latest strings, with what each costs. */
const LATEST_BITS = 9;
const MARK_KEYS = 64;
/** Of marks, in the table of established strings; each may stand in two places. */
const ESTABLISHED_BITS = 12;
/** Windows in which a string has to come again until it is. */
const SIGHTINGS = 4;

export class StringGuard {
  /** Random keys of marks, one for each character in turn. */
  readonly markKeys: Int32Array = new Int32Array(
    crypto.getRandomValues(new Uint32Array(MARK_KEYS)).buffer,
  );
  readonly #hash: RuntimeHash = new RuntimeHash();
  readonly #latest: Int32Array = new Int32Array(1 << LATEST_BITS);
  readonly #latestLooks: Uint16Array = new Uint16Array(1 << LATEST_BITS);
  #known: Uint32Array = new Uint32Array(2 ** KNOWN_BITS / 32);
  #knownBefore: Uint32Array = new Uint32Array(2 ** KNOWN_BITS / 32);
  readonly #established: Int32Array = new Int32Array(1 << ESTABLISHED_BITS);
  readonly #sightings: Uint8Array = new Uint8Array(1 << ESTABLISHED_BITS);
  #knownCount = 0;
  /** Of new strings, by place; and of all places together. */
  readonly #counts: Uint16Array = new Uint16Array(PLACES);
  #counted = 0;
  #windowEndsMs = 0;
  /** Suspect strings in this window by who sent them; there are seldom any. */
  readonly #suspects: Map<object, number> = new Map();
  #waryUntilMs = Number.NEGATIVE_INFINITY;
  // Of the message at hand.
  #sender: object = this;
  #nowMs = 0;
  #looks = 0;

  /** Suspect strings have come of late: nothing is to be passed over. */
  get isWary(): boolean {
    return this.#nowMs < this.#waryUntilMs;
  }

  /** The strings from here on are of one message. */
  begin(sender: object, nowMs: number): void {
    this.#sender = sender;
    this.#nowMs = nowMs;
    this.#looks = 0;
    if (nowMs < this.#windowEndsMs) return;
    this.#windowEndsMs = nowMs + WINDOW_MS;
    this.#suspects.clear();
    if (this.#knownCount > 0) this.#nextWindow();
  }

  /** Whether a string is among the latest and found at once, so that it need not be taken. */
  isFree(mark: number): boolean {
    const slot = mark >>> (32 - LATEST_BITS);
    return this.#latest[slot] === mark && this.#latestLooks[slot] === 0;
  }

  /**
   * Takes a string of the message.
   *
   * @param mark made of its characters and `markKeys`
   * @returns false when the message has to be refused
   */
  take(units: Uint16Array, length: number, isWide: boolean, mark: number): boolean {
    const slot = mark >>> (32 - LATEST_BITS);
    if (this.#latest[slot] !== mark) {
      const isKnown = this.#recall(mark);
      let looks: number | undefined = 0;
      if (!isKnown || this.isWary) {
        looks = this.#looksAt(this.#hash.lowBits(units, length, isWide), isKnown);
        if (looks === undefined) return false;
        if (!isKnown) this.#remember(mark);
      }
      this.#latest[slot] = mark;
      this.#latestLooks[slot] = looks;
    }
    this.#looks += this.#latestLooks[slot] as number;
    return this.#looks <= LOOKS_PER_MESSAGE;
  }

  /** How many others are passed to find a string; `undefined` when its place takes no more. */
  #looksAt(place: number, isKnown: boolean): number | undefined {
    const count = this.#counts[place] as number;
    const isFull = count >= PLACE_STRINGS + (PLACE_MEAN_FACTOR * this.#counted) / PLACES;
    if (!isKnown) {
      if (isFull && !this.#maySuspect(count)) return undefined;
      this.#counts[place] = count + 1;
      this.#counted++;
    }
    return isFull ? count : 0;
  }

  #maySuspect(count: number): boolean {
    this.#waryUntilMs = this.#nowMs + WARY_MS;
    const suspects = (this.#suspects.get(this.#sender) ?? 0) + 1;
    this.#suspects.set(this.#sender, suspects);
    return suspects <= SUSPECTS_PER_SENDER && count < PLACE_STRINGS_MAX;
  }

  /** Whether a string was known in this window or the one before, from which it is taken along. */
  #recall(mark: number): boolean {
    const bit = mark >>> (32 - KNOWN_BITS);
    const mask = 1 << (bit & 31);
    if (((this.#known[bit >>> 5] as number) & mask) !== 0) return true;
    if (((this.#knownBefore[bit >>> 5] as number) & mask) !== 0) this.#sight(mark);
    else if (!this.#isEstablished(mark)) return false;
    this.#remember(mark);
    return true;
  }

  #isEstablished(mark: number): boolean {
    const slot = this.#slotOf(mark);
    return this.#established[slot] === mark && (this.#sightings[slot] as number) >= SIGHTINGS;
  }

  /** A string came again in another window. What is established already makes place for none. */
  #sight(mark: number): void {
    const slot = this.#slotOf(mark);
    const sightings = this.#sightings[slot] as number;
    if (this.#established[slot] === mark) {
      this.#sightings[slot] = Math.min(sightings + 1, SIGHTINGS);
    } else if (sightings > 1 && sightings < SIGHTINGS) {
      this.#sightings[slot] = sightings - 1;
    } else if (sightings <= 1) {
      this.#established[slot] = mark;
      this.#sightings[slot] = 1;
    }
  }

  /** Where a string stands or may stand: the one of two places that has it, or the weaker one. */
  #slotOf(mark: number): number {
    const first = mark & ((1 << ESTABLISHED_BITS) - 1);
    const second = first ^ 1;
    if (this.#established[first] === mark) return first;
    if (this.#established[second] === mark) return second;
    const isWeaker = (this.#sightings[second] as number) < (this.#sightings[first] as number);
    return isWeaker ? second : first;
  }

  #remember(mark: number): void {
    const bit = mark >>> (32 - KNOWN_BITS);
    this.#known[bit >>> 5] = (this.#known[bit >>> 5] as number) | (1 << (bit & 31));
    if (++this.#knownCount >= WINDOW_STRINGS) this.#nextWindow();
  }

  /** What is known stays so for one window more; of what was counted, half is forgotten. */
  #nextWindow(): void {
    const oldest = this.#knownBefore;
    this.#knownBefore = this.#known;
    this.#known = oldest.fill(0);
    this.#knownCount = 0;
    this.#latest.fill(0);
    this.#counted = 0;
    for (let place = 0; place < PLACES; place++) {
      const half = (this.#counts[place] as number) >> 1;
      this.#counts[place] = half;
      this.#counted += half;
    }
  }
}
