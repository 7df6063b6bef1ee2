/** Takes a sample of this worker once a second and hands it on. */

import type { Counters } from '../core/limits/counters.ts';
import type { Refusals } from '../core/limits/refusals.ts';
import type { WorkerGauges, WorkerSample } from '../links/bus/sample.ts';
import type { GarbageCollector } from './garbage-collector.ts';

/** Gauges that the sampler takes itself. */
type OwnGauge = 'rssBytes' | 'heapBytes' | 'loopLagMaxMs' | 'collectionPauseMaxMs';

export interface SamplerOptions {
  readonly worker: number;
  readonly counters: Counters;
  readonly refusals: Refusals;
  readonly collector: GarbageCollector;
  /** Gauges that the worker's parts know. */
  gauges(): Omit<WorkerGauges, OwnGauge>;
  /** Called some ten times a second. */
  probe(): void;
  send(sample: WorkerSample): void;
}

const SAMPLE_MS = 1_000;
/** The loop's lag is the lateness of this timer; stalls shorter than it are of no interest. */
const LAG_PROBE_MS = 100;

export class Sampler {
  readonly #options: SamplerOptions;
  readonly #startedAtMs: number = Date.now();
  #memory: NodeJS.MemoryUsage = process.memoryUsage();
  #lagMaxMs = 0;
  #dueAtMs = 0;

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#dueAtMs = performance.now() + LAG_PROBE_MS;
    setInterval(() => {
      const nowMs = performance.now();
      this.#lagMaxMs = Math.max(this.#lagMaxMs, nowMs - this.#dueAtMs);
      this.#dueAtMs = nowMs + LAG_PROBE_MS;
      this.#options.probe();
    }, LAG_PROBE_MS).unref();
    // The first at once: a worker that is ready has said how it stands.
    this.#options.send(this.#sample());
    setInterval(() => this.#options.send(this.#sample()), SAMPLE_MS).unref();
  }

  #sample(): WorkerSample {
    const { worker, counters, refusals, collector } = this.#options;
    const cpu = process.cpuUsage();
    const memory = this.#readMemory();
    const gauges = {
      ...this.#options.gauges(),
      rssBytes: memory.rss,
      heapBytes: memory.heapUsed,
      loopLagMaxMs: Math.round(this.#lagMaxMs),
      collectionPauseMaxMs: Math.round(collector.takePauseMaxMs() * 10) / 10,
    };
    this.#lagMaxMs = 0;
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
