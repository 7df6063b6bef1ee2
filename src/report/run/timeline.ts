/**
 * The samples of a log as columns over the seconds of the run: totals, rates and the spread over
 * workers, ready to be drawn. Counters of the log become rates here.
 */

import type { FleetSample, ServerSample } from '../recording/record.ts';
import {
  type Column,
  combine,
  growthOfProcess,
  highest,
  lowest,
  median,
  perSecond,
  perSecondOver,
  total,
  unbroken,
} from './columns.ts';

export interface ServerTimeline {
  /** Since the start of the run; the other columns have one entry for each of these. */
  readonly seconds: readonly number[];
  readonly sessions: Column;
  readonly heapBytes: Column;
  /** Resident memory of workers beside their JavaScript heap, and that of the controller. */
  readonly otherBytes: Column;
  /** Slab; null where the system does not tell. Less than nothing counts as nothing. */
  readonly kernelBytes: Column;
  readonly cpu: ServerCpu;
  /** Null while no worker reported, as is `collectionMs`. */
  readonly loopLagMs: { readonly median: Column; readonly highest: Column };
  /** The longest collection that the schedule of any worker began in the second before. */
  readonly collectionMs: Column;
  readonly openedPerSecond: Column;
  readonly refusedPerSecond: Column;
}

/**
 * In cores: 1 is one core that does nothing else. Workers report by their own clocks, so a second
 * of the log may hold two reports of one and none of another: theirs is the mean of 4 s.
 */
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

/** Four samples, which are one second apart. */
const WORKER_CPU_SECONDS = 3.5;

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
      median: withLate(samples.map(({ loopLagMs }) => median(loopLagMs))),
      highest: withLate(samples.map(({ loopLagMs }) => highest(loopLagMs))),
    },
    collectionMs: withLate(samples.map(({ collectionMs }) => highest(collectionMs))),
    openedPerSecond: rate(({ counters }) => counters.opened),
    refusedPerSecond: rate(({ counters }) => counters.refused),
  };
}

/** A report that comes a moment too late for one second tells of it in the next. */
function withLate(column: Column): Column {
  return column.map((value, index) => value ?? column[index + 1] ?? null);
}

/** Resident memory of the workers and the controller. */
export function processBytes(sample: ServerSample): number {
  return total(sample.rssBytes) + sample.controller.rssBytes;
}

/**
 * Slab of the host; null where the system does not tell. Small socket buffers lie in it, and what
 * the kernel accounts as socket memory is a quota, not memory that is used beside it.
 */
export function kernelBytes({ kernel }: ServerSample): number | null {
  return kernel === undefined ? null : kernel.slabBytes;
}

/** CPU time of all workers between two samples, in microseconds. */
export function cpuMicros(from: ServerSample, to: ServerSample): number {
  const grown = to.cpuMs.map((value, worker) => {
    const before = from.cpuMs[worker];
    return value === null || before === null || before === undefined
      ? 0
      : growthOfProcess(before, value);
  });
  return 1000 * total(grown);
}

function serverCpu(samples: readonly ServerSample[], seconds: readonly number[]): ServerCpu {
  const workers = highest(samples.map(({ cpuMs }) => cpuMs.length)) ?? 0;
  const cores = (rate: Column): Column =>
    rate.map((milliseconds) => (milliseconds === null ? null : milliseconds / 1000));
  const byWorker = Array.from({ length: workers }, (_, worker) => {
    const counter = unbroken(samples.map(({ cpuMs }) => cpuMs[worker] ?? null));
    return cores(perSecondOver(seconds, counter, WORKER_CPU_SECONDS));
  });
  return {
    byWorker,
    lowest: combine(byWorker, lowest),
    median: combine(byWorker, median),
    highest: combine(byWorker, highest),
    workers: combine(byWorker, (values) => (highest(values) === null ? null : total(values))),
    controller: cores(
      perSecond(
        seconds,
        samples.map(({ controller }) => controller.cpuMs),
      ),
    ),
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
          samples.map((sample) => countOf(pick(sample), name)),
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

/** A name may be one that every object has, such as `constructor`. */
function countOf(record: Readonly<Record<string, number>>, name: string): number {
  return Object.hasOwn(record, name) ? (record[name] as number) : 0;
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
