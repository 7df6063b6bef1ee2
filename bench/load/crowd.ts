/**
 * The sessions of a bout: an agent's swarm, told to fill and to leave, with waits for both. It is
 * the same client as that of `holdfast fleet`, only driven by the benchmark's questions.
 *
 * The clock runs only while the swarm has something to do: a client that wakes up a thousand times
 * a second would disturb the server that is measured beside it.
 */

import type { AgentOrder } from '../../src/fleet/agent/contract.ts';
import { Swarm } from '../../src/fleet/agent/swarm.ts';
import * as limits from '../measure/limits.ts';
import type { LoadCounters, LoadSettings } from './messages.ts';

/** Often enough that a handshake which ends is followed by the next one at once. */
const TICK_MS = 1;
/** Waits look this often; what they wait for is measured by CPU, not by the clock. */
const POLL_MS = 2;
const PING_INTERVAL_S = 25;
/** More than any server takes: the window of handshakes under way is the limit then. */
const RATE_UNBOUNDED = 1_000_000;

export class Crowd {
  readonly #swarm: Swarm;
  readonly #isPinging: boolean;
  readonly #leaveTimeoutMs: number;
  #clock: Timer | undefined;
  #order: AgentOrder;
  #isFilling = false;
  #failuresMax = 0;
  #cut = 0;

  /** @param leaveTimeoutMs another one in tests */
  constructor(
    { url, protocol, auth }: LoadSettings,
    openFiles: number,
    leaveTimeoutMs: number = limits.LEAVE_TIMEOUT_MS,
  ) {
    this.#swarm = new Swarm(openFiles - limits.RESERVED_FILES);
    this.#isPinging = protocol === 'pinging';
    this.#leaveTimeoutMs = leaveTimeoutMs;
    this.#order = {
      run: 'bench',
      connections: 0,
      rate: RATE_UNBOUNDED,
      targets: targetsOf(new URL(url)),
      sources: [],
      mix: [{ protocol: protocol === 'pinging' ? 'websocket' : protocol, weight: 1 }],
      firstNumber: 0,
      auth,
      churnPerMinute: 0,
      storms: 0,
      coalesceMs: 0,
      clockOffsetMs: 0,
    };
    this.#swarm.obey(this.#order);
  }

  /** Whether the clock runs: the swarm has connections to make or pings to send. */
  get isTicking(): boolean {
    return this.#clock !== undefined;
  }

  counters(loopLagMs: number): LoadCounters {
    const { tally } = this.#swarm;
    const counters = tally.counters();
    return {
      established: this.#swarm.open,
      deliveries: counters.deliveries,
      deliveryBytes: counters.deliveryBytes,
      failures: sum(counters.failures),
      lost: sum(counters.losses),
      cut: this.#cut,
      loopLagMs,
    };
  }

  /** @param perSecond connections to begin in one second; without it, as fast as it goes */
  async fill(sessions: number, perSecond: number = RATE_UNBOUNDED): Promise<void> {
    this.#failuresMax = this.#failures() + Math.ceil(sessions * limits.FAILURE_SHARE_MAX);
    // Those who ping begin when they come, as they do in life, and not when the last one has.
    const pings = { perSecond: sessions / PING_INTERVAL_S, event: 'ping', payloadBytes: 1 };
    this.#isFilling = true;
    this.#obey({
      connections: sessions,
      rate: perSecond,
      echo: this.#isPinging ? pings : undefined,
    });
    try {
      await this.#until(
        () => {
          const failures = this.#failures();
          if (failures > this.#failuresMax) throw new Error(`too many handshakes failed`);
          return this.#swarm.open >= sessions;
        },
        limits.FILL_TIMEOUT_MS,
        'handshakes',
      );
    } finally {
      this.#isFilling = false;
    }
  }

  /** Asks all to close, and cuts off those that the server has not closed in its time. */
  async leave(): Promise<void> {
    this.#obey({ connections: 0, rate: RATE_UNBOUNDED, echo: undefined });
    const isEmpty = (): boolean => this.#swarm.sockets === 0;
    if (await this.#within(isEmpty, this.#leaveTimeoutMs)) return;
    this.#cut += this.#swarm.sockets;
    this.#swarm.cut();
    await this.#until(isEmpty, this.#leaveTimeoutMs, 'cutting connections');
  }

  async delivered(total: number): Promise<void> {
    const isDone = (): boolean => this.#swarm.tally.deliveries >= total;
    await this.#until(isDone, limits.DELIVERY_TIMEOUT_MS, 'a delivery to every session');
  }

  /** Ends every connection at once, and the clock. */
  stop(): void {
    this.#stopClock();
    this.#swarm.cut();
  }

  #obey(change: Partial<AgentOrder>): void {
    this.#order = { ...this.#order, ...change };
    this.#swarm.obey(this.#order);
    this.#clock ??= setInterval(() => this.#tick(), TICK_MS);
  }

  #tick(): void {
    // Whoever was there and is lost stays lost: a replacement would be measured, and hide it.
    if (!this.#isFilling && this.#swarm.open < this.#order.connections) {
      this.#obey({ connections: this.#swarm.open });
    }
    // At rest no tick cuts off those who were asked to leave: `leave` waits longer, and counts.
    if (!this.#swarm.tick(performance.now())) this.#stopClock();
  }

  #stopClock(): void {
    clearInterval(this.#clock);
    this.#clock = undefined;
  }

  #failures(): number {
    return sum(this.#swarm.tally.counters().failures);
  }

  async #until(isDone: () => boolean, timeoutMs: number, what: string): Promise<void> {
    if (await this.#within(isDone, timeoutMs)) return;
    throw new Error(`${what} took over ${timeoutMs} ms`);
  }

  async #within(isDone: () => boolean, timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    while (!isDone()) {
      if (performance.now() > deadline) return false;
      await Bun.sleep(POLL_MS);
    }
    return true;
  }
}

/** The server listens on every loopback address, so that ports in TIME_WAIT never run out. */
function targetsOf(url: URL): readonly string[] {
  return Array.from({ length: limits.TARGET_ADDRESSES }, (_, index) => {
    const target = new URL(url);
    target.hostname = `127.0.0.${index + 1}`;
    return target.href;
  });
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
