/**
 * The samples of a log as columns over the seconds of the run: totals, rates and the spread over
 * workers, ready to be drawn. Counters of the log become rates here.
 */

import type { FleetSample, ServerSample } from '../recording/record.ts';
import {
  type Column,
  combine,
  growth,
  highest,
  lowest,
  median,
  perSecond,
  total,
} from './columns.ts';

export interface ServerTimeline {
  /** Since the start of the run; the other columns have one entry for each of these. */
  readonly seconds: readonly number[];
  readonly sessions: Column;
  readonly heapBytes: Column;
  /** Resident memory of workers beside their JavaScript heap, and that of the controller. */
  readonly otherBytes: Column;
  /** Null where the system does not tell; less than nothing counts as nothing. */
  readonly kernelBytes: Column;
  readonly cpu: ServerCpu;
  readonly loopLagMs: { readonly median: Column; readonly highest: Column };
  /** The longest collection of any worker in the second before. */
  readonly collectionMs: Column;
  readonly openedPerSecond: Column;
  readonly refusedPerSecond: Column;
}

/** In cores: 1 is one core that does nothing else. */
export interface ServerCpu {
  readonly byWorker: readonly Column[];
  readonly lowest: Column;
  readonly median: Column;
  readonly highest: Column;
  readonly workers: Column;
  readonly controller: Column;
}

export interface FleetTimeline {
  readonly seconds: readonly number[];
  readonly open: Column;
  readonly establishedPerSecond: Column;
  readonly failuresPerSecond: ReadonlyMap<string, Column>;
  readonly lossesPerSecond: ReadonlyMap<string, Column>;
  readonly cpuCores: Column;
  readonly loopLagMs: Column;
  readonly latencies: Readonly<Record<LatencyKind, LatencyColumns>>;
}

export type LatencyKind = 'connect' | 'delivery' | 'echo';

/** In milliseconds; null in seconds in which nothing happened. */
export interface LatencyColumns {
  readonly p50: Column;
  readonly p90: Column;
  readonly p99: Column;
  readonly max: Column;
}

/**
 * @param startMs the time of second 0
 * @param kernelBaseBytes what the kernel held before the run
 */
export function serverTimeline(
  samples: readonly ServerSample[],
  startMs: number,
  kernelBaseBytes: number,
): ServerTimeline {
  const seconds = samples.map(({ atMs }) => (atMs - startMs) / 1000);
  const rate = (pick: (sample: ServerSample) => number): Column =>
    perSecond(seconds, samples.map(pick));
  const heapBytes = samples.map((sample) => total(sample.heapBytes));
  return {
    seconds,
    sessions: samples.map((sample) => total(sample.sessions)),
    heapBytes,
    otherBytes: samples.map((sample, index) =>
      Math.max(0, processBytes(sample) - (heapBytes[index] as number)),
    ),
    kernelBytes: samples.map((sample) => {
      const bytes = kernelBytes(sample);
      return bytes === null ? null : Math.max(0, bytes - kernelBaseBytes);
    }),
    cpu: serverCpu(samples, seconds),
    loopLagMs: {
      median: samples.map(({ loopLagMs }) => median(loopLagMs)),
      highest: samples.map(({ loopLagMs }) => highest(loopLagMs)),
    },
    collectionMs: samples.map(({ collectionMs }) => highest(collectionMs)),
    openedPerSecond: rate(({ counters }) => counters.opened),
    refusedPerSecond: rate(({ counters }) => counters.refused),
  };
}

/** Resident memory of the workers and the controller. */
export function processBytes(sample: ServerSample): number {
  return total(sample.rssBytes) + sample.controller.rssBytes;
}

/** Slab and socket buffers of the host; null where the system does not tell. */
export function kernelBytes({ kernel }: ServerSample): number | null {
  return kernel === undefined ? null : kernel.slabBytes + kernel.socketBufferBytes;
}

/** CPU time of all workers between two samples, in microseconds. */
export function cpuMicros(from: ServerSample, to: ServerSample): number {
  const grown = to.cpuMs.map((value, worker) => {
    const before = from.cpuMs[worker];
    return value === null || before === null || before === undefined ? 0 : growth(before, value);
  });
  return 1000 * total(grown);
}

function serverCpu(samples: readonly ServerSample[], seconds: readonly number[]): ServerCpu {
  const workers = highest(samples.map(({ cpuMs }) => cpuMs.length)) ?? 0;
  const cores = (counter: Column): Column =>
    perSecond(seconds, counter).map((milliseconds) =>
      milliseconds === null ? null : milliseconds / 1000,
    );
  const byWorker = Array.from({ length: workers }, (_, worker) =>
    cores(samples.map(({ cpuMs }) => cpuMs[worker] ?? null)),
  );
  return {
    byWorker,
    lowest: combine(byWorker, lowest),
    median: combine(byWorker, median),
    highest: combine(byWorker, highest),
    workers: combine(byWorker, (values) => (highest(values) === null ? null : total(values))),
    controller: cores(samples.map(({ controller }) => controller.cpuMs)),
  };
}

export function fleetTimeline(samples: readonly FleetSample[], startMs: number): FleetTimeline {
  const seconds = samples.map(({ atMs }) => (atMs - startMs) / 1000);
  const byName = (pick: (sample: FleetSample) => Readonly<Record<string, number>>) =>
    new Map(
      namesOf(samples.map(pick)).map((name) => [
        name,
        perSecond(
          seconds,
          samples.map((sample) => pick(sample)[name] ?? 0),
        ),
      ]),
    );
  return {
    seconds,
    open: samples.map(({ open }) => open),
    establishedPerSecond: perSecond(
      seconds,
      samples.map(({ established }) => established),
    ),
    failuresPerSecond: byName(({ failures }) => failures),
    lossesPerSecond: byName(({ losses }) => losses),
    cpuCores: agentCores(samples, seconds),
    loopLagMs: samples.map(({ agents }) => highest(agents.loopLagMs)),
    latencies: {
      connect: latencyColumns(samples, 'connectLatency'),
      delivery: latencyColumns(samples, 'deliveryLatency'),
      echo: latencyColumns(samples, 'echoLatency'),
    },
  };
}

function agentCores(samples: readonly FleetSample[], seconds: readonly number[]): Column {
  const agents = highest(samples.map(({ agents: { cpuMs } }) => cpuMs.length)) ?? 0;
  const byAgent = Array.from({ length: agents }, (_, agent) =>
    perSecond(
      seconds,
      samples.map(({ agents: { cpuMs } }) => cpuMs[agent] ?? null),
    ),
  );
  return combine(byAgent, (values) => (highest(values) === null ? null : total(values) / 1000));
}

function latencyColumns(
  samples: readonly FleetSample[],
  kind: 'connectLatency' | 'deliveryLatency' | 'echoLatency',
): LatencyColumns {
  const column = (percentile: 'p50' | 'p90' | 'p99' | 'max'): Column =>
    samples.map((sample) => {
      const micros = sample[kind]?.[percentile];
      return micros === undefined ? null : micros / 1000;
    });
  return { p50: column('p50'), p90: column('p90'), p99: column('p99'), max: column('max') };
}

/** Names in the order of their last count, the most frequent first; those of 0 are left out. */
function namesOf(records: readonly Readonly<Record<string, number>>[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const record of records) {
    for (const [name, count] of Object.entries(record)) {
      if (count > 0) counts.set(name, Math.max(count, counts.get(name) ?? 0));
    }
  }
  return [...counts].sort((a, b) => b[1] - a[1]).map(([name]) => name);
}
