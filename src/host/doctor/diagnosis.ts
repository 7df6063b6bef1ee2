/** Runs the checks and says how many sessions the host holds and what stops the next one. */

import type { Check, Finding } from './check.ts';
import { CHECKS } from './checks.ts';
import type { Outlook } from './outlook.ts';

export interface Diagnosis {
  readonly connections: number;
  readonly withFleet: boolean;
  /** Workers that a node for so many connections starts here. */
  readonly workers: number;
  /** How many sessions the host holds, as far as the checks can tell. */
  readonly sessions: number | undefined;
  /** The check that limits next. */
  readonly limitedBy: { readonly name: string; readonly symptom: string } | undefined;
  readonly checks: readonly Examined[];
}

export type Examined = { readonly name: string; readonly symptom: string } & Finding;

/** @param checks all of them, or those that are quick */
export function diagnose(outlook: Outlook, checks: readonly Check[] = CHECKS): Diagnosis {
  const examined = checks.map((check): Examined => {
    const { name, symptom } = check;
    return { name, symptom, ...check.examine(outlook) };
  });
  let tightest: { name: string; symptom: string; sessions: number } | undefined;
  for (const check of examined) {
    if (check.state === 'skipped' || check.sessions === undefined) continue;
    const { name, symptom, sessions } = check;
    if (tightest === undefined || sessions < tightest.sessions) {
      tightest = { name, symptom, sessions };
    }
  }
  return {
    connections: outlook.goal.connections,
    withFleet: outlook.goal.withFleet,
    workers: outlook.workers,
    sessions: tightest?.sessions,
    limitedBy: tightest && { name: tightest.name, symptom: tightest.symptom },
    checks: examined,
  };
}
