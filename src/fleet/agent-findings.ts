/** Findings about the fleet's own limits: lost, starved and busy agents, a saturated machine. */

import type { AgentFacts, RunFacts } from './facts.ts';
import type { Judged } from './judged.ts';
import { LATE_MS, STANDSTILL_MS, type Watched, type WatchedPhase } from './limits-watch.ts';
import { counted, grouped } from './numbers.ts';

/** Fewer seconds than these are a start-up or a hiccup, not a limit. */
const SECONDS_MIN = 3;
const BUSY_SECONDS_MIN = 5;
/** Late in one second of ten, its heartbeats and latencies are no longer the server's. */
const LATE_SHARE = 0.1;
/** Busy in most of the seconds, it had no time left to be faster. */
const BUSY_PART = 0.5;

const PHASES: readonly WatchedPhase[] = ['climb', 'hold'];

const MORE_AGENTS =
  'Spread the load over more agents (--processes, or --agent on other hosts), or lower --rate.';

export function agentFindings({ agents }: RunFacts): readonly Judged[] {
  const tests: readonly ((agent: AgentFacts) => string | undefined)[] = [
    lostText,
    lagText,
    cpuText,
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

/** A machine that is used up slows server and agents alike: worth knowing, and no verdict. */
export function machineFindings({ machine }: RunFacts): readonly Judged[] {
  return PHASES.flatMap((phase): readonly Judged[] => {
    const { seconds, saturatedSeconds } = machine[phase];
    if (saturatedSeconds < BUSY_SECONDS_MIN || saturatedSeconds < seconds * BUSY_PART) return [];
    const text =
      `All cores of this machine were used up in ${grouped(saturatedSeconds)} of ` +
      `${counted(seconds, 'second')} of the ${phase}: rate and latencies are those of the machine.`;
    const advice = 'Run agents and server on different hosts (--agent), or lower --rate.';
    return [{ name: 'machine CPU', text, advice, atBest: 'passed' }];
  });
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

function cpuText({ name, watch }: AgentFacts): string | undefined {
  const phase = PHASES.find((name) =>
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
