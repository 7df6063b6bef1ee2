/**
 * Sends numbered broadcasts and counts who got them. Agents keep receipts of the last broadcasts
 * only, so no more than `UNDER_WAY_MAX` are ever on their way at once: when a server does not keep
 * up with the rate, broadcasts are put off and counted instead. So they are while one has no answer
 * yet, since two requests may overtake each other and their receipts would look like duplicates.
 *
 * A run may send millions, so only so many results are kept; of the others there are sums.
 */

import type { BroadcastResult } from '../../report/recording/record.ts';
import { BROADCASTS_KEPT, broadcastMark } from '../agent/contract.ts';
import { wallClockMs } from '../settings/clock.ts';
import type { BroadcastWay } from './holdfast-node.ts';

/** One that is not complete by then will not be: so long, and a little more for each session. */
const TIMEOUT_MS = 30_000;
/** Server and fleet on one machine of two cores took 12 µs a session; this is five times that. */
const TIMEOUT_MS_PER_SESSION = 0.06;
const UNDER_WAY_MAX: number = BROADCASTS_KEPT - 8;
/** Results in detail. Those that did not reach all stay longest. */
const RESULTS_KEPT = 1_000;
/** Timers take no more, and fire at once instead. */
const TIMER_MS_MAX = 2_147_483_647;

interface Broadcast {
  readonly sequence: number;
  readonly atMs: number;
  readonly sessions: number;
  received: number;
  tookMs: number;
}

/** Broadcasts that are no longer among the results. */
export interface BroadcastSums {
  readonly count: number;
  /** Of all of them together. */
  readonly receipts: number;
  /** Those that did not reach all. */
  readonly short: number;
}

const NONE: BroadcastSums = { count: 0, receipts: 0, short: 0 };

export interface BroadcasterOptions {
  readonly way: BroadcastWay;
  readonly payloadBytes: number;
  /** Sessions open now. */
  readonly sessions: () => number;
  /** Told of each that was not taken, with the reason. */
  readonly onError: (text: string) => void;
}

export class Broadcaster {
  readonly #options: BroadcasterOptions;
  readonly #taken: Map<number, Broadcast> = new Map();
  readonly #underWay: Map<number, Broadcast> = new Map();
  /** Numbers of kept ones for which nobody waits, as sessions came and went. */
  readonly #released: Set<number> = new Set();
  #omitted = NONE;
  #omittedReleased = NONE;
  #timer: Timer | undefined;
  #sending: Promise<unknown> = Promise.resolve();
  #unanswered = 0;
  #lastSequence = 0;
  #putOff = 0;
  #refused = 0;

  constructor(options: BroadcasterOptions) {
    this.#options = options;
  }

