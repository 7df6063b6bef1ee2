/**
 * Which faults there are now: each said once when it begins and once when it is over.
 *
 * Faults of connections end when all connections are there. Those that answers to commands tell of
 * end when a command of that name has succeeded since, and none has failed so for some seconds: a
 * server at the brink of its memory would say both many times a second otherwise.
 */

import type { Log } from '../../core/log/log.ts';
import type { CountedFigures } from './figures.ts';
import { REDIS_FAULTS, type RedisFault, type RedisLinkError } from './redis-fault.ts';

const QUIET_MS = 3_000;
/** What only connections tell of, and their heartbeats. */
const OF_CONNECTIONS: ReadonlySet<RedisFault> = new Set<RedisFault>(['slow', 'unreachable']);

interface Refusal {
  readonly command: string;
  lastMs: number;
  hasSucceeded: boolean;
}

export class FaultBook {
  readonly #log: Log;
  readonly #figures: CountedFigures;
  readonly #begun: Map<RedisFault, number> = new Map();
  readonly #refusals: Map<RedisFault, Refusal> = new Map();
  /** Why not all connections are there. */
  #ofConnection: RedisFault | undefined;

  constructor(log: Log, figures: CountedFigures) {
    this.#log = log;
    this.#figures = figures;
  }

  /** The worst of those that there are. */
  get fault(): RedisFault | undefined {
    if (this.#begun.size === 0) return undefined;
    return REDIS_FAULTS.find((fault) => this.#begun.has(fault));
  }

  begin(fault: RedisFault, sentence: string, nowMs: number = performance.now()): void {
    if (this.#begun.has(fault)) return;
    this.#begun.set(fault, nowMs);
    this.#figures.faults[fault] = (this.#figures.faults[fault] ?? 0) + 1;
    this.#log.warn(sentence, { fault });
  }

  end(fault: RedisFault, nowMs: number = performance.now()): void {
    const since = this.#begun.get(fault);
    if (since === undefined) return;
    this.#begun.delete(fault);
    this.#refusals.delete(fault);
    const afterMs = Math.round(nowMs - since);
    this.#log.info('a fault of Redis is over', { fault, afterMs });
  }

  /** Connections could not be made, or not be used. What was wrong with them before is over. */
  connectionFailed(error: RedisLinkError): void {
    if (this.#ofConnection !== error.fault) this.connected();
    this.#ofConnection = error.fault;
    this.begin(error.fault, error.message);
  }

  /** All are there. */
  connected(): void {
    const fault = this.#ofConnection;
    this.#ofConnection = undefined;
    if (fault !== undefined) this.end(fault);
  }

  commandFailed(command: string, error: RedisLinkError, nowMs: number = performance.now()): void {
    if (error.isOfCommand || OF_CONNECTIONS.has(error.fault)) return;
    this.#refusals.set(error.fault, { command, lastMs: nowMs, hasSucceeded: false });
    this.begin(error.fault, error.message, nowMs);
  }

  commandSucceeded(command: string): void {
    if (this.#refusals.size === 0) return;
    for (const refusal of this.#refusals.values()) {
      if (refusal.command === command) refusal.hasSucceeded = true;
    }
  }

  /** Once a second. */
  tick(nowMs: number = performance.now()): void {
    for (const [fault, { hasSucceeded, lastMs }] of this.#refusals) {
      if (hasSucceeded && nowMs - lastMs > QUIET_MS) this.end(fault, nowMs);
    }
  }
}
