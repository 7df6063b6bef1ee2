/** A finding with its weight: what the parts of the verdict give and `judge` sorts. */

import type { Finding, FleetVerdict } from '../recording/record.ts';

export type Verdict = FleetVerdict['verdict'];

export interface Judged extends Finding {
  /** What the verdict is at best because of it. */
  readonly atBest: Verdict;
}
