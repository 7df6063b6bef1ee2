/** One view over a running fleet, as `GET /status` and `holdfast fleet status` give it. */

import type { BroadcastResult, FleetPhase } from '../../report/recording/record.ts';
import type { AgentGroup } from '../agent-group/agent-group.ts';
import type { Counts, LatencyPercentiles } from '../agent-group/totals.ts';
import { shownUrl } from '../settings/target.ts';
import type { RunParts, RunState } from './run-state.ts';

export interface FleetStatus {
  readonly run: string;
  readonly phase: FleetPhase;
  /** Since the run began. */
  readonly elapsedSeconds: number;
  /** Of the phase, if it goes on as it went of late; null when that is not known. */
  readonly secondsLeft: number | null;
  /** Without secrets. */
  readonly targets: readonly string[];
  readonly wanted: number;
  /** Connections asked for in one second. */
  readonly rate: number;
  /** Sessions established in one second, over the last few. */
  readonly measuredRate: number;
  readonly open: number;
  readonly connecting: number;
  readonly established: number;
  readonly left: number;
  readonly failures: Counts;
  readonly losses: Counts;
  /** Over the last few seconds. */
  readonly deliveriesPerSecond: number;
  readonly echoesPerSecond: number;
  /** Of the whole run, in microseconds. */
  readonly latencies: LatencyPercentiles;
  /** The last ones. */
  readonly broadcasts: readonly BroadcastResult[];
  readonly agents: readonly AgentStatus[];
}

export interface AgentStatus {
  readonly name: string;
  readonly pid: number | null;
  /** Why it is lost; null while it answers. */
  readonly lost: string | null;
  readonly open: number;
  readonly connecting: number;
  readonly capacity: number;
  /** Of one core, in the last second. */
  readonly cpuShare: number;
  readonly rssBytes: number;
  /** The longest in the last second. */
  readonly loopLagMs: number;
}

const BROADCASTS_SHOWN = 10;

export function statusOf(state: RunState, { group, log, broadcaster }: RunParts): FleetStatus {
  const { totals, links } = group;
  const { wanted, pace, phase } = state;
  return {
    run: wanted.run,
    phase,
    elapsedSeconds: Math.round((performance.now() - state.startedAtMs) / 1000),
    secondsLeft: secondsLeft(state, group),
    targets: wanted.targets.map(shownUrl),
    wanted: wanted.connections,
    rate: wanted.rate,
    measuredRate: Math.round(pace.of('established')),
    open: totals.open,
    connecting: totals.connecting,
    established: totals.sum('established'),
    left: totals.sum('left'),
    failures: totals.failures(),
    losses: totals.losses(),
    deliveriesPerSecond: Math.round(pace.of('deliveries')),
    echoesPerSecond: Math.round(pace.of('echoes')),
    latencies: totals.latencies(),
    broadcasts: broadcaster?.results.slice(-BROADCASTS_SHOWN) ?? [],
    agents: links.map(({ name, sample, lost, capacity }, index) => ({
      name,
      pid: sample?.pid ?? null,
      lost: lost ?? null,
      open: lost === undefined ? (sample?.open ?? 0) : 0,
      connecting: lost === undefined ? (sample?.connecting ?? 0) : 0,
      capacity,
      cpuShare: Math.round((log.usages[index]?.cpuShare ?? 0) * 1000) / 1000,
      rssBytes: sample?.usage.rssBytes ?? 0,
      loopLagMs: Math.round(log.usages[index]?.lagMs ?? 0),
    })),
  };
}

function secondsLeft(state: RunState, group: AgentGroup): number | null {
  const { phase, wanted, heldMs, holdMs, headway } = state;
  const { open } = group.totals;
  // What then follows, up to the verdict, takes as long as the server does.
  const isStopped = state.stoppedIn === phase;
  switch (phase) {
    case 'climb':
      if (isStopped || state.isStalled) return null;
      return headway.secondsFor(Math.max(0, group.wantedOfLiving(wanted) - open), wanted.rate);
    case 'hold':
      return isStopped || heldMs >= holdMs ? null : Math.ceil((holdMs - heldMs) / 1000);
    case 'leave':
      return headway.secondsFor(-open, wanted.rate);
    case 'done':
      return 0;
  }
}
