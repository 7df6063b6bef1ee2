/**
 * Judges a run from its facts. Pure.
 *
 * - `void` when the fleet itself was the limit: an agent was lost, starved or out of CPU, or it was
 *   the agents' host that ran out of ports, files or memory when the number was not reached. Such a
 *   run says nothing about the server, good or bad. The same holds for one that the user stopped
 *   before it held.
 * - `failed` when the number was not reached, sessions were lost, or messages did not arrive.
 * - `passed` otherwise. Connections that failed but came about in the end are told, not judged.
 */

import type { Finding, FleetVerdict } from '../../report/recording/record.ts';
import { type LatencyPercentiles, sumOf } from '../agent-group/totals.ts';
import { counted, grouped } from '../settings/numbers.ts';
import { agentFindings, machineFindings } from './agent-findings.ts';
import type { RunFacts } from './facts.ts';
import { isClimbSlow, isShort, type Judged, type Verdict } from './judged.ts';
import { messageFindings } from './message-findings.ts';
import { isOutOfLocalMeans, nameFindings } from './name-findings.ts';
import { serverFindings } from './server-findings.ts';

export interface Judgement {
  readonly verdict: Verdict;
  /** What decided comes first. */
  readonly findings: readonly Finding[];
}

const SEVERITY: Readonly<Record<Verdict, number>> = { void: 0, failed: 1, passed: 2 };

export function judge(facts: RunFacts): Judgement {
  const all = [
    ...stopFindings(facts),
    ...agentFindings(facts),
    ...serverFindings(facts),
    ...(isShort(facts)
      ? [...nameFindings(facts), ...reachFindings(facts)]
      : [...reachFindings(facts), ...nameFindings(facts)]),
    ...messageFindings(facts),
    ...machineFindings(facts),
    ...rateFindings(facts),
  ].toSorted((a, b) => SEVERITY[a.atBest] - SEVERITY[b.atBest]);
  const verdict = all[0]?.atBest ?? 'passed';
  return { verdict, findings: all.map(({ atBest: _atBest, ...finding }) => finding) };
}

/** @param latencies of the whole run, before its sessions left */
export function verdictOf(facts: RunFacts, latencies: LatencyPercentiles): FleetVerdict {
  const { verdict, findings } = judge(facts);
  return {
    record: 'fleet-verdict',
    atMs: Date.now(),
    verdict,
    findings,
    connectionsAsked: facts.asked,
    connectionsHeldMax: facts.heldMax,
    heldSeconds: facts.heldSeconds,
    lost: sumOf(facts.losses),
    failed: sumOf(facts.failures),
    broadcasts: facts.broadcasts.results,
    connectLatency: latencies.connect,
    deliveryLatency: latencies.delivery,
    echoLatency: latencies.echo,
  };
}

function stopFindings({ stoppedIn, heldSeconds, holdSeconds }: RunFacts): readonly Judged[] {
  if (stoppedIn === undefined) return [];
  if (stoppedIn !== 'hold') {
    const text = 'The user stopped the run before the connections were held.';
    return [{ name: 'stopped', text, atBest: 'void' }];
  }
  const text =
    `The user stopped the run after ${grouped(heldSeconds)} s of hold; ` +
    `${grouped(holdSeconds)} s were asked for.`;
  return [{ name: 'stopped', text, atBest: 'passed' }];
}

function reachFindings(facts: RunFacts): readonly Judged[] {
  const { asked, openAtEnd, heldMax, heldSeconds, isStalled, stallSeconds, stoppedIn } = facts;
  const lost = sumOf(facts.losses);
  if (openAtEnd >= asked) {
    const ofThem = lost === 0 ? 'none was lost' : `${grouped(lost)} were lost on the way`;
    const held = `${counted(openAtEnd, 'session')} were held for ${grouped(heldSeconds)} s`;
    const text = `${held}; ${ofThem}.`;
    return [{ name: 'held', text, atBest: 'passed' }];
  }
  // The finding about the stop says it already.
  if (stoppedIn === 'climb') return [];
  if (!isShort(facts)) {
    const text =
      `${grouped(openAtEnd)} of ${counted(asked, 'session')} were open when the run was stopped; ` +
      'the fleet itself kept the others away.';
    return [{ name: 'held', text, atBest: 'passed' }];
  }
  const waiting =
    facts.connecting > 0 ? `; ${grouped(facts.connecting)} connections waited for an answer` : '';
  const gaveUp = isStalled
    ? `, and no more came for ${grouped(stallSeconds)} s`
    : ' at the end of hold';
  const text =
    `${grouped(openAtEnd)} of ${counted(asked, 'session')} were open${gaveUp}${waiting}; the ` +
    `most at one time was ${grouped(heldMax)}.`;
  const atBest = isOutOfLocalMeans(facts) ? 'void' : 'failed';
  return [{ name: 'not reached', text, atBest }];
}

function rateFindings(facts: RunFacts): readonly Judged[] {
  const { rate, stoppedIn, isStalled } = facts;
  if (rate === undefined || !isClimbSlow(facts) || isStalled || stoppedIn === 'climb') return [];
  const text =
    `The climb went at ${grouped(rate.measured)} connections a second; ${grouped(rate.asked)} ` +
    'were asked for.';
  const advice =
    'Look at the CPU of the server and of the agents during the climb: an agent has no more ' +
    'handshakes under way than --rate needs at four times the best time it has seen, and waits ' +
    'for a server that is slower.';
  return [{ name: 'rate', text, advice, atBest: 'passed' }];
}