  /** Of those that the server took, in order; at most 1,000, see `omitted`. */
  get results(): readonly BroadcastResult[] {
    return [...this.#taken.values()];
  }

  /** Of those that the server took and `results` has no place for, but for the released ones. */
  get omitted(): BroadcastSums {
    return this.#omitted;
  }

  /** The same of those that were released. */
  get omittedReleased(): BroadcastSums {
    return this.#omittedReleased;
  }

  get isAnyUnderWay(): boolean {
    return this.#underWay.size > 0;
  }

  /** The number of the last one that was sent; 0 before the first. */
  get lastSequence(): number {
    return this.#lastSequence;
  }

  /** Broadcasts of the rate that were not sent, as others were still on their way. */
  get putOff(): number {
    return this.#putOff;
  }

  /** Broadcasts that the server did not take. */
  get refused(): number {
    return this.#refused;
  }

  /** Sends so many a second until `stop`. */
  start(perSecond: number): void {
    this.stop();
    const everyMs = Math.min(1000 / perSecond, TIMER_MS_MAX);
    this.#timer = setInterval(() => {
      if (this.#unanswered > 0 || this.#underWay.size >= UNDER_WAY_MAX) this.#putOff++;
      else void this.send();
    }, everyMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /**
   * Sends one when those before have their answers.
   * @returns its number; undefined when the server did not take it
   */
  async send(): Promise<number | undefined> {
    this.#unanswered++;
    const sent = this.#sending.then(() => this.#send());
    this.#sending = sent.catch(() => undefined);
    try {
      return await sent;
    } finally {
      this.#unanswered--;
    }
  }

  async #send(): Promise<number | undefined> {
    const { way, payloadBytes, sessions, onError } = this.#options;
    const sequence = ++this.#lastSequence;
    const atMs = wallClockMs();
    const broadcast = {
      sequence,
      atMs: Math.round(atMs),
      sessions: sessions(),
      received: 0,
      tookMs: 0,
    };
    // The first receipts may come before the server's answer.
    this.#taken.set(sequence, broadcast);
    this.#underWay.set(sequence, broadcast);
    if (this.#taken.size > RESULTS_KEPT) this.#omitOne();
    try {
      await way.send(broadcastMark(sequence, atMs * 1000) + '.'.repeat(payloadBytes));
      return sequence;
    } catch (error) {
      const { message } = error as Error;
      if (broadcast.received > 0) {
        onError(`broadcast ${sequence} has receipts, but no answer: ${message}`);
        return sequence;
      }
      this.#refused++;
      this.#forget(sequence);
      onError(`broadcast ${sequence} was not taken: ${message}`);
      return undefined;
    }
  }

  /** Takes the one that tells least out of the results: the oldest that reached all, if any did. */
  #omitOne(): void {
    const isOver = ({ sequence }: Broadcast): boolean => !this.#underWay.has(sequence);
    const tellsLittle = ({ sequence, received, sessions }: Broadcast): boolean =>
      received >= sessions || this.#released.has(sequence);
    const broadcasts = this.#taken.values().filter(isOver).toArray();
    const broadcast = broadcasts.find(tellsLittle) ?? broadcasts[0];
    if (broadcast === undefined) return;
    if (this.#released.has(broadcast.sequence)) {
      this.#omittedReleased = plus(this.#omittedReleased, broadcast);
    } else {
      this.#omitted = plus(this.#omitted, broadcast);
    }
    this.#forget(broadcast.sequence);
  }

  #forget(sequence: number): void {
    this.#taken.delete(sequence);
    this.#underWay.delete(sequence);
    this.#released.delete(sequence);
  }

  /** @param receipts by number, of all agents together */
  observe(receipts: ReadonlyMap<number, number>): void {
    const nowMs = wallClockMs();
    for (const [sequence, received] of receipts) {
      const broadcast = this.#taken.get(sequence);
      if (broadcast === undefined || received <= broadcast.received) continue;
      broadcast.received = received;
      broadcast.tookMs = Math.round(nowMs - broadcast.atMs);
    }
    for (const [sequence, broadcast] of this.#underWay) {
      const timeoutMs = TIMEOUT_MS + TIMEOUT_MS_PER_SESSION * broadcast.sessions;
      const isOver = nowMs - broadcast.atMs > timeoutMs;
      if (broadcast.received >= broadcast.sessions || isOver) this.#underWay.delete(sequence);
    }
  }

  /** Waits no longer for those up to this number, since nobody knows how many are to get them. */
  release(upTo: number): void {
    for (const sequence of this.#underWay.keys()) {
      if (sequence > upTo) continue;
      this.#underWay.delete(sequence);
      this.#released.add(sequence);
    }
  }

  /** Takes no account of those that are under way: nobody waits for their receipts any more. */
  abandon(): void {
    for (const sequence of this.#underWay.keys()) this.#forget(sequence);
  }

  isUnderWay(sequence: number): boolean {
    return this.#underWay.has(sequence);
  }

  result(sequence: number): BroadcastResult | undefined {
    return this.#taken.get(sequence);
  }

  /** Puts what the receipts themselves tell in place of when they were asked for. */
  setTook(sequence: number, tookMs: number): void {
    const broadcast = this.#taken.get(sequence);
    if (broadcast !== undefined) broadcast.tookMs = tookMs;
  }
}

function plus(sums: BroadcastSums, { received, sessions }: Broadcast): BroadcastSums {
  return {
    count: sums.count + 1,
    receipts: sums.receipts + received,
    short: sums.short + (received < sessions ? 1 : 0),
  };
}
