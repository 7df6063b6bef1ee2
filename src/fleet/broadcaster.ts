/**
 * Sends numbered broadcasts and counts who got them. Agents keep receipts of the last broadcasts
 * only, so no more than `UNDER_WAY_MAX` are ever on their way at once: when a server does not keep
 * up with the rate, broadcasts are put off and counted instead.
 */

import { BROADCASTS_KEPT, broadcastMark } from '../agent/contract.ts';
import type { BroadcastResult } from '../recording/record.ts';
import { wallClockMs } from './clock.ts';
import type { BroadcastWay } from './holdfast-node.ts';

/** One that is not complete by then will not be: so long, and a little more for each session. */
const TIMEOUT_MS = 30_000;
/** Server and fleet on one machine of two cores took 12 µs a session; this is five times that. */
const TIMEOUT_MS_PER_SESSION = 0.06;
const UNDER_WAY_MAX: number = BROADCASTS_KEPT - 8;

interface Broadcast {
  readonly sequence: number;
  readonly atMs: number;
  readonly sessions: number;
  received: number;
  tookMs: number;
}

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
  #timer: Timer | undefined;
  #lastSequence = 0;
  #putOff = 0;
  #refused = 0;

  constructor(options: BroadcasterOptions) {
    this.#options = options;
  }

  /** Of all that the server took, in order. */
  get results(): readonly BroadcastResult[] {
    return [...this.#taken.values()];
  }

  get isAnyUnderWay(): boolean {
    return this.#underWay.size > 0;
  }

  /** The number of the last one that was sent; 0 before the first. */
  get lastSequence(): number {
    return this.#lastSequence;
  }

  /** Broadcasts of the rate that were not sent, as too many were on their way. */
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
    this.#timer = setInterval(() => {
      if (this.#underWay.size >= UNDER_WAY_MAX) this.#putOff++;
      else void this.send();
    }, 1000 / perSecond);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** @returns the number of the broadcast; undefined when the server did not take it */
  async send(): Promise<number | undefined> {
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
    try {
      await way.send(broadcastMark(sequence, atMs * 1000) + '.'.repeat(payloadBytes));
      return sequence;
    } catch (error) {
      this.#refused++;
      this.#taken.delete(sequence);
      this.#underWay.delete(sequence);
      onError(`broadcast ${sequence} was not taken: ${(error as Error).message}`);
      return undefined;
    }
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
      if (sequence <= upTo) this.#underWay.delete(sequence);
    }
  }

  /** Takes no account of those that are under way: nobody waits for their receipts any more. */
  abandon(): void {
    for (const sequence of this.#underWay.keys()) this.#taken.delete(sequence);
    this.#underWay.clear();
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
