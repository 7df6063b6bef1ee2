/** Numbers in the words that people read. */

import { UNLIMITED } from '../machine/process-limits.ts';

/** `1,000,000` */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** A limit that nothing bounds reads better in words. */
export function limitText(limit: number): string {
  return limit >= UNLIMITED ? 'unlimited' : count(limit);
}

/** `24.1 GB`, `40 MB`, `131 kB`; powers of 1000. */
export function bytes(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(1)} GB`;
  if (value >= 1e6) return `${Math.round(value / 1e6)} MB`;
  return value >= 1e3 ? `${Math.round(value / 1e3)} kB` : `${value} bytes`;
}

/** The next number that is short to say: two digits, then zeros. */
export function roundUp(value: number): number {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, value))) - 1);
  return Math.ceil(value / step) * step;
}
