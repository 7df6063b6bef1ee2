/**
 * A hash of texts that strangers cannot aim at: HalfSipHash-1-3 under a random key of its own.
 *
 * The runtime's own string hash has no key, so names can be made that all have the same; and the
 * hashes that multiply (wyhash, murmur) have collisions that hold under every seed. SipHash mixes
 * by adding, rotating and xoring only, one 32-bit word at a time, which is two UTF-16 units; "half"
 * is its variant for 32-bit arithmetic, made for tables. Source: Aumasson and Bernstein, "SipHash:
 * a fast short-input PRF", 2012, and their reference code.
 */

/** Rounds at the end, for each 32 bits that come out. */
const FINAL_ROUNDS = 3;

/** An address of the Internet Protocol and a port. */
const WORDS_GIVEN = 4;

/** Makes hashes under one key; those of another do not agree with them. */
export class KeyedHash {
  readonly #key0: number;
  readonly #key1: number;
  #high = 0;
  readonly #given: Int32Array = new Int32Array(WORDS_GIVEN);

  constructor(key: Uint32Array = crypto.getRandomValues(new Uint32Array(2))) {
    this.#key0 = (key[0] as number) | 0;
    this.#key1 = (key[1] as number) | 0;
  }

  /** 32 bits of a text, or of its part from `start` to before `end`. */
  hash(text: string, start = 0, end: number = text.length): number {
    return this.#run(text, start, end, 0) >>> 0;
  }

  /** 64 bits of a text: `into[0]` is the lower half. */
  hashWide(text: string, into: Uint32Array): void {
    into[0] = this.#run(text, 0, text.length, FINAL_ROUNDS);
    into[1] = this.#high;
  }

  /** 32 bits of four words of 32 bits, as of the eight units of text that they would be. */
  hashWords(first: number, second: number, third: number, fourth: number): number {
    const given = this.#given;
    given[0] = first;
    given[1] = second;
    given[2] = third;
    given[3] = fourth;
    return this.#run('', 0, given.length * 2, 0, given) >>> 0;
  }

  /**
   * @param more further rounds, which leave the higher half in `#high`
   * @param given words that stand for a text
   */
  #run(text: string, start: number, end: number, more: number, given?: Int32Array): number {
    const width = more === 0 ? 0xff : 0xee;
    let v0 = this.#key0;
    let v1 = more === 0 ? this.#key1 : this.#key1 ^ 0xee;
    let v2 = this.#key0 ^ 0x6c79_6765;
    let v3 = this.#key1 ^ 0x7465_6462;
    let low = 0;
    const length = end - start;
    const words = (length >> 1) + 1;
    const lowAt = words + FINAL_ROUNDS;
    let at = start;
    for (let round = 0; round < lowAt + more; round++) {
      let word = 0;
      if (round < words - 1) {
        if (given === undefined) word = text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16);
        else word = given[round] as number;
        at += 2;
      } else if (round < words) {
        // The last word has the length, and the unit that is left over, if any.
        word = (length << 24) | (at < end ? text.charCodeAt(at) : 0);
      } else if (round === words) v2 ^= width;
      else if (round === lowAt) {
        low = v1 ^ v3;
        v1 ^= 0xdd;
      }
      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
    }
    if (more === 0) return v1 ^ v3;
    this.#high = v1 ^ v3;
    return low;
  }
}
