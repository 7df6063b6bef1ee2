/**
 * Watches whether workers answer: each sends a sample a second from its event loop, so one that has
 * not sent any for long stands still, whatever its process looks like.
 *
 *     running ── silent ──▶ stalled ── silent for longer ──▶ killed, and replaced
 *        ▲───── heard ────────┘
 *
 * A stalled worker takes no sessions, but the kernel goes on dealing it its share of new
 * connections: they wait until it goes on or is replaced. Only time in which the controller itself
 * could have heard a worker counts: not while it was stopped.
 */

import type { Log } from '../core/log/log.ts';

/** What is watched of a worker. */
export interface WatchedWorker {
  readonly index: number;
  /** It has been ready, and nobody has told it to stop. */
  readonly isWatched: boolean;
}

export interface WatchdogOptions {
  workers(): readonly WatchedWorker[];
  /** Silence after which a worker counts as stalled. */
  readonly stalledAfterMs: number;
  /** Silence after which it is replaced; 0 never. */
  readonly replaceAfterMs: number;
  markStalled(index: number): void;
  markAnswering(index: number): void;
  /** Kills it. @param reason why, as in "worker 3 ended (…)" */
  replace(index: number, reason: string): void;
  /** Looks at a process that does not answer: whether to spare it, and a clause about it. */
  examine(index: number, silentMs: number): Examination;
  readonly log: Log;
}

export interface Examination {
  /** Somebody looks at it with a debugger. */
  readonly isSpared: boolean;
  readonly text: string;
}

interface Watched {
  silentMs: number;
  isStalled: boolean;
  isReplaced: boolean;
}

export const WATCH_MS = 500;
/** Two looks: what was longer, the controller or the machine stood still itself. */
const COUNTED_MAX_MS = 2 * WATCH_MS;

export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #watched: Map<number, Watched> = new Map();
  #lookedAtMs = 0;
  #timer: Timer | undefined;

  constructor(options: WatchdogOptions) {
    this.#options = options;
  }

  start(): void {
    this.#lookedAtMs = performance.now();
    this.#timer = setInterval(() => this.look(performance.now()), WATCH_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** A sample of the worker has come. */
  heard(index: number): void {
    const watched = this.#watched.get(index);
    if (watched === undefined) return;
    const { silentMs, isStalled, isReplaced } = watched;
    watched.silentMs = 0;
    if (!isStalled || isReplaced) return;
    watched.isStalled = false;
    this.#options.markAnswering(index);
    this.#options.log.info(`worker ${index} answers again`, { worker: index, silentMs });
  }

  /** A new process takes the place of the worker. */
  forget(index: number): void {
    this.#watched.delete(index);
  }

  look(nowMs: number): void {
    const passedMs = Math.min(nowMs - this.#lookedAtMs, COUNTED_MAX_MS);
    this.#lookedAtMs = nowMs;
    for (const { index, isWatched } of this.#options.workers()) {
      if (!isWatched) this.#watched.delete(index);
      else this.#judge(index, passedMs);
    }
  }

  #judge(index: number, passedMs: number): void {
    let watched = this.#watched.get(index);
    if (watched === undefined) {
      watched = { silentMs: 0, isStalled: false, isReplaced: false };
      this.#watched.set(index, watched);
      return;
    }
    watched.silentMs += passedMs;
    const { stalledAfterMs, replaceAfterMs } = this.#options;
    const { silentMs } = watched;
    if (!watched.isStalled && silentMs >= stalledAfterMs) this.#stalled(index, watched);
    if (replaceAfterMs === 0 || silentMs < replaceAfterMs || watched.isReplaced) return;
    const { isSpared, text } = this.#options.examine(index, silentMs);
    if (isSpared) return;
    watched.isReplaced = true;
    const seconds = Math.round(silentMs / 1_000);
    this.#options.replace(index, `its event loop stood still for ${seconds} s; ${text}`);
  }

  #stalled(index: number, watched: Watched): void {
    watched.isStalled = true;
    this.#options.markStalled(index);
    const { text } = this.#options.examine(index, watched.silentMs);
    this.#options.log.warn(
      `worker ${index} stands still: clients that reach it wait until it goes on or is replaced`,
      { worker: index, silentMs: Math.round(watched.silentMs), seen: text },
    );
  }
}
