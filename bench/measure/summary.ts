/**
 * From raw bouts to figures: medians over the rounds, figures per session, delivery and core.
 * Pure: the same results file gives the same figures again.
 */

import type { Bout, HandshakeSample, MemoryReading, Usage } from './samples.ts';

/** The figures of one contestant over all its bouts. */
export interface Figures {
  readonly contestant: string;
  readonly bouts: number;
  /** Bytes of worker memory per session over the empty worker. */
  readonly memoryIdle: number;
  readonly memoryAfterBroadcasts: number;
  /** The figure that counts: after broadcasts and one full churn. */
  readonly memory: number;
  readonly cpuMicrosPerDelivery: number;
  readonly cpuMicrosPerDeliveryInBurst: number;
  /** From sending one broadcast until the last session has it. */
  readonly broadcastMs: number;
  /** Sessions established per second of server CPU. */
  readonly handshakesPerCore: number;
  readonly handshakesPerWallSecond: number;
  /** Undefined when it was not measured. */
  readonly idleMicrosPerSecond: number | undefined;
  /** Handshake phases in which the load client was busy all the time, and the server was not. */
  readonly generatorLimited: number;
  readonly handshakePhases: number;
  /** Cores that other programs of the machine used meanwhile. */
  readonly foreignCores: number;
  readonly lost: number;
  /** Connections that had to be cut off when they left. */
  readonly cut: number;
}

export function summarize(contestant: string, allBouts: readonly Bout[]): Figures | undefined {
  const bouts = allBouts.filter((bout) => bout.contestant === contestant);
  if (bouts.length === 0) return undefined;
  const handshakes = bouts.flatMap((bout) => bout.handshakes);
  const idle = bouts.flatMap((bout) => (bout.idle === undefined ? [] : [bout.idle]));
  const usages = bouts.flatMap((bout) => [...bout.handshakes, ...bout.deliveries]);
  return {
    contestant,
    bouts: bouts.length,
    memoryIdle: median(bouts.map((bout) => perSession(bout, bout.memory.idle))),
    memoryAfterBroadcasts: median(
      bouts.map((bout) => perSession(bout, bout.memory.afterBroadcasts)),
    ),
    memory: median(bouts.map((bout) => perSession(bout, bout.memory.afterChurn))),
    cpuMicrosPerDelivery: median(microsPerDelivery(bouts, 'single')),
    cpuMicrosPerDeliveryInBurst: median(microsPerDelivery(bouts, 'burst')),
    broadcastMs: median(broadcastTimes(bouts)),
    handshakesPerCore: median(
      bouts.map((bout) => rate(bout.handshakes, (usage) => usage.serverCpuSeconds)),
    ),
    handshakesPerWallSecond: median(
      bouts.map((bout) => rate(bout.handshakes, (usage) => usage.wallSeconds)),
    ),
    idleMicrosPerSecond:
      idle.length === 0
        ? undefined
        : median(
            idle.map(
              ({ sessions, usage }) =>
                (usage.serverCpuSeconds * 1e6) / sessions / usage.wallSeconds,
            ),
          ),
    generatorLimited: handshakes.filter(({ limitedBy }) => limitedBy === 'generator').length,
    handshakePhases: handshakes.length,
    foreignCores:
      sum(usages.map(({ usage }) => usage.foreignCpuSeconds)) /
      sum(usages.map(({ usage }) => usage.wallSeconds)),
    lost: sum(bouts.map((bout) => bout.lost)),
    cut: sum(bouts.map((bout) => bout.cut)),
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

function perSession(bout: Bout, reading: MemoryReading): number {
  return (reading.rssBytes - bout.memory.empty.rssBytes) / bout.sessions;
}

function microsPerDelivery(bouts: readonly Bout[], wanted: 'single' | 'burst'): number[] {
  return bouts
    .flatMap((bout) => bout.deliveries)
    .filter(({ kind }) => kind === wanted)
    .map(({ deliveries, usage }) => (usage.serverCpuSeconds * 1e6) / deliveries);
}

function broadcastTimes(bouts: readonly Bout[]): number[] {
  return bouts
    .flatMap((bout) => bout.deliveries)
    .filter(({ kind }) => kind === 'single')
    .map(({ broadcasts, usage }) => (usage.wallSeconds * 1000) / broadcasts);
}

/** Sessions of all phases together per second of what `seconds` picks. */
function rate(samples: readonly HandshakeSample[], seconds: (usage: Usage) => number): number {
  const sessions = sum(samples.map((sample) => sample.sessions));
  return sessions / sum(samples.map(({ usage }) => seconds(usage)));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
