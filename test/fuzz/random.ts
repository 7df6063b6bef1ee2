/**
 * Random values that can be had again: every generator prints its seed, and
 * `HOLDFAST_FUZZ_SEED` sets it.
 */

export class Random {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed;
    this.#state = seed;
  }

  /** A generator whose seed is printed, so that a failure can be repeated. */
  static announced(purpose: string): Random {
    const given = process.env['HOLDFAST_FUZZ_SEED'];
    const seed = given === undefined ? Date.now() % 2 ** 32 : Number(given);
    console.log(`${purpose}: HOLDFAST_FUZZ_SEED=${seed}`);
    return new Random(seed);
  }

  /** From 0 up to, but not including, 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 up to, but not including, `bound`. */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  /** Text with what breaks naive code: quotes, NUL, separators, surrogates alone and in pairs. */
  text(maxLength: number): string {
    const pieces = ['a', 'B', '7', ' ', '"', '\\', ',', '/', '-', '[', '{', '\n', '\0'];
    pieces.push('\x1e', 'é', '語', '🐟', '\ud83d', '\ude00', '\u2028', '__proto__', 'b', '4');
    let text = '';
    while (text.length < maxLength && this.chance(0.9)) text += this.pick(pieces);
    return text.slice(0, maxLength);
  }

  bytes(maxLength: number): Buffer {
    return Buffer.from(Array.from({ length: this.below(maxLength + 1) }, () => this.below(256)));
  }

  /** A value that JSON can hold; binary ones among them when asked for. */
  value(depth: number, withBinary: boolean): unknown {
    const isLeaf = depth === 0 || this.chance(0.5);
    if (isLeaf) return this.#leaf(withBinary);
    const items = Array.from({ length: this.below(4) }, () => this.value(depth - 1, withBinary));
    if (this.chance(0.5)) return items;
    return Object.fromEntries(items.map((item, index) => [`${index}${this.text(4)}`, item]));
  }

  #leaf(withBinary: boolean): unknown {
    if (withBinary && this.chance(0.3)) return this.bytes(12);
    const numbers = [0, 1, -1, 0.5, 1e21, -1e-7, Number.MAX_SAFE_INTEGER, this.below(1000)];
    return this.pick([null, true, false, this.text(10), this.pick(numbers)]);
  }
}
