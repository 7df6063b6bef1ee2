/**
 * Arithmetic on columns: one array a quantity, one entry a sample. Pure; what a quantity means is
 * known by those who call.
 */

/** A column with entries that are not known. */
export type Column = readonly (number | null)[];

/** Two samples nearer than this say nothing about a rate. */
const INTERVAL_MIN_SECONDS = 0.05;

/** The sum of what is known. */
export function total(values: Column): number {
  let sum = 0;
  for (const value of values) sum += value ?? 0;
  return sum;
}

/** @returns null when nothing is known */
export function highest(values: Column): number | null {
  let found: number | null = null;
  for (const value of values) {
    if (value !== null && (found === null || value > found)) found = value;
  }
  return found;
}

/** @returns null when nothing is known */
export function lowest(values: Column): number | null {
  const found = highest(values.map((value) => (value === null ? null : -value)));
  return found === null ? null : -found;
}

/** The middle of what is known; of an even number of values, the mean of the two in the middle. */
export function median(values: Column): number | null {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle];
  if (upper === undefined) return null;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] as number)) / 2;
}

/**
 * How fast a counter grew up to each sample, in one second. A counter that fell has begun again
 * from 0, as that of a replaced worker does; over entries that are not known it is even.
 */
export function perSecond(seconds: readonly number[], counter: Column): Column {
  const rates: (number | null)[] = [];
  let before: { readonly at: number; readonly value: number } | undefined;
  for (const [index, value] of counter.entries()) {
    const at = seconds[index] as number;
    if (value === null || (before !== undefined && at - before.at < INTERVAL_MIN_SECONDS)) {
      rates.push(null);
      continue;
    }
    rates.push(before === undefined ? null : growth(before.value, value) / (at - before.at));
    before = { at, value };
  }
  return rates;
}

/** What a counter gained from one sample to another; one that fell has begun again from 0. */
export function growth(from: number, to: number): number {
  return to >= from ? to - from : to;
}

/** Element by element over columns of the same length. */
export function combine(
  columns: readonly Column[],
  how: (values: Column) => number | null,
): Column {
  const length = columns[0]?.length ?? 0;
  return Array.from({ length }, (_, index) => how(columns.map((column) => column[index] ?? null)));
}
