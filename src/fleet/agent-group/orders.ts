/** What the whole fleet is to do, cut into orders for its agents. Pure. */

import type { AgentOrder, ProtocolWeight } from '../agent/contract.ts';
import type { Load } from '../settings/load.ts';

/** The state wanted of all agents together. */
export interface Wanted {
  readonly run: string;
  connections: number;
  /** Connections opened or closed in one second. */
  rate: number;
  targets: readonly string[];
  sources: readonly string[];
  readonly mix: readonly ProtocolWeight[];
  readonly auth: string;
  readonly coalesceMs: number;
  readonly load: Load;
  /** Whether sessions echo, churn and jitter; only while the run holds. */
  isLoadOn: boolean;
  /** Storms so far. */
  storms: number;
}

/** What an order depends on in its agent. */
export interface AgentPlace {
  readonly capacity: number;
  readonly clockOffsetMs: number;
}

/**
 * Even shares, save where one is more than its agent holds. They grow and shrink with the total,
 * so that a step up moves no session from one agent to another.
 * @returns shares whose sum is `total`, or the sum of the capacities if that is less
 */
export function sharesOf(total: number, capacities: readonly number[]): readonly number[] {
  const shares = Array.from({ length: capacities.length }, () => 0);
  const smallestFirst = [...capacities.keys()].toSorted(
    (a, b) => (capacities[a] as number) - (capacities[b] as number),
  );
  let left = total;
  smallestFirst.forEach((agent, turn) => {
    const even = Math.floor(left / (capacities.length - turn));
    const share = Math.min(capacities[agent] as number, even);
    shares[agent] = share;
    left -= share;
  });
  return shares;
}

/**
 * @param most the most connections that were wanted in this run: while they go down to nothing,
 *   each agent keeps its part of the rate
 */
export function ordersFor(
  wanted: Wanted,
  most: number,
  agents: readonly AgentPlace[],
): readonly AgentOrder[] {
  const capacities = agents.map(({ capacity }) => capacity);
  const shares = sharesOf(wanted.connections, capacities);
  const weights = sharesOf(Math.max(1, most), capacities);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  let firstNumber = 1;
  return agents.map(({ capacity, clockOffsetMs }, index) => {
    const part = Math.max(1e-6, (weights[index] as number) / sum);
    const connections = shares[index] as number;
    const order: AgentOrder = {
      run: wanted.run,
      connections,
      rate: wanted.rate * part,
      targets: wanted.targets,
      sources: wanted.sources,
      mix: wanted.mix,
      // Blocks of numbers that stay apart whatever the shares will be.
      firstNumber,
      auth: wanted.auth,
      storms: wanted.storms,
      coalesceMs: wanted.coalesceMs,
      clockOffsetMs,
      ...loadOf(wanted, connections, part),
    };
    firstNumber += capacity;
    return order;
  });
}

function loadOf(
  { load, isLoadOn }: Wanted,
  connections: number,
  part: number,
): Pick<AgentOrder, 'churnPerMinute' | 'jitter' | 'echo'> {
  if (!isLoadOn) return { churnPerMinute: 0 };
  const perSecond = load.echoRate * part;
  const { echoEvent: event, payloadBytes, jitter } = load;
  return {
    churnPerMinute: (connections * load.churnPercent) / 100,
    ...(jitter === undefined ? {} : { jitter }),
    ...(perSecond > 0 ? { echo: { perSecond, event, payloadBytes } } : {}),
  };
}
