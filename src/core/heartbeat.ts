/**
 * Heartbeats of all sessions of a worker with one timer.
 *
 * Sessions sit in slots; each tick pings one slot and looks whether those of an earlier slot have
 * answered. A new session goes into the slot that was pinged last, so its first ping comes one
 * interval later, as the protocol says. Time is counted in ticks, not by the clock: when the event
 * loop stalls, clients get that much longer to answer instead of being cut for the server's fault.
 */

import { LIMITS } from './limits.ts';

/** A session as the heartbeat sees it. It MUST set `lastSeenTick` whenever its client is heard. */
export interface HeartbeatMember {
  heartbeatSlot: number;
  heartbeatPlace: number;
  lastSeenTick: number;
  /** MUST NOT end a member before it returns. */
  ping(): void;
  /** The client has not been heard since it was pinged. */
  timedOut(): void;
}

export interface HeartbeatOptions {
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
}

export class Heartbeat {
  readonly tickMs: number;
  readonly #slots: HeartbeatMember[][];
  readonly #timeoutTicks: number;
  #timer: Timer | undefined;
  #tick = 0;
  #checkedTick = 0;
  #dueAtMs = 0;

  constructor(options: HeartbeatOptions) {
    const wanted = options.pingIntervalMs / LIMITS.heartbeatSlots;
    const tickMs = Math.max(LIMITS.heartbeatTickMinMs, wanted);
    const count = Math.max(1, Math.floor(options.pingIntervalMs / tickMs));
    this.tickMs = options.pingIntervalMs / count;
    this.#slots = Array.from({ length: count }, () => []);
    this.#timeoutTicks = Math.max(1, Math.ceil(options.pingTimeoutMs / this.tickMs));
  }

  /** The number of the current tick: what a session that is heard now remembers. */
  get tick(): number {
    return this.#tick;
  }

  start(onTick: () => void): void {
    this.#dueAtMs = performance.now() + this.tickMs;
    this.#timer = setInterval(() => {
      this.beat(performance.now());
      onTick();
    }, this.tickMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  add(member: HeartbeatMember): void {
    const slot = this.#tick % this.#slots.length;
    const members = this.#slots[slot] as HeartbeatMember[];
    member.heartbeatSlot = slot;
    member.heartbeatPlace = members.length;
    member.lastSeenTick = this.#tick;
    members.push(member);
  }

  remove(member: HeartbeatMember): void {
    const members = this.#slots[member.heartbeatSlot];
    if (members === undefined) return;
    const last = members.pop();
    if (last !== undefined && last !== member) {
      members[member.heartbeatPlace] = last;
      last.heartbeatPlace = member.heartbeatPlace;
    }
    member.heartbeatSlot = -1;
  }

  /** One tick. `nowMs` tells how late it is. */
  beat(nowMs: number): void {
    const isLate = nowMs - this.#dueAtMs > this.tickMs;
    this.#dueAtMs = nowMs + this.tickMs;
    this.#tick++;
    // After a stall the answers may wait unread: let the loop read before judging.
    if (!isLate) this.#check();
    const members = this.#slots[this.#tick % this.#slots.length] as HeartbeatMember[];
    for (let i = members.length - 1; i >= 0; i--) (members[i] as HeartbeatMember).ping();
  }

  /** Judges the slots whose time to answer is over. */
  #check(): void {
    const last = this.#tick - this.#timeoutTicks;
    while (this.#checkedTick < last) {
      this.#checkedTick++;
      const pingedAt = this.#checkedTick;
      const members = this.#slots[pingedAt % this.#slots.length] as HeartbeatMember[];
      // A copy, since the end of one may be the end of others, by the app's doing.
      const silent = members.filter((member) => member.lastSeenTick < pingedAt);
      for (const member of silent) member.timedOut();
    }
  }
}
