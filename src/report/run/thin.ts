/**
 * Fewer points for a picture than there are samples, without losing a peak: time is cut into
 * buckets, and of each bucket the samples stay in which any of the columns is highest or lowest;
 * of one in which a column has nothing, a sample stays that shows the gap.
 * All columns of a panel are thinned at once, since stacked areas need the same points.
 */

import type { Column } from './columns.ts';

/** About one point for each pixel of a chart; more would not be seen. */
export const POINTS_MAX = 900;

/**
 * @param columns of the same length
 * @returns the indexes to keep, ascending; the first and the last sample are always among them
 */
export function thin(
  columns: readonly Column[],
  pointsMax: number = POINTS_MAX,
): readonly number[] {
  const length = columns[0]?.length ?? 0;
  if (length <= pointsMax) return Array.from({ length }, (_, index) => index);
  const buckets = Math.max(1, Math.floor((pointsMax - 2) / (2 * columns.length)));
  const kept = new Set([0, length - 1]);
  for (let bucket = 0; bucket < buckets; bucket++) {
    const from = Math.floor((bucket * length) / buckets);
    const to = Math.floor(((bucket + 1) * length) / buckets);
    for (const column of columns) keepExtremes(column, from, to, kept);
  }
  return [...kept].sort((a, b) => a - b);
}

function keepExtremes(column: Column, from: number, to: number, kept: Set<number>): void {
  let low = -1;
  let high = -1;
  for (let index = from; index < to; index++) {
    const value = column[index];
    if (value === null || value === undefined) continue;
    if (low === -1 || value < (column[low] as number)) low = index;
    if (high === -1 || value > (column[high] as number)) high = index;
  }
  if (low !== -1) kept.add(low).add(high);
  else if (from < to) kept.add(from);
}
