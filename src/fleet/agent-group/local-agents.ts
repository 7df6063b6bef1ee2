/** Agents on this host, started for one run and ended with it. */

import { availableParallelism } from 'node:os';
import { makeToken } from '../../host/access/token.ts';
import { ownOpenFileLimit } from '../../host/machine/process-limits.ts';
import { AgentLink } from './agent-link.ts';
import { type AgentProcess, startAgentProcess } from './agent-process.ts';

/** More than an agent itself keeps free, so that the number of agents is never one too few. */
const OPEN_FILES_RESERVE = 128;

/** Up to here each has a quarter of a core; with more, waking up costs more than the work. */
const AGENTS_PER_CORE_MOST = 4;
/**
 * Of all CPU that 51 agents and a server on two cores used at 850,000 sessions, the agents took
 * 63 % when they read at once and 54 % with a rest of 20 ms. This halves the waking once more;
 * longer rests would show in handshakes, which take several turns.
 */
const CROWD_COALESCE_MS = 40;

export interface LocalAgent {
  readonly link: AgentLink;
  readonly process: AgentProcess;
}

/** How many processes it takes, by the open-file limit that they inherit. */
export function processesFor(
  connections: number,
  openFileLimit: number = ownOpenFileLimit(),
): number {
  return Math.max(1, Math.ceil(connections / Math.max(1, openFileLimit - OPEN_FILES_RESERVE)));
}

/**
 * How long messages may gather before these agents read them, in milliseconds. A few agents read at
 * once; many would take the cores from the server that they share them with.
 */
export function coalescingFor(agents: number): number {
  return isCrowd(agents) ? CROWD_COALESCE_MS : 0;
}

/** Whether agents take turns on the cores, rather than each having a good share of one. */
export function isCrowd(agents: number, cores: number = availableParallelism()): boolean {
  return agents > AGENTS_PER_CORE_MOST * cores;
}

/** @throws FleetError when one does not start; those that did are ended */
export async function startLocalAgents(count: number): Promise<readonly LocalAgent[]> {
  const token = makeToken();
  const prefix = isCrowd(count) ? patience() : [];
  const starts = await Promise.allSettled(
    Array.from({ length: count }, (_, index) => startLocalAgent(`local ${index}`, token, prefix)),
  );
  const agents = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  const failed = starts.find((start) => start.status === 'rejected');
  if (failed === undefined) return agents;
  await Promise.all(agents.map((agent) => agent.process.end()));
  throw failed.reason;
}

/**
 * What makes a process that wakes up wait for its turn instead of cutting short whoever runs, so
 * that server and agents get through more at a time (SCHED_BATCH, sched(7)); its share of a core is
 * the same. Nothing where the system has no such command, or does not allow it.
 */
function patience(): readonly string[] {
  if (Bun.which('chrt') === null) return [];
  const prefix = ['chrt', '-b', '0'];
  return Bun.spawnSync([...prefix, 'true']).success ? prefix : [];
}

async function startLocalAgent(
  name: string,
  token: string,
  prefix: readonly string[],
): Promise<LocalAgent> {
  const agent = await startAgentProcess({ host: '127.0.0.1', port: 0 }, token, prefix);
  const url = `http://127.0.0.1:${agent.port}`;
  const link = new AgentLink({ name, url, token, isLocal: true });
  void agent.exited.then((how) => link.gone(`its process ended (${how})`));
  try {
    await link.greet();
  } catch (error) {
    await agent.end();
    throw error;
  }
  return { link, process: agent };
}
