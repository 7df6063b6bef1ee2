/**
 * The sessions of a bout: an agent's swarm, told to fill and to leave, with waits for both. It is
 * the same client as that of `holdfast fleet`, only driven by the benchmark's questions.
 */

import type { AgentOrder } from '../../src/agent/contract.ts';
import { Swarm } from '../../src/agent/swarm.ts';
import type { ClientProtocol } from '../contestants/contract.ts';
import * as limits from '../limits.ts';
import type { LoadCounters } from './messages.ts';

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
  #order: AgentOrder;
  #failuresMax = 0;

  constructor(url: URL, protocol: ClientProtocol, openFiles: number) {
    this.#swarm = new Swarm(openFiles - limits.RESERVED_FILES);
    this.#isPinging = protocol === 'pinging';
    this.#order = {
      run: 'bench',
      connections: 0,
      rate: RATE_UNBOUNDED,
      targets: targetsOf(url),
      sources: [],
      mix: [{ protocol: protocol === 'socket-io' ? 'socket-io' : 'websocket', weight: 1 }],
      firstNumber: 0,
      auth: '{"token":"user-{n}"}',
      churnPerMinute: 0,
      storms: 0,
      clockOffsetMs: 0,
    };
    this.#swarm.obey(this.#order);
    setInterval(() => this.#swarm.tick(performance.now()), TICK_MS);
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
      loopLagMs,
    };
  }

  /** @param perSecond connections to begin in one second; without it, as fast as it goes */
  async fill(sessions: number, perSecond: number = RATE_UNBOUNDED): Promise<void> {
    this.#failuresMax = this.#failures() + Math.ceil(sessions * limits.FAILURE_SHARE_MAX);
    this.#obey({ connections: sessions, rate: perSecond });
    await this.#until(
      () => {
        const failures = this.#failures();
        if (failures > this.#failuresMax) throw new Error(`too many handshakes failed`);
        return this.#swarm.open >= sessions;
      },
      limits.FILL_TIMEOUT_MS,
      'handshakes',
    );
    if (this.#isPinging) {
      const perSecondOfAll = sessions / PING_INTERVAL_S;
      this.#obey({ echo: { perSecond: perSecondOfAll, event: 'ping', payloadBytes: 1 } });
    }
  }

  async leave(): Promise<void> {
    this.#obey({ connections: 0, rate: RATE_UNBOUNDED, echo: undefined });
    const isEmpty = (): boolean => this.#swarm.sockets === 0;
    await this.#until(isEmpty, limits.LEAVE_TIMEOUT_MS, 'leaving');
  }

  async delivered(total: number): Promise<void> {
    const isDone = (): boolean => this.#swarm.tally.deliveries >= total;
    await this.#until(isDone, limits.DELIVERY_TIMEOUT_MS, 'a delivery to every session');
  }

  #obey(change: Partial<AgentOrder>): void {
    this.#order = { ...this.#order, ...change };
    this.#swarm.obey(this.#order);
  }

  #failures(): number {
    return sum(this.#swarm.tally.counters().failures);
  }

  async #until(isDone: () => boolean, timeoutMs: number, what: string): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!isDone()) {
      if (performance.now() > deadline) throw new Error(`${what} took over ${timeoutMs} ms`);
      await Bun.sleep(POLL_MS);
    }
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
