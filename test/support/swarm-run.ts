/** A swarm of the fleet's agent in this process, with a clock that a test can put forward. */

import type { AgentCounters, AgentOrder } from '../../src/fleet/agent/contract.ts';
import { Swarm } from '../../src/fleet/agent/swarm.ts';

const TICK_MS = 4;
const WAIT_MS = 10_000;

export const ORDER: AgentOrder = {
  run: 'run',
  connections: 0,
  rate: 5_000,
  targets: ['ws://127.0.0.1:1/'],
  sources: [],
  mix: [{ protocol: 'socket-io', weight: 1 }],
  firstNumber: 0,
  churnPerMinute: 0,
  storms: 0,
  coalesceMs: 0,
  clockOffsetMs: 0,
};

export const WEBSOCKET: Pick<AgentOrder, 'mix'> = { mix: [{ protocol: 'websocket', weight: 1 }] };

export class SwarmRun implements Disposable {
  readonly swarm: Swarm;
  /** Added to the clock. */
  skewMs = 0;
  #order: AgentOrder;
  readonly #timer: Timer;

  constructor(order: Partial<AgentOrder>, capacity = 10_000) {
    this.swarm = new Swarm(capacity);
    this.#order = { ...ORDER, ...order };
    this.swarm.obey(this.#order);
    this.#timer = setInterval(() => this.swarm.tick(performance.now() + this.skewMs), TICK_MS);
  }

  get open(): number {
    return this.swarm.open;
  }

  get connecting(): number {
    return this.swarm.connecting;
  }

  get counters(): AgentCounters {
    return this.swarm.tally.counters();
  }

  /** Orders the same again, but for what is given. */
  order(changes: Partial<AgentOrder>): void {
    this.#order = { ...this.#order, ...changes };
    this.swarm.obey(this.#order);
  }

  async until(what: string, condition: () => boolean, withinMs: number = WAIT_MS): Promise<void> {
    const endMs = performance.now() + withinMs;
    while (!condition()) {
      if (performance.now() > endMs) {
        const { open, connecting, counters } = this;
        const state = JSON.stringify({ open, connecting, ...counters });
        throw new Error(`not within ${withinMs} ms: ${what}; now ${state}`);
      }
      await Bun.sleep(2);
    }
  }

  /** Waits until exactly so many sessions are open and no connection is on its way. */
  settled(open: number): Promise<void> {
    return this.until(`${open} sessions`, () => this.open === open && this.connecting === 0);
  }

  /** Wants no more, waits for the end, and returns what was counted, which must add up. */
  async finish(): Promise<AgentCounters> {
    this.order({ connections: 0 });
    await this.settled(0);
    const { counters } = this;
    const { attempts, established, left, failures, losses } = counters;
    if (attempts !== established + sumOf(failures) || established !== left + sumOf(losses)) {
      throw new Error(`it does not add up: ${JSON.stringify(counters)}`);
    }
    return counters;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.swarm.cut();
  }
}

export function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
