/** Findings about connections that failed and sessions that were lost, by the name of the cause. */

import { type Counts, sumOf } from '../agent-group/totals.ts';
import { counted, grouped } from '../settings/numbers.ts';
import { adviseOn } from './advice.ts';
import type { RunFacts } from './facts.ts';
import { isShort, type Judged } from './judged.ts';

/** Names beyond these are summed up. */
const NAMES_TOLD = 8;

/** Below this share of all failures, the fleet's own did not decide the run. */
const DECISIVE_SHARE = 0.1;

export function nameFindings(facts: RunFacts): readonly Judged[] {
  return [...lossFindings(facts), ...failureFindings(facts)];
}

/**
 * Whether the connections that are missing could not be made for want of ports, files or memory on
 * the host of the agents.
 */
export function isOutOfLocalMeans(facts: RunFacts): boolean {
  const failures = decisiveFailures(facts);
  const { advice } = facts;
  const ownFailures = Object.entries(failures)
    .filter(([name]) => adviseOn(name, advice).side === 'agent')
    .reduce((sum, [, count]) => sum + count, 0);
  return ownFailures > 0 && ownFailures >= sumOf(failures) * DECISIVE_SHARE;
}

/**
 * What kept the last sessions from coming: what failed early in a climb was made up for since. All
 * failures when none came after the last session, so that nothing is judged by nothing.
 */
export function decisiveFailures({ failures, failuresSinceGrowth }: RunFacts): Counts {
  return sumOf(failuresSinceGrowth) > 0 ? failuresSinceGrowth : failures;
}

function lossFindings({ losses, advice }: RunFacts): readonly Judged[] {
  return told(losses, (name, count) => {
    const { meaning, change } = adviseOn(name, advice);
    const text = `${counted(count, 'session')} lost with ${name}: ${meaning}.`;
    return { name, text, advice: change, atBest: 'failed' };
  });
}

function failureFindings(facts: RunFacts): readonly Judged[] {
  const decisive = isShort(facts) ? decisiveFailures(facts) : {};
  return told(facts.failures, (name, count) => {
    const { side, meaning, change } = adviseOn(name, facts.advice);
    const text = `${counted(count, 'connection')} failed with ${name}: ${meaning}.`;
    const isVoid = side === 'agent' && isOutOfLocalMeans(facts);
    const atBest = !Object.hasOwn(decisive, name) ? 'passed' : isVoid ? 'void' : 'failed';
    return { name, text, advice: change, atBest };
  });
}

function told(counts: Counts, finding: (name: string, count: number) => Judged): readonly Judged[] {
  const sorted = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .toSorted(([, a], [, b]) => b - a);
  const findings = sorted.slice(0, NAMES_TOLD).map(([name, count]) => finding(name, count));
  const rest = sorted.slice(NAMES_TOLD).reduce((sum, [, count]) => sum + count, 0);
  const [first] = findings;
  if (rest === 0 || first === undefined) return findings;
  const text = `${grouped(rest)} more ended under other names; the record has them all.`;
  return [...findings, { name: 'other', text, atBest: first.atBest }];
}
