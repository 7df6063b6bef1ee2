/** What a swarm counts, in the form of the sample. Counters only grow within one run. */

import {
  type AgentCounters,
  type AgentLatencies,
  BROADCASTS_KEPT,
  type BroadcastReceipts,
} from './contract.ts';
import { Histogram } from './histogram.ts';

/** A server may close with 65,536 codes, and each name stands in each sample. */
export const NAMES_MAX = 100;
const OTHER_NAMES = 'other names';

export class Tally {
  attempts = 0;
  established = 0;
  left = 0;
  dropped = 0;
  deliveries = 0;
  deliveryBytes = 0;
  duplicates = 0;
  heartbeats = 0;
  echoesSent = 0;
  echoesAnswered = 0;
  readonly connectLatency: Histogram = new Histogram();
  readonly deliveryLatency: Histogram = new Histogram();
  readonly echoLatency: Histogram = new Histogram();
  readonly #failures: Map<string, number> = new Map();
  readonly #losses: Map<string, number> = new Map();
  /** Receipts by number. */
  readonly #broadcasts: Map<number, number> = new Map();
  /** The highest number that is no longer kept; what comes late to it is not counted anew. */
  #forgotten = 0;

  failed(name: string): void {
    countName(this.#failures, name);
  }

  lost(name: string): void {
    countName(this.#losses, name);
  }

  received(sequence: number): void {
    if (sequence <= this.#forgotten) return;
    const count = this.#broadcasts.get(sequence) ?? 0;
    this.#broadcasts.set(sequence, count + 1);
    if (count > 0 || this.#broadcasts.size <= BROADCASTS_KEPT) return;
    this.#forgotten = Math.min(...this.#broadcasts.keys());
    this.#broadcasts.delete(this.#forgotten);
  }

  counters(): AgentCounters {
    return {
      attempts: this.attempts,
      established: this.established,
      left: this.left,
      dropped: this.dropped,
      failures: Object.fromEntries(this.#failures),
      losses: Object.fromEntries(this.#losses),
      deliveries: this.deliveries,
      deliveryBytes: this.deliveryBytes,
      duplicates: this.duplicates,
      heartbeats: this.heartbeats,
      echoesSent: this.echoesSent,
      echoesAnswered: this.echoesAnswered,
    };
  }

  broadcasts(): readonly BroadcastReceipts[] {
    const receipts = [...this.#broadcasts].map(([sequence, received]) => ({ sequence, received }));
    return receipts.sort((one, other) => one.sequence - other.sequence);
  }

  latencies(): AgentLatencies {
    return {
      connect: this.connectLatency.toData(),
      delivery: this.deliveryLatency.toData(),
      echo: this.echoLatency.toData(),
    };
  }
}

function countName(counts: Map<string, number>, name: string): void {
  const told = counts.has(name) || counts.size < NAMES_MAX ? name : OTHER_NAMES;
  counts.set(told, (counts.get(told) ?? 0) + 1);
}
