/**
 * The form of a bound that is no config key: one entry holds its value, its reason, what who
 * reaches it sees, and where that is counted. Code reads the value through `LIMITS`, people read
 * docs/LIMITS.md; a config key that is a limit has the same facts in its place in the schema.
 */

import type { Reason } from './reasons.ts';

/** A reason of `holdfast_refusals_total`, or a metric of its own. */
export type CountedAs = Reason | `holdfast_${string}`;

export interface Bound {
  readonly value: number;
  /** What is counted, in the plural. */
  readonly unit: string;
  /** Why there is a bound, and why it is this one. */
  readonly why: string;
  /** What who reaches it sees; absent when nothing is refused, as where work waits for its turn. */
  readonly seen?: string;
  /** Absent when nothing is refused, or when the error thrown says it. */
  readonly counted?: CountedAs;
}
