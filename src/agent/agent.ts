/**
 * One agent: a swarm, the clock that drives it, and the sample it gives of itself.
 *
 * It ticks fast while something is to be done and slowly while its connections only wait: dozens
 * of agents share a machine with the server they measure.
 */

import type { AgentOrder, AgentSample } from './contract.ts';
import { ORDER_TIMEOUT_MS } from './contract.ts';
import { Swarm } from './swarm.ts';

const TICK_BUSY_MS = 20;
const TICK_IDLE_MS = 200;

/** Files that an agent needs beside its connections. */
const OPEN_FILES_RESERVE = 64;

/** Handshakes leave garbage that JavaScriptCore would let pile up; see worker/garbage-collector. */
const COLLECT_AFTER = 4_000;

export class Agent {
  readonly #swarm: Swarm;
  readonly #openFileLimit: number;
  readonly #capacity: number;
  #orderedAtMs = 0;
  #lagMs = 0;
  #dueAtMs = 0;
  #timer: Timer | undefined;
  #collectedAt = 0;

  /** @param openFileLimit of this process */
  constructor(openFileLimit: number) {
    this.#openFileLimit = openFileLimit;
    this.#capacity = Math.max(1, openFileLimit - OPEN_FILES_RESERVE);
    this.#swarm = new Swarm(this.#capacity);
  }

  start(): void {
    this.#schedule(TICK_IDLE_MS);
  }

  /** Drops every connection. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#swarm.cut();
  }

  obey(order: AgentOrder): void {
    this.#orderedAtMs = performance.now();
    this.#swarm.obey(order);
    clearTimeout(this.#timer);
    this.#schedule(0);
  }

  /** The lag in it is that since the sample before. */
  sample(): AgentSample {
    const { tally } = this.#swarm;
    const cpu = process.cpuUsage();
    const loopLagMs = Math.round(Math.max(this.#lagMs, performance.now() - this.#dueAtMs));
    this.#lagMs = 0;
    return {
      run: this.#swarm.order?.run ?? '',
      pid: process.pid,
      atMs: performance.timeOrigin + performance.now(),
      open: this.#swarm.open,
      connecting: this.#swarm.connecting,
      counters: tally.counters(),
      broadcasts: tally.broadcasts(),
      latencies: tally.latencies(),
      usage: {
        cpuSeconds: (cpu.user + cpu.system) / 1e6,
        rssBytes: process.memoryUsage.rss(),
        loopLagMs: Math.max(0, loopLagMs),
        openFileLimit: this.#openFileLimit,
        capacity: this.#capacity,
      },
    };
  }

  #schedule(delayMs: number): void {
    this.#dueAtMs = performance.now() + delayMs;
    this.#timer = setTimeout(() => this.#tick(), delayMs);
  }

  #tick(): void {
    const nowMs = performance.now();
    this.#lagMs = Math.max(this.#lagMs, nowMs - this.#dueAtMs);
    const { order } = this.#swarm;
    if (order !== undefined && nowMs - this.#orderedAtMs > ORDER_TIMEOUT_MS) {
      this.#swarm.obey({ ...order, connections: 0 });
      this.#swarm.cut();
    }
    const isBusy = this.#swarm.tick(nowMs);
    this.#collect(isBusy);
    this.#schedule(isBusy ? TICK_BUSY_MS : TICK_IDLE_MS);
  }

  #collect(isBusy: boolean): void {
    const { attempts } = this.#swarm.tally;
    const turnover = Math.abs(attempts - this.#collectedAt);
    if (turnover < (isBusy ? COLLECT_AFTER : 1)) return;
    this.#collectedAt = attempts;
    Bun.gc(true);
  }
}
