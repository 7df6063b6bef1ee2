/** Takes a sample of this worker and hands it on; its owner says when. */

import type { Counters } from '../core/limits/counters.ts';
import type { Refusals } from '../core/limits/refusals.ts';
import type { WorkerGauges, WorkerSample } from '../links/bus/sample.ts';
import type { GarbageCollector } from './garbage-collector.ts';
import type { Pulse } from './pulse.ts';

/** Gauges that the sampler takes itself. */
type OwnGauge = 'rssBytes' | 'heapBytes' | 'loopLagMaxMs' | 'collectionPauseMaxMs';

export interface SamplerOptions {
  readonly worker: number;
  readonly counters: Counters;
  readonly refusals: Refusals;
  readonly collector: GarbageCollector;
  readonly pulse: Pulse;
  /** Gauges that the worker's parts know. */
  gauges(): Omit<WorkerGauges, OwnGauge>;
  send(sample: WorkerSample): void;
}

/** How often one is due. */
export const SAMPLE_MS = 1_000;

export class Sampler {
  readonly #options: SamplerOptions;
  readonly #startedAtMs: number = Date.now();
  #memory: NodeJS.MemoryUsage = process.memoryUsage();

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  send(): void {
    this.#options.send(this.#sample());
  }

  #sample(): WorkerSample {
    const { worker, counters, refusals, collector, pulse } = this.#options;
    const cpu = process.cpuUsage();
    const memory = this.#readMemory();
    const gauges = {
      ...this.#options.gauges(),
      rssBytes: memory.rss,
      heapBytes: memory.heapUsed,
      loopLagMaxMs: Math.round(pulse.takeLagMaxMs()),
      collectionPauseMaxMs: Math.round(collector.takePauseMaxMs() * 10) / 10,
    };
    return {
      worker,
      pid: process.pid,
      startedAtMs: this.#startedAtMs,
      gauges,
      refusals: refusals.totals(),
      counters: {
        ...counters,
        cpuMicroseconds: cpu.user + cpu.system,
        collections: collector.collections,
        collectionMicroseconds: Math.round(collector.totalMs * 1000),
      },
    };
  }

  /** Reading takes an open file; without one left, what was read last stands. */
  #readMemory(): NodeJS.MemoryUsage {
    try {
      this.#memory = process.memoryUsage();
    } catch {
      // The rest of the sample is worth as much then as ever.
    }
    return this.#memory;
  }
}
