/**
 * One view over the samples of all agents: sums, and the latencies of the whole run and of the
 * second just past. Histograms of agents grow all the run, so what is new in one is the difference
 * to the one before.
 */

import type { Percentiles } from '../../report/recording/record.ts';
import type { AgentCounters, AgentLatencies, AgentSample } from '../agent/contract.ts';
import { Histogram, type HistogramData } from '../agent/histogram.ts';

export type LatencyName = keyof AgentLatencies;
export type Counts = Readonly<Record<string, number>>;
export type LatencyPercentiles = Readonly<Record<LatencyName, Percentiles | undefined>>;

/** Counters that are plain numbers. */
type Counter = {
  [K in keyof AgentCounters]: AgentCounters[K] extends number ? K : never;
}[keyof AgentCounters];

const NAMES: readonly LatencyName[] = ['connect', 'delivery', 'echo'];
const NOTHING: HistogramData = [];

interface Entry {
  sample: AgentSample | undefined;
  /** An agent that is lost holds nothing that anybody knows of. */
  isLost: boolean;
}

export class Totals {
  readonly #entries: readonly Entry[];
  readonly #run: Readonly<Record<LatencyName, Histogram>> = histograms();
  readonly #second: Readonly<Record<LatencyName, Histogram>> = histograms();

  constructor(agents: number) {
    this.#entries = Array.from({ length: agents }, () => ({ sample: undefined, isLost: false }));
  }

  /** Takes the newest sample of an agent; the same one again changes nothing. */
  update(agent: number, sample: AgentSample | undefined, isLost: boolean): void {
    const entry = this.#entries[agent] as Entry;
    entry.isLost = isLost;
    if (sample === undefined || sample === entry.sample) return;
    for (const name of NAMES) {
      const before = entry.sample?.latencies[name] ?? NOTHING;
      const now = sample.latencies[name];
      for (const histogram of [this.#run[name], this.#second[name]]) {
        histogram.merge(now);
        histogram.merge(before, -1);
      }
    }
    entry.sample = sample;
  }

  get open(): number {
    return this.#held(({ open }) => open);
  }

  get connecting(): number {
    return this.#held(({ connecting }) => connecting);
  }

  /** Of all agents, the lost ones included: what was counted stays counted. */
  sum(counter: Counter): number {
    return this.#entries.reduce((sum, { sample }) => sum + (sample?.counters[counter] ?? 0), 0);
  }

  failures(): Counts {
    return sumByName(this.#entries.map(({ sample }) => sample?.counters.failures));
  }

  losses(): Counts {
    return sumByName(this.#entries.map(({ sample }) => sample?.counters.losses));
  }

  /** Receipts by the number of the broadcast, as far as agents still tell. */
  receipts(): ReadonlyMap<number, number> {
    const sums = new Map<number, number>();
    for (const { sample } of this.#entries) {
      for (const { sequence, received } of sample?.broadcasts ?? []) {
        sums.set(sequence, (sums.get(sequence) ?? 0) + received);
      }
    }
    return sums;
  }

  /** Of the whole run, in microseconds. */
  latencies(): LatencyPercentiles {
    return percentilesOf(this.#run);
  }

  /** Of what came since this was asked last, in microseconds. */
  takeSecond(): LatencyPercentiles {
    const percentiles = percentilesOf(this.#second);
    for (const name of NAMES) this.#second[name].clear();
    return percentiles;
  }

  /** What the latencies of the run hold now, to subtract later. */
  snapshot(name: LatencyName): HistogramData {
    return this.#run[name].toData();
  }

  #held(valueOf: (sample: AgentSample) => number): number {
    return this.#entries.reduce(
      (sum, { sample, isLost }) => sum + (sample === undefined || isLost ? 0 : valueOf(sample)),
      0,
    );
  }
}

/** @param data in microseconds @returns undefined when nothing was recorded */
export function percentiles(data: Histogram): Percentiles | undefined {
  const at = (share: number): number => data.percentile(share) ?? 0;
  if (data.total <= 0) return undefined;
  return {
    count: data.total,
    p50: at(0.5),
    p90: at(0.9),
    p99: at(0.99),
    p999: at(0.999),
    max: at(1),
  };
}

export function sumOf(counts: Counts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function histograms(): Record<LatencyName, Histogram> {
  return { connect: new Histogram(), delivery: new Histogram(), echo: new Histogram() };
}

function percentilesOf(from: Readonly<Record<LatencyName, Histogram>>): LatencyPercentiles {
  return {
    connect: percentiles(from.connect),
    delivery: percentiles(from.delivery),
    echo: percentiles(from.echo),
  };
}

function sumByName(all: readonly (Counts | undefined)[]): Counts {
  // A name may be one that every object has, such as `constructor`.
  const sums = new Map<string, number>();
  for (const counts of all) {
    for (const [name, count] of Object.entries(counts ?? {})) {
      sums.set(name, (sums.get(name) ?? 0) + count);
    }
  }
  return Object.fromEntries(sums);
}
