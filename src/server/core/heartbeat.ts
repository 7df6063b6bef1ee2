/**
 * Heartbeats of all sessions of a worker with one timer.
 *
 * Sessions sit in slots; each tick pings one slot and looks whether those of an earlier slot have
 * answered. A new session goes into the slot that was pinged last, so its first ping comes one
 * interval later, as the protocol says.
 *
 * Pings follow the clock: when the event loop is late, the slots that were due are pinged together,
 * since a client that hears nothing for interval and timeout goes away. Judgement follows the loop:
 * after a stall clients get as much longer to answer as it took, for what they sent lies unread.
 */

import { LIMITS } from './limits/limits.ts';
import { forEachOne } from './log/for-each-one.ts';

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

/** What sessions ask of the heartbeat. */
export interface HeartbeatClock {
  readonly tick: number;
  readonly clockMs: number;
  /** Whether its time to answer the last ping is over, though no beat has found it yet. */
  isOverdue(member: HeartbeatMember): boolean;
}

export interface HeartbeatOptions {
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
}

export class Heartbeat implements HeartbeatClock {
  readonly tickMs: number;
  readonly #slots: HeartbeatMember[][];
  readonly #timeoutMs: number;
  readonly #timeoutTicks: number;
  readonly #onFault: (fault: unknown) => void;
  /** When each ping that is not judged yet was really sent, by its tick in turn. */
  readonly #sentAtTick: Uint32Array;
  /** The same in the time of the loop. */
  readonly #sentAtMs: Float64Array;
  /** At the last beat: the time without that in which the loop stood still. */
  #loopMs = 0;
  /** Between two beats; timers are a little late in any case. */
  readonly #noStallMs: number;
  #timer: Timer | undefined;
  #tick = 0;
  #beatAtMs: number = performance.now();
  #checkedTick = 0;
  #dueAtMs = 0;
  /** Ticks that clients have longer to answer, and until when. */
  #graceTicks = 0;
  #graceUntilTick = 0;

  /** @param onFault takes what a member throws; the others have their turn all the same */
  constructor(options: HeartbeatOptions, onFault: (fault: unknown) => void = throwLater) {
    this.#onFault = onFault;
    const wanted = options.pingIntervalMs / LIMITS.heartbeatSlots;
    const tickMs = Math.max(LIMITS.heartbeatTickMinMs, wanted);
    const count = Math.max(1, Math.floor(options.pingIntervalMs / tickMs));
    this.tickMs = options.pingIntervalMs / count;
    this.#slots = Array.from({ length: count }, () => []);
    this.#timeoutTicks = Math.max(1, Math.ceil(options.pingTimeoutMs / this.tickMs));
    // Judgement lies at most one timeout, the longest grace and one late beat behind the pings.
    this.#sentAtTick = new Uint32Array(this.#timeoutTicks + 2 * count + 2);
    this.#sentAtMs = new Float64Array(this.#sentAtTick.length);
    this.#timeoutMs = options.pingTimeoutMs;
    this.#noStallMs = this.tickMs + LIMITS.heartbeatTickMinMs;
  }

  /** The number of the current tick: what a session that is heard now remembers. */
  get tick(): number {
    return this.#tick;
  }

  /** The worker's own time in ms: between two beats it goes on by one tick at the most. */
  get clockMs(): number {
    return this.#tick * this.tickMs + Math.min(this.tickMs, performance.now() - this.#beatAtMs);
  }

  isOverdue(member: HeartbeatMember, nowMs: number = performance.now()): boolean {
    const sinceBeatMs = nowMs - this.#beatAtMs;
    // The loop has stood still: a beat is to judge.
    if (sinceBeatMs > this.#noStallMs) return false;
    const ticksAgo = (this.#tick - member.heartbeatSlot) % this.#slots.length;
    const at = (this.#tick - ticksAgo) % this.#sentAtTick.length;
    if (member.lastSeenTick >= (this.#sentAtTick[at] as number)) return false;
    return this.#loopMs + sinceBeatMs - (this.#sentAtMs[at] as number) >= this.#timeoutMs;
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

  /** The ticks that are due by now: one, or more after a stall. */
  beat(nowMs: number): void {
    const dueTicks = 1 + Math.max(0, Math.round((nowMs - this.#dueAtMs) / this.tickMs));
    // Nobody is pinged twice in one beat, however long the stall was.
    const ticks = Math.min(dueTicks, this.#slots.length);
    this.#dueAtMs = ticks === dueTicks ? this.#dueAtMs + ticks * this.tickMs : nowMs + this.tickMs;
    const before = this.#tick;
    this.#tick += ticks;
    this.#loopMs += Math.min(nowMs - this.#beatAtMs, this.#noStallMs);
    this.#beatAtMs = nowMs;
    if (ticks > 1) this.#grant(ticks);
    this.#check();
    for (let tick = before + 1; tick <= this.#tick; tick++) this.#ping(tick);
  }

  #ping(tick: number): void {
    const at = tick % this.#sentAtTick.length;
    this.#sentAtTick[at] = this.#tick;
    this.#sentAtMs[at] = this.#loopMs;
    const members = this.#slots[tick % this.#slots.length] as HeartbeatMember[];
    for (let i = members.length - 1; i >= 0; i--) {
      try {
        (members[i] as HeartbeatMember).ping();
      } catch (fault) {
        // The others count as pinged from here on.
        this.#onFault(fault);
      }
    }
  }

  #grant(ticks: number): void {
    const isOver = this.#tick > this.#graceUntilTick;
    this.#graceTicks = isOver ? ticks : Math.max(ticks, this.#graceTicks);
    this.#graceUntilTick = this.#tick + Math.min(ticks, this.#timeoutTicks);
  }

  /** Judges the slots whose time to answer is over. */
  #check(): void {
    const grace = this.#tick <= this.#graceUntilTick ? this.#graceTicks : 0;
    const last = this.#tick - this.#timeoutTicks - grace;
    // Later ticks were sent later, so the first that has time left ends the search.
    for (let tick = this.#checkedTick + 1; tick <= last; tick++) {
      const sentAtTick = this.#sentAtTick[tick % this.#sentAtTick.length] as number;
      if (sentAtTick > last) return;
      this.#checkedTick = tick;
      const members = this.#slots[tick % this.#slots.length] as HeartbeatMember[];
      // A copy, since the end of one may be the end of others, by the app's doing.
      const silent = members.filter((member) => member.lastSeenTick < sentAtTick);
      forEachOne(silent, (member) => member.timedOut(), this.#onFault);
    }
  }
}

/** To whoever looks after what nobody caught. */
function throwLater(fault: unknown): void {
  queueMicrotask(() => {
    throw fault;
  });
}
