/**
 * The hash that the runtime's own tables give a string, to know which strings collide in them.
 *
 * JavaScriptCore keeps each property name, and what `JSON.parse` reads, in one table by this hash,
 * and `Map` and `Set` use it too. It has no key: it is rapidhash over the string's bytes, one a
 * character, or two where a character needs them. Only its lowest bits are computed, since they
 * choose the place in a table. `runtime-hash.test.ts` holds it against the runtime that is there.
 * Source: WebKit, `Source/WTF/wtf/text/RapidHash.h`; Nicolas De Carli, "rapidhash".
 */

/** How many of the lowest bits of a hash are computed. */
export const RUNTIME_HASH_BITS = 16;

const MASK = (1 << RUNTIME_HASH_BITS) - 1;
/** Up to so many bytes there is one step. */
const SHORT_BYTES = 16;
const LONG_BYTES = 48;

// The three secrets, each as a lower and a higher half.
const S0L = 0xaa6c_78a5 | 0;
const S0H = 0x2d35_8dcc;
const S1L = 0x962e_acc9 | 0;
const S1H = 0x8bb8_4b93 | 0;
const S2L = 0xd433_d4a3 | 0;
const S2H = 0x4b33_a62e;

/** Computes hashes, one after the other; it keeps its registers. */
export class RuntimeHash {
  #bytes: Uint8Array = new Uint8Array(256);
  readonly #seedLow: number;
  readonly #seedHigh: number;
  // The product of a multiplication, 128 bits.
  #p0 = 0;
  #p1 = 0;
  #p2 = 0;
  #p3 = 0;

  constructor() {
    this.#multiply(S0L, S0H, S1L, S1H);
    this.#seedLow = this.#p0 ^ this.#p2;
    this.#seedHigh = this.#p1 ^ this.#p3;
  }

  /**
   * @param units a string as its UTF-16 units
   * @param isWide whether one of the units is over 255
   */
  lowBits(units: Uint16Array, length: number, isWide: boolean): number {
    const size = this.#fill(units, length, isWide);
    let seedLow = this.#seedLow ^ size;
    let seedHigh = this.#seedHigh;
    let aLow = 0;
    let aHigh = 0;
    let bLow = 0;
    let bHigh = 0;
    if (size > SHORT_BYTES) {
      const at = this.#absorb(size, seedLow, seedHigh);
      seedLow = this.#p0;
      seedHigh = this.#p1;
      aLow = this.#word(at - 16);
      aHigh = this.#word(at - 12);
      bLow = this.#word(at - 8);
      bHigh = this.#word(at - 4);
    } else if (size >= 4) {
      const delta = size >= 8 ? 4 : 0;
      aHigh = this.#word(0);
      aLow = this.#word(size - 4);
      bHigh = this.#word(delta);
      bLow = this.#word(size - 4 - delta);
    } else if (size > 0) {
      const bytes = this.#bytes;
      aHigh = ((bytes[0] as number) << 24) | (bytes[size >> 1] as number);
      aLow = bytes[size - 1] as number;
    }
    this.#multiply(aLow ^ S1L, aHigh ^ S1H, bLow ^ seedLow, bHigh ^ seedHigh);
    this.#multiply(this.#p0 ^ S0L ^ size, this.#p1 ^ S0H, this.#p2 ^ S1L, this.#p3 ^ S1H);
    return (this.#p0 ^ this.#p2) & MASK;
  }

  /** @returns how many bytes there are */
  #fill(units: Uint16Array, length: number, isWide: boolean): number {
    const size = isWide ? 2 * length : length;
    if (size > this.#bytes.length) this.#bytes = new Uint8Array(2 * size);
    const bytes = this.#bytes;
    for (let i = 0; i < length; i++) {
      const unit = units[i] as number;
      if (isWide) {
        bytes[2 * i] = unit;
        bytes[2 * i + 1] = unit >> 8;
      } else bytes[i] = unit;
    }
    return size;
  }

  /** Takes in what stands before the last step. @returns where the bytes end; `#p0` has the seed */
  #absorb(size: number, low: number, high: number): number {
    let at = 0;
    let left = size;
    let seed = [low, high] as const;
    if (left > LONG_BYTES) {
      let first = seed;
      let second = seed;
      do {
        seed = this.#mix(at, S0L, S0H, seed);
        first = this.#mix(at + 16, S1L, S1H, first);
        second = this.#mix(at + 32, S2L, S2H, second);
        at += LONG_BYTES;
        left -= LONG_BYTES;
      } while (left >= LONG_BYTES);
      seed = [seed[0] ^ first[0] ^ second[0], seed[1] ^ first[1] ^ second[1]];
    }
    if (left > 16) {
      seed = this.#mix(at, S2L, S2H, [seed[0] ^ S1L, seed[1] ^ S1H]);
      if (left > 32) seed = this.#mix(at + 16, S2L, S2H, seed);
    }
    this.#p0 = seed[0];
    this.#p1 = seed[1];
    return at + left;
  }

  #mix(
    at: number,
    secretLow: number,
    secretHigh: number,
    seed: readonly [number, number],
  ): readonly [number, number] {
    const low = this.#word(at) ^ secretLow;
    const high = this.#word(at + 4) ^ secretHigh;
    this.#multiply(low, high, this.#word(at + 8) ^ seed[0], this.#word(at + 12) ^ seed[1]);
    return [this.#p0 ^ this.#p2, this.#p1 ^ this.#p3];
  }

  #word(at: number): number {
    const bytes = this.#bytes;
    return (
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
    );
  }

  /** 64 by 64 bits, column by column. */
  #multiply(aLow: number, aHigh: number, bLow: number, bHigh: number): void {
    const second =
      upper(aLow, bLow) + (Math.imul(aLow, bHigh) >>> 0) + (Math.imul(aHigh, bLow) >>> 0);
    const third =
      upper(aLow, bHigh) +
      upper(aHigh, bLow) +
      (Math.imul(aHigh, bHigh) >>> 0) +
      Math.floor(second / 0x1_0000_0000);
    this.#p0 = Math.imul(aLow, bLow);
    this.#p1 = second | 0;
    this.#p2 = third | 0;
    this.#p3 = (upper(aHigh, bHigh) + Math.floor(third / 0x1_0000_0000)) | 0;
  }
}

/** The upper half of the product of two unsigned 32-bit numbers. */
function upper(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const cross = Math.imul(aLow, bHigh) >>> 0;
  const other = Math.imul(aHigh, bLow) >>> 0;
  const carry = (Math.imul(aLow, bLow) >>> 16) + (cross & 0xffff) + (other & 0xffff);
  return (Math.imul(aHigh, bHigh) >>> 0) + (cross >>> 16) + (other >>> 16) + (carry >>> 16);
}
