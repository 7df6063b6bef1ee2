/**
 * Collects garbage beside the runtime, by the schedule of the config key `gc`.
 *
 * JavaScriptCore collects when its heap has grown by half, and Bun now and then; left to these,
 * a handshake's several kilobytes and the sessions that ended make a worker larger for good. With
 * `turnover` we collect when many sessions have come or gone, with `idle` when some have and the
 * event loop has little to do, with a number every so many seconds, with `off` never.
 * `bun bench/garbage.ts` measures what each costs and saves.
 *
 * A collection stops the worker, so each of ours is timed. What the runtime starts by itself
 * cannot be seen from here: no hook tells, and statistics of the heap that would take 16 ms.
 */

import type { Config } from '../config/schema.ts';
import type { Counters } from '../core/counters.ts';

export interface GarbageCollectorOptions {
  readonly schedule: Config['gc'];
  readonly counters: Pick<Counters, 'sessionsOpened' | 'sessionsClosed'>;
  readonly clock?: CollectorClock;
}

export interface CollectorClock {
  nowMs(): number;
  /** CPU time that the process has used. */
  cpuMs(): number;
}

/** Soon enough that a crowd which leaves is collected before the next one comes. */
const CHECK_MS = 250;
/** A collection of a small heap takes 5 ms, which this many handshakes are worth. */
const TURNOVER_MIN = 2_000;
/** With more sessions alive a collection takes longer, 12 ms at 19,000, and must find more. */
const TURNOVER_PER_SESSION = 1 / 8;
/** Below this share of a core the loop has little to do: heartbeats of 19,000 stay under it. */
const IDLE_CPU_SHARE = 0.25;
/** Checks in a row that must find it so: a crowd pauses for less. */
const IDLE_CHECKS = 2;
/** A trickle of sessions must not make every pause of it a collection. */
const IDLE_PERIOD_MS = 5_000;

const processClock: CollectorClock = {
  nowMs: () => performance.now(),
  cpuMs() {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
};

export class GarbageCollector {
  readonly #schedule: Config['gc'];
  readonly #counters: GarbageCollectorOptions['counters'];
  readonly #clock: CollectorClock;
  #collections = 0;
  #totalMs = 0;
  #pauseMaxMs = 0;
  /** When, and at how many sessions come and gone, we collected last. */
  #collectedAtMs: number;
  #collectedAt = 0;
  /** The check before this one: when it was, and the CPU time then. */
  #checkedAtMs: number;
  #checkedCpuMs: number;
  #idleChecks = 0;

  constructor(options: GarbageCollectorOptions) {
    this.#schedule = options.schedule;
    this.#counters = options.counters;
    this.#clock = options.clock ?? processClock;
    this.#collectedAtMs = this.#clock.nowMs();
    this.#checkedAtMs = this.#collectedAtMs;
    this.#checkedCpuMs = this.#clock.cpuMs();
  }

  /** Collections of ours since the start. */
  get collections(): number {
    return this.#collections;
  }

  /** How long these stopped the worker, in all. */
  get totalMs(): number {
    return this.#totalMs;
  }

  /** The longest of ours since this was last called, 0 when there was none. */
  takePauseMaxMs(): number {
    const pauseMs = this.#pauseMaxMs;
    this.#pauseMaxMs = 0;
    return pauseMs;
  }

  /** From now on it looks several times a second whether it is time. */
  start(): void {
    if (this.#schedule !== 'off') setInterval(() => this.check(), CHECK_MS).unref();
  }

  /** Collects if it is time. */
  check(): void {
    if (this.#isDue()) this.#collect();
  }

  #isDue(): boolean {
    switch (this.#schedule) {
      case 'off':
        return false;
      case 'turnover':
        return this.#turnover() - this.#collectedAt >= this.#turnoverDue();
      case 'idle':
        return this.#isIdle() && this.#turnover() > this.#collectedAt;
      default:
        return this.#clock.nowMs() - this.#collectedAtMs >= this.#schedule * 1000;
    }
  }

  #turnover(): number {
    return this.#counters.sessionsOpened + this.#counters.sessionsClosed;
  }

  #turnoverDue(): number {
    const sessions = this.#counters.sessionsOpened - this.#counters.sessionsClosed;
    return Math.max(TURNOVER_MIN, sessions * TURNOVER_PER_SESSION);
  }

  /** MUST be called at every check, since it measures from one to the next. */
  #isIdle(): boolean {
    const nowMs = this.#clock.nowMs();
    const cpuMs = this.#clock.cpuMs();
    const share = (cpuMs - this.#checkedCpuMs) / Math.max(1, nowMs - this.#checkedAtMs);
    this.#checkedAtMs = nowMs;
    this.#checkedCpuMs = cpuMs;
    this.#idleChecks = share < IDLE_CPU_SHARE ? this.#idleChecks + 1 : 0;
    const isRested = nowMs - this.#collectedAtMs >= IDLE_PERIOD_MS;
    return this.#idleChecks >= IDLE_CHECKS && isRested;
  }

  #collect(): void {
    const beganAtMs = this.#clock.nowMs();
    Bun.gc(true);
    this.#collectedAtMs = this.#clock.nowMs();
    this.#collectedAt = this.#turnover();
    const pauseMs = this.#collectedAtMs - beganAtMs;
    this.#collections++;
    this.#totalMs += pauseMs;
    this.#pauseMaxMs = Math.max(this.#pauseMaxMs, pauseMs);
  }
}
