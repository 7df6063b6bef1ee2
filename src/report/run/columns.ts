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

/** How fast a counter grew up to each sample, in one second; over unknown entries it is even. */
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

/**
 * How fast a counter grew in the time before each sample, in one second: for counters that are read
 * out of step with the samples, whose growth from one sample to the next is too uneven to be told.
 *
 * @param spanSeconds the least time to look back; null where less is known
 */
export function perSecondOver(
  seconds: readonly number[],
  counter: Column,
  spanSeconds: number,
): Column {
  const known: { readonly at: number; readonly value: number }[] = [];
  let behind = 0;
  return counter.map((value, index) => {
    if (value === null) return null;
    const at = seconds[index] as number;
    known.push({ at, value });
    while (at - (known[behind + 1]?.at ?? at) >= spanSeconds) behind++;
    const from = known[behind] as (typeof known)[number];
    if (at - from.at < spanSeconds) return null;
    return growth(from.value, value) / (at - from.at);
  });
}

/** A counter of a process that may have been replaced, as if it had gone on from where it was. */
export function unbroken(counter: Column): Column {
  let before: number | undefined;
  let sum = 0;
  return counter.map((value) => {
    if (value === null) return null;
    sum += before === undefined ? value : growthOfProcess(before, value);
    before = value;
    return sum;
  });
}

/** What a counter gained from one sample to another. */
export function growth(from: number, to: number): number {
  return Math.max(0, to - from);
}

/** The same for a process: a counter that fell is that of a new one, which began at 0. */
export function growthOfProcess(from: number, to: number): number {
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
