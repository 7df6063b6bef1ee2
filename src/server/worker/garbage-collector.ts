/**
 * Collects garbage beside the runtime, by the schedule of the config key `gc`.
 *
 * JavaScriptCore collects when its heap has grown by half, and Bun now and then; left to these,
 * a handshake's several kilobytes and the sessions that ended make a worker larger for good. With
 * `turnover` we collect when many sessions have come or gone, or many polls been answered, with
 * `idle` when some have and the event loop has little to do, or at last when very many have, with a
 * number every so many seconds, with `off` never. In all but the last we also collect when much
 * that waited for clients is gone.
 *
 * Measured at 19,000 sessions (`bun bench/questions/garbage/main.ts`,
 * bench/results/2026-11-22T19-15-25-gc.json): bytes a session after all have left and come back,
 * and CPU seconds in 40 s of nothing but heartbeats.
 *
 *     off 2,807  0.48    turnover 2,576  0.50    1 s 2,486  0.93    30 s 4,282  0.48
 *     idle 2,831  0.49
 *
 * It is one round: both schedules without a collection of ours in the churn, `off` and 30 s, stand
 * far apart, for the runtime's own come as they come.
 *
 * Polls leave garbage too: with 19,000 of the plain protocol 20 broadcasts took a worker from 3,079
 * bytes a session to 9,022 where they did not count, and to 3,571 as they do, at the same CPU.
 *
 * A collection stops the worker, so each of ours is timed. What the runtime starts by itself
 * cannot be seen from here: no hook tells, and statistics of the heap that would take 16 ms.
 */

import type { Config } from '../../host/config/schema.ts';
import type { Counters } from '../core/limits/counters.ts';
import type { MemoryBudget } from '../core/limits/memory-budget.ts';

export interface GarbageCollectorOptions {
  readonly schedule: Config['gc'];
  readonly counters: Pick<Counters, 'sessionsOpened' | 'sessionsClosed' | 'requestsAnswered'>;
  /** What waits for clients, and what was let go of, since that was too much. */
  readonly budget: Pick<MemoryBudget, 'heldBytes' | 'mostBytes' | 'forgetMost' | 'letGoBytes'>;
  readonly clock?: CollectorClock;
}

export interface CollectorClock {
  nowMs(): number;
  /** CPU time that the process has used. */
  cpuMs(): number;
}

/** Soon enough that a crowd which leaves is collected before the next one comes. */
export const CHECK_MS = 250;
/** A collection of a small heap takes 5 ms, which this many handshakes are worth. */
const TURNOVER_MIN = 2_000;
/** With more sessions alive a collection takes longer, 10 to 28 ms at 19,000: it must find more. */
const TURNOVER_PER_SESSION = 1 / 8;
/** What a poll leaves behind, beside a session that comes or goes. */
const TURNOVER_PER_REQUEST = 1 / 8;
/** So much that waited for clients and is gone is worth a collection: it lies there as text. */
const GONE_DUE_BYTES = 33_554_432;
/** Below this share of a core the loop has little to do: heartbeats of 19,000 take 1 %. */
const IDLE_CPU_SHARE = 0.25;
/** Checks in a row that must find it so: a crowd pauses for less. */
const IDLE_CHECKS = 2;
/** A trickle of sessions must not make every pause of it a collection. */
const IDLE_PERIOD_MS = 5_000;
/** A worker that never rests collects after this many times the turnover that else is enough. */
const BUSY_TURNOVER_FACTOR = 4;
/** With a number, collections take at most one in so many parts of the time, however long each. */
const PERIOD_MIN_PAUSES = 20;

const processClock: CollectorClock = {
  nowMs: () => performance.now(),
  cpuMs() {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
};

export class GarbageCollector {
  readonly #budget: GarbageCollectorOptions['budget'];
  readonly #schedule: Config['gc'];
  readonly #counters: GarbageCollectorOptions['counters'];
  readonly #clock: CollectorClock;
  #collections = 0;
  #totalMs = 0;
  #pauseMaxMs = 0;
  #lastPauseMs = 0;
  /** When, and at how many sessions come and gone, we collected last. */
  #collectedAtMs: number;
  #collectedAt = 0;
  #collectedAtLetGo = 0;
  /** The check before this one: when it was, and the CPU time then. */
  #checkedAtMs: number;
  #checkedCpuMs: number;
  #idleChecks = 0;

  constructor(options: GarbageCollectorOptions) {
    this.#budget = options.budget;
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

  /** Collects if it is time. To be called each `CHECK_MS`. */
  check(): void {
    if (this.#schedule === 'off') return;
    const isDue = this.#isDue();
    if (isDue || this.#hasMuchGone()) this.#collect();
  }

  #isDue(): boolean {
    switch (this.#schedule) {
      case 'off':
        return false;
      case 'turnover':
        return this.#turnoverSince() >= this.#turnoverDue();
      case 'idle':
        return this.#turnoverSince() >= (this.#isIdle() ? 1 : this.#busyTurnoverDue());
      default:
        return this.#clock.nowMs() - this.#collectedAtMs >= this.#periodMs(this.#schedule);
    }
  }

  #hasMuchGone(): boolean {
    const { heldBytes, mostBytes, letGoBytes } = this.#budget;
    const goneBytes = mostBytes - heldBytes + letGoBytes - this.#collectedAtLetGo;
    return goneBytes >= GONE_DUE_BYTES;
  }

  #turnover(): number {
    const { sessionsOpened, sessionsClosed, requestsAnswered } = this.#counters;
    return sessionsOpened + sessionsClosed + requestsAnswered * TURNOVER_PER_REQUEST;
  }

  #turnoverSince(): number {
    return this.#turnover() - this.#collectedAt;
  }

  #turnoverDue(): number {
    const sessions = this.#counters.sessionsOpened - this.#counters.sessionsClosed;
    return Math.max(TURNOVER_MIN, sessions * TURNOVER_PER_SESSION);
  }

  #busyTurnoverDue(): number {
    return this.#turnoverDue() * BUSY_TURNOVER_FACTOR;
  }

  #periodMs(seconds: number): number {
    return Math.max(seconds * 1000, this.#lastPauseMs * PERIOD_MIN_PAUSES);
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
    this.#collectedAtLetGo = this.#budget.letGoBytes;
    this.#budget.forgetMost();
    const pauseMs = this.#collectedAtMs - beganAtMs;
    this.#collections++;
    this.#totalMs += pauseMs;
    this.#lastPauseMs = pauseMs;
    this.#pauseMaxMs = Math.max(this.#pauseMaxMs, pauseMs);
  }
}
