/** Agents on this host, started for one run and ended with it. */

import { ownOpenFileLimit } from '../machine/process-limits.ts';
import { AgentLink } from './agent-link.ts';
import { type AgentProcess, startAgentProcess } from './agent-process.ts';

/** More than an agent itself keeps free, so that the number of agents is never one too few. */
const OPEN_FILES_RESERVE = 128;

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

/** @throws FleetError when one does not start; those that did are ended */
export async function startLocalAgents(count: number): Promise<readonly LocalAgent[]> {
  const token = crypto.randomUUID();
  const starts = await Promise.allSettled(
    Array.from({ length: count }, (_, index) => startLocalAgent(`local ${index}`, token)),
  );
  const agents = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  const failed = starts.find((start) => start.status === 'rejected');
  if (failed === undefined) return agents;
  await Promise.all(agents.map((agent) => agent.process.end()));
  throw failed.reason;
}

async function startLocalAgent(name: string, token: string): Promise<LocalAgent> {
  const agent = await startAgentProcess({ host: '127.0.0.1', port: 0 }, token);
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
