/**
 * Counts of values in buckets whose width grows with the value, as in HdrHistogram: every value
 * from 1 to 2^40 is kept to within 3.2 %, in a fixed array, and recording allocates nothing.
 *
 * Below 64 each value has a bucket of its own; from there each power of two is cut into 32.
 */

const SUB_BUCKETS = 32;
const SUB_BITS = 5;
const EXPONENT_MAX = 40;
export const HISTOGRAM_BUCKETS: number = (EXPONENT_MAX - SUB_BITS + 1) * SUB_BUCKETS;

/** The buckets that are not empty, for JSON: `[index, count, index, count, …]`. */
export type HistogramData = readonly number[];

export class Histogram {
  readonly #counts: Float64Array = new Float64Array(HISTOGRAM_BUCKETS);
  #total = 0;

  /** Values recorded. */
  get total(): number {
    return this.#total;
  }

  /** @param value a number from 0 on; what is out of range counts as the nearest in it */
  record(value: number): void {
    const bucket = bucketOf(value);
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#total++;
  }

  /** Adds what another one holds; a negative `sign` takes it away. */
  merge(data: HistogramData, sign: 1 | -1 = 1): void {
    for (let i = 0; i + 1 < data.length; i += 2) {
      const bucket = data[i] as number;
      const count = sign * (data[i + 1] as number);
      if (!(bucket >= 0 && bucket < HISTOGRAM_BUCKETS)) continue;
      this.#counts[bucket] = (this.#counts[bucket] as number) + count;
      this.#total += count;
    }
  }

  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
  }

  /**
   * @param share from 0 to 1: 0.99 asks for the value that 99 of 100 do not exceed
   * @returns the upper end of its bucket; undefined while nothing is recorded
   */
  percentile(share: number): number | undefined {
    if (this.#total <= 0) return undefined;
    const wanted = Math.max(1, Math.ceil(share * this.#total));
    let seen = 0;
    for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
      seen += this.#counts[bucket] as number;
      if (seen >= wanted) return upperEndOf(bucket);
    }
    return upperEndOf(HISTOGRAM_BUCKETS - 1);
  }

  toData(): HistogramData {
    const data: number[] = [];
    for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
      const count = this.#counts[bucket] as number;
      if (count !== 0) data.push(bucket, count);
    }
    return data;
  }
}

function bucketOf(value: number): number {
  const whole = value > 0 ? Math.floor(value) : 0;
  if (whole < 2 * SUB_BUCKETS) return whole;
  const exponent = Math.floor(Math.log2(whole));
  if (exponent >= EXPONENT_MAX) return HISTOGRAM_BUCKETS - 1;
  // `whole` has `exponent + 1` bits; the highest six of them are 32 to 63.
  const high = Math.floor(whole / 2 ** (exponent - SUB_BITS));
  return (exponent - SUB_BITS) * SUB_BUCKETS + high;
}

function upperEndOf(bucket: number): number {
  if (bucket < 2 * SUB_BUCKETS) return bucket;
  const exponent = Math.floor(bucket / SUB_BUCKETS) - 1;
  const high = bucket - exponent * SUB_BUCKETS;
  return (high + 1) * 2 ** exponent - 1;
}
