/**
 * How much clients send in a second, and who has to wait.
 *
 *     a packet ─▶ one addition in a small table ─▶ little was sent there ─▶ taken
 *                                              └▶ much: a meter of this client alone ─▶ taken, or
 *                                                 so many milliseconds to wait
 *
 * The table has a few hundred places which clients share, and is emptied at each heartbeat tick:
 * what all clients of a place have sent together is more than what one of them has, so those who
 * send little are let through without anybody knowing who they are, and an idle client costs
 * nothing. A meter says up to when a client has used up what it may send, and goes after that.
 */

import { LIMITS } from './limits.ts';
import type { Reason } from './reasons.ts';

/** What a packet counts as; its bytes count beside that. */
export type RateKind = 'messages' | 'connects' | 'acks';

/** The most of one client in a second; 0 for no limit. */
export interface RateSettings {
  readonly maxMessagesPerSecond: number;
  readonly maxBytesPerSecond: number;
  readonly maxConnectsPerSecond: number;
  readonly maxAcksPerSecond: number;
}

/** By which reason it is counted that a client has to wait. */
const REASON_OF = {
  messages: 'tooManyMessages',
  connects: 'tooManyConnects',
  acks: 'tooManyAcks',
} as const satisfies Record<RateKind, Reason>;

/** A power of two. */
const PLACES = 1_024;
/** How much of what one client may send in a tick its place may have seen before it is metered. */
const UNMETERED_SHARE = 0.5;

/** Up to when a client has used up what it may send, by the clock that it is measured with. */
interface Meter {
  messages: number;
  connects: number;
  acks: number;
  bytes: number;
}

export class ClientRates {
  /** What was sent since the last tick, as the milliseconds for which it uses up a share. */
  readonly #sentMs: Float64Array = new Float64Array(PLACES);
  readonly #meters: Map<object, Meter> = new Map();
  readonly #unmeteredMs: number;
  readonly #costMs: Readonly<Record<RateKind, number>>;
  readonly #messageMs: number;
  readonly #byteMs: number;

  /** @param tickMs how often `sweep` is called */
  constructor(settings: RateSettings, tickMs: number) {
    this.#unmeteredMs = tickMs * UNMETERED_SHARE;
    const messages = costMs(settings.maxMessagesPerSecond);
    const acks = costMs(settings.maxAcksPerSecond);
    this.#costMs = { messages, acks, connects: costMs(settings.maxConnectsPerSecond) };
    this.#messageMs = Math.max(messages, acks);
    this.#byteMs = costMs(settings.maxBytesPerSecond);
  }

  /** Clients that are measured now. */
  get metered(): number {
    return this.#meters.size;
  }

  /**
   * Counts a packet. It is on the path of every one.
   *
   * @param place any number of the client's, such as its slot
   * @returns whether its client is surely within its limits
   */
  isLittle(place: number, bytes: number): boolean {
    const at = place & (PLACES - 1);
    const sentMs = (this.#sentMs[at] as number) + this.#messageMs + bytes * this.#byteMs;
    this.#sentMs[at] = sentMs;
    return sentMs <= this.#unmeteredMs;
  }

  /** Counts what makes a packet a CONNECT; the next ones are measured when there are several. */
  noteConnect(place: number): void {
    const at = place & (PLACES - 1);
    this.#sentMs[at] = (this.#sentMs[at] as number) + this.#costMs.connects;
  }

  /** Has everything of a client measured until the next tick. */
  watch(place: number): void {
    this.#sentMs[place & (PLACES - 1)] = Number.POSITIVE_INFINITY;
  }

  /** Measures a packet. @returns 0 when it is within the limits, else after how long it will be */
  waitMs(client: object, kind: RateKind, bytes: number, nowMs: number): number {
    let meter = this.#meters.get(client);
    if (meter === undefined) {
      const unused = Number.NEGATIVE_INFINITY;
      meter = { messages: unused, connects: unused, acks: unused, bytes: unused };
      this.#meters.set(client, meter);
    }
    const usedMs = Math.max(meter[kind], nowMs - burstMs(kind));
    const bytesUsedMs = Math.max(meter.bytes, nowMs - LIMITS.burstMs);
    const waitMs = Math.max(usedMs, bytesUsedMs) - nowMs;
    if (waitMs > 0) return waitMs;
    meter[kind] = usedMs + this.#costMs[kind];
    meter.bytes = bytesUsedMs + bytes * this.#byteMs;
    return 0;
  }

  /** Why a client has to wait with a packet. */
  reasonFor(client: object, kind: RateKind, nowMs: number): Reason {
    const isBytes = (this.#meters.get(client)?.bytes ?? nowMs) > nowMs;
    return isBytes ? 'tooManyBytes' : REASON_OF[kind];
  }

  /** The client is gone. */
  forget(client: object): void {
    if (this.#meters.size > 0) this.#meters.delete(client);
  }

  /** Begins to count anew, and forgets those who have used up nothing. */
  sweep(nowMs: number): void {
    this.#sentMs.fill(0);
    for (const [client, { messages, connects, acks, bytes }] of this.#meters) {
      const isUnused =
        connects <= nowMs - LIMITS.connectBurstMs &&
        Math.max(messages, acks, bytes) <= nowMs - LIMITS.burstMs;
      if (isUnused) this.#meters.delete(client);
    }
  }
}

function costMs(perSecond: number): number {
  return perSecond === 0 ? 0 : 1_000 / perSecond;
}

function burstMs(kind: RateKind): number {
  return kind === 'connects' ? LIMITS.connectBurstMs : LIMITS.burstMs;
}
