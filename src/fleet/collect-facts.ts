/** Gathers the facts of a run, which the verdict judges, while its sessions are still open. */

import type { RunFacts } from './facts.ts';
import { localPorts } from './local-ports.ts';
import type { RunParts, RunState } from './run-state.ts';
import { readServerState } from './server-watch.ts';

export async function collectFacts(state: RunState, parts: RunParts): Promise<RunFacts> {
  const { settings, group, log, broadcaster, node } = parts;
  const { totals, links } = group;
  const { wanted, serverProcesses } = state;
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
    losses: totals.losses(),
    left: totals.sum('left'),
    broadcasts: {
      results: broadcaster?.results ?? [],
      duplicates: totals.sum('duplicates'),
      putOff: broadcaster?.putOff ?? 0,
      refused: broadcaster?.refused ?? 0,
      restlessUntil: state.restlessUntil,
    },
    echoes: { sent: totals.sum('echoesSent'), answered: totals.sum('echoesAnswered') },
    agents: links.map(({ name, lost }, index) => ({
      name,
      lost,
      watch: log.agentWatches[index] as (typeof log.agentWatches)[number],
    })),
    machine: log.machineWatch,
    server: {
      state: serverProcesses.length === 0 ? undefined : readServerState(serverProcesses),
      load: await node?.load(),
    },
    advice: {
      localPorts: areAgentsHere ? localPorts() : undefined,
      sources: wanted.sources.length,
      targets: wanted.targets.length,
    },
  };
}
