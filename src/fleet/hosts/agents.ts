/**
 * The agents of hosts that were started: where they are, for a run that was given none, and whether
 * they answer, for people. Asking takes nothing from a run that is under way.
 */

import { z } from 'zod';
import { ask, readAnswer } from '../../host/foreign/ask.ts';
import { addressText, type RunAgent } from '../settings/settings.ts';
import type { HostFleet } from './hosts-state.ts';
import { inTurns } from './in-turns.ts';

const AT_A_TIME = 64;
const TIMEOUT_MS = 5_000;
const ANSWER_BYTES_MAX = 4_096;

/** Completes "No agent answers at …: ". */
const ADVICE =
  'see "holdfast fleet hosts status", and stop that host, or give --local for agents of this one';

const count = z.int().min(0);
const brief = z.object({ open: count, connecting: count, capacity: count });

export interface AgentCheck {
  readonly agent: RunAgent;
  /** Connections that it has; undefined when it does not answer. */
  readonly open: number | undefined;
  readonly capacity: number;
}

/** Those of hosts whose address is known and whose time is not over. */
export function agentsOf(
  fleets: readonly HostFleet[],
  nowMs: number = Date.now(),
): readonly RunAgent[] {
  const running = fleets.filter(({ endsAtMs }) => endsAtMs > nowMs);
  return running.flatMap(({ hosts, ports, token }) =>
    hosts.flatMap(({ address }) =>
      address === undefined
        ? []
        : ports.map((port) => ({ host: address, port, token, advice: ADVICE })),
    ),
  );
}

/** Asks each whether it is there and takes the token. */
export async function checkAgents(agents: readonly RunAgent[]): Promise<readonly AgentCheck[]> {
  return await inTurns(agents, AT_A_TIME, async (agent) => {
    try {
      const headers = { authorization: `Bearer ${agent.token}` };
      const response = await ask(`http://${addressText(agent)}/brief`, {
        headers,
        timeoutMs: TIMEOUT_MS,
      });
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      const { open, capacity } = await readAnswer(response, brief, ANSWER_BYTES_MAX);
      return { agent, open, capacity };
    } catch {
      return { agent, open: undefined, capacity: 0 };
    }
  });
}
