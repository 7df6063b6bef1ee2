/** Findings about the fleet's own limits: lost, starved and busy agents, a saturated machine. */

import { counted, grouped } from '../settings/numbers.ts';
import type { AgentFacts, RunFacts } from './facts.ts';
import { isClimbSlow, isShort, type Judged } from './judged.ts';
import {
  LATE_MS,
  type MachineWatch,
  STANDSTILL_MS,
  type Watched,
  type WatchedPhase,
} from './limits-watch.ts';

/** Fewer seconds than these are a start-up or a hiccup, not a limit. */
const SECONDS_MIN = 3;
const BUSY_SECONDS_MIN = 5;
/** Late in one second of ten, its heartbeats and latencies are no longer the server's. */
const LATE_SHARE = 0.1;
/** Busy in most of the seconds, it had no time left to be faster. */
const BUSY_PART = 0.5;

interface MachineWords {
  readonly whose: string;
  readonly effect: string;
  readonly advice: string;
}

const PHASES: readonly WatchedPhase[] = ['climb', 'hold'];

const MORE_AGENTS =
  'Spread the load over more agents (--processes, or --agent on other hosts), or lower --rate.';

export function agentFindings(facts: RunFacts): readonly Judged[] {
  const { agents } = facts;
  const busyPhases = PHASES.filter((phase) => phase === 'hold' || wasHeldUpByAgents(facts));
  const tests: readonly ((agent: AgentFacts) => string | undefined)[] = [
    lostText,
    lagText,
    (agent) => cpuText(agent, busyPhases),
  ];
  const [lost = [], lagging = [], busy = []] = tests.map((test) =>
    agents.flatMap((agent) => test(agent) ?? []),
  );
  return [
    ...summed('agent lost', lost, 'Look at what its host and its output say, and repeat the run.'),
    ...summed('agent loop lag', lagging, MORE_AGENTS),
    ...summed('agent CPU', busy, MORE_AGENTS),
    ...burstFindings(agents),
  ];
}

/**
 * Whether busy agents may have made the climb what it was. One that was as fast as asked was not
 * held up; one on a machine that was used up altogether was held up by that.
 */
function wasHeldUpByAgents(facts: RunFacts): boolean {
  const isMachineFull = facts.areAgentsHere && isSaturated(facts.machine.climb);
  return isShort(facts) || (isClimbSlow(facts) && !isMachineFull);
}

/** A machine that is used up slows server and agents alike: worth knowing, and no verdict. */
export function machineFindings(facts: RunFacts): readonly Judged[] {
  return PHASES.filter((phase) => isSaturated(facts.machine[phase])).map((phase): Judged => {
    const { seconds, saturatedSeconds } = facts.machine[phase];
    const { whose, effect, advice } = machineWords(facts);
    const text =
      `All cores of ${whose} were used up in ${grouped(saturatedSeconds)} of ` +
      `${counted(seconds, 'second')} of the ${phase}: ${effect}.`;
    return { name: 'machine CPU', text, advice, atBest: 'passed' };
  });
}

function isSaturated({ seconds, saturatedSeconds }: MachineWatch['climb']): boolean {
  return saturatedSeconds >= BUSY_SECONDS_MIN && saturatedSeconds >= seconds * BUSY_PART;
}

/** The coordinator sees its own machine only, and what else runs there differs. */
function machineWords({ areAgentsHere, server }: RunFacts): MachineWords {
  if (!areAgentsHere && server.state === undefined) {
    return {
      whose: "the coordinator's machine",
      effect: 'orders and samples may have been late',
      advice: 'Run the coordinator where it has a core to itself.',
    };
  }
  return {
    whose: 'this machine',
    effect: 'rate and latencies are those of the machine',
    advice: 'Run agents and server on different hosts (--agent), or lower --rate.',
  };
}

function lostText({ name, lost }: AgentFacts): string | undefined {
  return lost === undefined ? undefined : `Agent ${name} was lost: ${lost}.`;
}

function lagText({ name, watch }: AgentFacts): string | undefined {
  for (const phase of PHASES) {
    const watched = watch[phase];
    if (watched.longestLagMs >= STANDSTILL_MS) {
      return (
        `The loop of agent ${name} stood still for ` +
        `${grouped(Math.round(watched.longestLagMs))} ms during the ${phase}.`
      );
    }
    if (isOften(watched, watched.lateSeconds, LATE_SHARE, SECONDS_MIN)) {
      return (
        `The loop of agent ${name} was late by ${LATE_MS} ms or more in ` +
        `${grouped(watched.lateSeconds)} of ${counted(watched.seconds, 'second')} of the ${phase}.`
      );
    }
  }
  return undefined;
}

function cpuText({ name, watch }: AgentFacts, phases: readonly WatchedPhase[]): string | undefined {
  const phase = phases.find((name) =>
    isOften(watch[name], watch[name].busySeconds, BUSY_PART, BUSY_SECONDS_MIN),
  );
  if (phase === undefined) return undefined;
  const { busySeconds, seconds } = watch[phase];
  return (
    `Agent ${name} used up its core in ${grouped(busySeconds)} of ${counted(seconds, 'second')} ` +
    `of the ${phase}.`
  );
}

function isOften(watched: Watched, count: number, share: number, least: number): boolean {
  return count >= least && count >= watched.seconds * share;
}

/** The first agent stands for all: with dozens of them, one finding each would hide the rest. */
function summed(name: string, texts: readonly string[], advice: string): readonly Judged[] {
  const [first] = texts;
  if (first === undefined) return [];
  const others = texts.length - 1;
  const text = others === 0 ? first : `${first} The same is true of ${counted(others, 'other')}.`;
  return [{ name, text, advice, atBest: 'void' }];
}

/** Receipts are counted all the same; only their times are not the server's alone. */
function burstFindings(agents: readonly AgentFacts[]): readonly Judged[] {
  const longest = Math.max(0, ...agents.map(({ watch }) => watch.burstLagMs));
  if (longest < LATE_MS) return [];
  const text =
    `Agents were late by up to ${grouped(Math.round(longest))} ms while broadcasts arrived: ` +
    'delivery latencies include that.';
  return [{ name: 'agent loop lag', text, advice: MORE_AGENTS, atBest: 'passed' }];
}
