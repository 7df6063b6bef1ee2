/**
 * A finding with its weight: what the parts of the verdict give and `judge` sorts. And what several
 * of those parts ask of the facts.
 */

import type { Finding, FleetVerdict } from '../../report/recording/record.ts';
import { sumOf } from '../agent-group/totals.ts';
import type { RunFacts } from './facts.ts';

export type Verdict = FleetVerdict['verdict'];

export interface Judged extends Finding {
  /** What the verdict is at best because of it. */
  readonly atBest: Verdict;
}

/** A node that counts less than this share of the fleet's sessions does not hold them. */
export const COUNT_SHARE = 0.99;
/** A climb slower than this share of what was asked is worth a word. */
const RATE_SHARE = 0.8;

/**
 * Whether sessions are missing that were to be there. When hold was stopped while the load or a
 * change of targets kept some away, those that are missing are no fault, unless others tried to
 * come and failed.
 */
export function isShort(facts: RunFacts): boolean {
  const { openAtEnd, asked, stoppedIn, isStalled, failuresSinceGrowth } = facts;
  if (openAtEnd >= asked) return false;
  return stoppedIn !== 'hold' || isStalled || sumOf(failuresSinceGrowth) > 0;
}

export function isClimbSlow({ rate }: RunFacts): boolean {
  return rate !== undefined && rate.measured < rate.asked * RATE_SHARE;
}
