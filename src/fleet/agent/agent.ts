/**
 * One agent: a swarm, the clock that drives it, and the sample it gives of itself.
 *
 * It ticks fast while something is to be done and slowly while its connections only wait: dozens
 * of agents share a machine with the server they measure.
 */

import type { AgentBrief, AgentOrder, AgentSample } from './contract.ts';
import { ORDER_TIMEOUT_MS } from './contract.ts';
import { Swarm } from './swarm.ts';

const TICK_BUSY_MS = 20;
const TICK_IDLE_MS = 200;

/** Files that an agent needs beside its connections. */
const OPEN_FILES_RESERVE = 64;

/** No order names more (read-order.ts), and numbers of sessions follow from it. */
const CAPACITY_MAX = 10_000_000;

/** Handshakes leave garbage that JavaScriptCore would let pile up; see worker/garbage-collector. */
const COLLECT_AFTER = 4_000;

export class Agent {
  readonly #swarm: Swarm;
  readonly #openFileLimit: number;
  readonly #capacity: number;
  #orderedAtMs = 0;
  #beginning = '';
  /** The longest since the last sample. */
  #lagMs = 0;
  /** When the clock should have its next turn, or had one noted as late already. */
  #dueAtMs = Number.POSITIVE_INFINITY;
  #timer: Timer | undefined;
  #collectedAt = 0;
  #rssBytes = 0;

  /** @param openFileLimit of this process */
  constructor(openFileLimit: number) {
    this.#openFileLimit = openFileLimit;
    this.#capacity = Math.min(Math.max(1, openFileLimit - OPEN_FILES_RESERVE), CAPACITY_MAX);
    this.#swarm = new Swarm(this.#capacity);
  }

  start(): void {
    this.#schedule(performance.now() + TICK_IDLE_MS);
  }

  /** Drops every connection. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#swarm.cut();
  }

  obey(order: AgentOrder): void {
    // A request that waited in the kernel comes before the clock's turn, and would hide its delay.
    this.#noteLag();
    if (this.#swarm.order?.run !== order.run) this.#begin();
    this.#orderedAtMs = performance.now();
    this.#swarm.obey(order);
    clearTimeout(this.#timer);
    this.#schedule(performance.now());
  }

  /** What held the loop up before a run, be it the start of the process, is no lag of the run. */
  #begin(): void {
    this.#beginning = crypto.randomUUID();
    this.#lagMs = 0;
  }

  /** For whoever only looks: nothing that a coordinator would then miss in its sample. */
  brief(): AgentBrief {
    const { open, connecting } = this.#swarm;
    return { open, connecting, capacity: this.#capacity };
  }

  /** The lag in it is that since the sample before. */
  sample(): AgentSample {
    const { tally } = this.#swarm;
    const cpu = process.cpuUsage();
    this.#noteLag();
    const loopLagMs = Math.round(this.#lagMs);
    this.#lagMs = 0;
    return {
      run: this.#swarm.order?.run ?? '',
      beginning: this.#beginning,
      pid: process.pid,
      atMs: performance.timeOrigin + performance.now(),
      open: this.#swarm.open,
      connecting: this.#swarm.connecting,
      counters: tally.counters(),
      broadcasts: tally.broadcasts(),
      latencies: tally.latencies(),
      usage: {
        cpuSeconds: (cpu.user + cpu.system) / 1e6,
        rssBytes: this.#measureRss(),
        loopLagMs,
        openFileLimit: this.#openFileLimit,
        capacity: this.#capacity,
      },
    };
  }

  /** It takes an open file to learn, and the agent must answer when there is none left. */
  #measureRss(): number {
    try {
      this.#rssBytes = process.memoryUsage.rss();
    } catch {
      // That of the last sample is near enough.
    }
    return this.#rssBytes;
  }

  #schedule(dueAtMs: number): void {
    this.#dueAtMs = dueAtMs;
    this.#timer = setTimeout(() => this.#tick(), Math.max(0, dueAtMs - performance.now()));
  }

  #tick(): void {
    this.#noteLag();
    const nowMs = performance.now();
    const { order } = this.#swarm;
    if (order !== undefined && nowMs - this.#orderedAtMs > ORDER_TIMEOUT_MS) {
      this.#swarm.obey({ ...order, connections: 0 });
      this.#swarm.drop();
    }
    const isBusy = this.#swarm.tick(nowMs);
    this.#collect(isBusy);
    // From the turn's beginning on: what it takes itself holds messages up as well.
    this.#schedule(nowMs + (isBusy ? TICK_BUSY_MS : TICK_IDLE_MS));
  }

  /** Each delay counts once, even when the clock's turn comes only after it was noted. */
  #noteLag(): void {
    const nowMs = performance.now();
    if (nowMs <= this.#dueAtMs) return;
    this.#lagMs = Math.max(this.#lagMs, nowMs - this.#dueAtMs);
    this.#dueAtMs = nowMs;
  }

  #collect(isBusy: boolean): void {
    const { attempts } = this.#swarm.tally;
    const turnover = Math.abs(attempts - this.#collectedAt);
    if (turnover < (isBusy ? COLLECT_AFTER : 1)) return;
    this.#collectedAt = attempts;
    Bun.gc(true);
  }
}
