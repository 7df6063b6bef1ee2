/** Gathers the facts of a run, which the verdict judges, while its sessions are still open. */

import { localPorts } from '../agent-group/local-ports.ts';
import type { Counts } from '../agent-group/totals.ts';
import type { BroadcastSums } from '../target/broadcaster.ts';
import { readServerState } from '../target/server-watch.ts';
import type { RunFacts, ServerAnswers } from '../verdict/facts.ts';
import type { RunParts, RunState } from './run-state.ts';

const NO_BROADCASTS: BroadcastSums = { count: 0, receipts: 0, short: 0 };

/** @param answers of the server, as it is asked at the end */
export function collectFacts(state: RunState, parts: RunParts, answers: ServerAnswers): RunFacts {
  const { settings, group, log, broadcaster } = parts;
  const { totals, links } = group;
  const { wanted, server } = state;
  const areAgentsHere = links.every(({ isLocal }) => isLocal);
  return {
    asked: wanted.connections,
    openAtEnd: totals.open,
    connecting: totals.connecting,
    heldMax: state.heldMax,
    heldSeconds: Math.round(state.heldMs / 100) / 10,
    holdSeconds: settings.holdSeconds,
    stoppedIn: state.stoppedIn,
    isStalled: state.isStalled,
    stallSeconds: settings.stallSeconds,
    rate: state.rate,
    failures: totals.failures(),
    failuresSinceGrowth: difference(totals.failures(), state.failuresAtGrowth),
    losses: totals.losses(),
    left: totals.sum('left'),
    broadcasts: {
      results: broadcaster?.results ?? [],
      duplicates: totals.sum('duplicates'),
      putOff: broadcaster?.putOff ?? 0,
      refused: broadcaster?.refused ?? 0,
      restless: state.restless,
      omitted: broadcaster?.omitted ?? NO_BROADCASTS,
      omittedRestless: broadcaster?.omittedReleased ?? NO_BROADCASTS,
    },
    echoes: { sent: totals.sum('echoesSent'), answered: totals.sum('echoesAnswered') },
    agents: links.map(({ name, lost }, index) => ({
      name,
      lost,
      watch: log.agentWatches[index] as (typeof log.agentWatches)[number],
    })),
    areAgentsHere,
    machine: log.machineWatch,
    server: {
      ...answers,
      state: server.processes.length === 0 ? undefined : readServerState(server.processes),
    },
    advice: {
      localPorts: areAgentsHere ? localPorts() : undefined,
      sources: wanted.sources.length,
      targets: wanted.targets.length,
    },
  };
}

function difference(now: Counts, before: Counts): Counts {
  const grown = Object.entries(now).map(([name, count]) => ({
    name,
    by: count - (before[name] ?? 0),
  }));
  return Object.fromEntries(grown.filter(({ by }) => by > 0).map(({ name, by }) => [name, by]));
}
