/**
 * Takes CPU profiles of this worker. Loaded when the first one is asked for, so that an idle worker
 * does not pay for it.
 *
 * JavaScriptCore's sampler is a thread of its own that looks every millisecond which function runs.
 * Bun cannot end that thread: once started it goes on waking, for 3 % of a core, even when nothing
 * is profiled. So after each profile the sampler is parked at one look a second, and the next
 * profile waits until the thread has woken from that second.
 */

import { heapStats } from 'bun:jsc';
import { readFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import type {
  CpuProfile,
  ProfileUsage,
  Survivors,
  WorkerProfile,
} from '../links/bus/worker-profile.ts';
import type { GarbageCollector } from './garbage-collector.ts';

/** Modules in the executable have names that begin with `src/`. */
const ROOT = Bun.isStandaloneExecutable ? '' : new URL('../../../', import.meta.url).href;
const INTERVAL_MICROSECONDS = 1_000;
/** Of objects that survive; the rest of some hundred kinds are few each. */
const KINDS_SHOWN = 8;
const PARKED_INTERVAL_MICROSECONDS = 1_000_000;

/** What the system has counted for this process so far. */
interface Reading {
  readonly atMs: number;
  readonly mainThreadCpuMs: number;
  readonly processCpuMs: number;
  readonly collections: number;
  readonly collectionMs: number;
}

export class Profiler {
  readonly #worker: number;
  readonly #collector: Pick<GarbageCollector, 'collections' | 'totalMs'>;
  #isBusy = false;
  #isParked = false;

  constructor(worker: number, collector: Pick<GarbageCollector, 'collections' | 'totalMs'>) {
    this.#worker = worker;
    this.#collector = collector;
  }

  /** @throws Error when a profile is being taken already, by us or by the app */
  async profile(seconds: number): Promise<WorkerProfile> {
    if (this.#isBusy) throw new Error('another profile of it is being taken');
    this.#isBusy = true;
    const session = new Session();
    try {
      session.connect();
      await session.post('Profiler.enable');
      // Refused while the app takes a profile of its own, which we must not end then.
      await session.post('Profiler.setSamplingInterval', { interval: INTERVAL_MICROSECONDS });
      try {
        return await this.#sample(session, seconds);
      } finally {
        await this.#park(session);
      }
    } finally {
      session.disconnect();
      this.#isBusy = false;
    }
  }

  async #sample(session: Session, seconds: number): Promise<WorkerProfile> {
    await session.post('Profiler.start');
    if (this.#isParked) {
      await Bun.sleep(PARKED_INTERVAL_MICROSECONDS / 1000);
      await session.post('Profiler.stop');
      await session.post('Profiler.start');
    }
    const before = this.#read();
    await Bun.sleep(seconds * 1000);
    const after = this.#read();
    const { profile } = await session.post('Profiler.stop');
    return {
      worker: this.#worker,
      pid: process.pid,
      root: ROOT,
      profile: profile as CpuProfile,
      usage: usageBetween(before, after),
      survivors: countSurvivors(),
    };
  }

  /** The sampler takes on an interval only when it is started. */
  async #park(session: Session): Promise<void> {
    // It still runs when the sample broke off, and would refuse another interval.
    await session.post('Profiler.stop').catch(() => {});
    const interval = PARKED_INTERVAL_MICROSECONDS;
    await session.post('Profiler.setSamplingInterval', { interval });
    await session.post('Profiler.start');
    await session.post('Profiler.stop');
    await session.post('Profiler.disable');
    this.#isParked = true;
  }

  #read(): Reading {
    const { user, system } = process.cpuUsage();
    const processCpuMs = (user + system) / 1000;
    return {
      atMs: performance.now(),
      mainThreadCpuMs: mainThreadCpuMs() ?? processCpuMs,
      processCpuMs,
      collections: this.#collector.collections,
      collectionMs: this.#collector.totalMs,
    };
  }
}

function usageBetween(before: Reading, after: Reading): ProfileUsage {
  const mainThreadCpuMs = after.mainThreadCpuMs - before.mainThreadCpuMs;
  const processCpuMs = after.processCpuMs - before.processCpuMs;
  return {
    wallMs: after.atMs - before.atMs,
    mainThreadCpuMs,
    otherThreadsCpuMs: Math.max(0, processCpuMs - mainThreadCpuMs),
    collections: after.collections - before.collections,
    collectionMs: after.collectionMs - before.collectionMs,
  };
}

/** Counting them stops the worker for as long as a collection takes, and as much again. */
function countSurvivors(): Survivors | undefined {
  try {
    return collectAndCount();
  } catch {
    // The profile is worth having without them.
    return undefined;
  }
}

function collectAndCount(): Survivors {
  const beganAtMs = performance.now();
  Bun.gc(true);
  const collectionMs = performance.now() - beganAtMs;
  const { objectCount, heapSize, objectTypeCounts } = heapStats();
  const kinds = Object.entries(objectTypeCounts)
    .map(([name, objects]) => ({ name, objects }))
    .toSorted((a, b) => b.objects - a.objects)
    .slice(0, KINDS_SHOWN);
  return { objects: objectCount, bytes: heapSize, collectionMs, kinds };
}

/** The first number of schedstat is nanoseconds on a CPU; undefined where there is no such file. */
function mainThreadCpuMs(): number | undefined {
  try {
    const text = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1');
    return Number(text.split(' ', 1)[0]) / 1e6;
  } catch {
    return undefined;
  }
}
