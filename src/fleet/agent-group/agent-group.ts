/**
 * All agents of a run as one: cuts what is wanted into orders, sends them, and adds up what the
 * agents answer. A second of a fleet costs one small request for each agent.
 */

import type { AgentLink } from './agent-link.ts';
import { ordersFor, sharesOf, type Wanted } from './orders.ts';
import { Totals } from './totals.ts';

/** Those who answer later are looked at next time. */
const ANSWER_WAIT_MS = 700;

export class AgentGroup {
  readonly links: readonly AgentLink[];
  readonly totals: Totals;
  readonly #capacities: readonly number[];
  /** The most connections wanted so far. */
  #most = 0;

  /** @param links agents that have been greeted */
  constructor(links: readonly AgentLink[]) {
    this.links = links;
    this.totals = new Totals(links.length);
    this.#capacities = links.map(({ capacity }) => capacity);
  }

  /** Connections that all agents together can hold. */
  get capacity(): number {
    return this.#capacities.reduce((sum, capacity) => sum + capacity, 0);
  }

  /** @returns when the agents have answered, save those that take too long over it */
  async order(wanted: Wanted): Promise<void> {
    this.#most = Math.max(this.#most, wanted.connections);
    const orders = ordersFor(
      wanted,
      this.#most,
      this.links.map(({ capacity, clockOffsetMs }) => ({ capacity, clockOffsetMs })),
    );
    const answers = this.links.map((link, index) =>
      link.order(orders[index] as (typeof orders)[number]),
    );
    await settledWithin(answers, ANSWER_WAIT_MS);
    this.links.forEach(({ sample, lost }, index) => {
      this.totals.update(index, sample, lost !== undefined);
    });
  }

  /** What is wanted of the agents that are still there. */
  wantedOfLiving({ connections }: Wanted): number {
    const shares = sharesOf(connections, this.#capacities);
    return shares.reduce(
      (sum, share, index) => sum + (this.links[index]?.lost === undefined ? share : 0),
      0,
    );
  }
}

async function settledWithin(promises: readonly Promise<void>[], ms: number): Promise<void> {
  let timer: Timer | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([Promise.allSettled(promises), timeout]);
  clearTimeout(timer);
}
