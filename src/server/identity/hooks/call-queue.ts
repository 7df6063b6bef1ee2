/**
 * Calls that wait for their turn, bounded, and shared out fairly.
 *
 * Kinds of call take turns, and within a kind the lanes do: of each lane (a session, for its
 * events) one call is under way at a time, which keeps their order. What waits is bounded for each
 * kind, so that events cannot keep clients from being let in; and the fuller a kind is, the less of
 * it may be of one lane, so that there is room for whoever has nothing in it.
 */

import { LIMITS } from '../../core/limits/limits.ts';

/** What may wait: a call of a kind, in a lane. */
export interface Waiting {
  /** Calls of one lane go one after another, in their order. */
  readonly lane: object;
  /** What it holds. */
  readonly bytes: number;
  /** Until when it waits; set when those before it in its lane are over. */
  deadlineMs: number;
}

/** How long calls wait that are the first of their lane; infinite for those nobody waits for. */
export type WaitOf<Kind> = (kind: Kind) => number;

/** Of what is free of a kind, one lane may have this part. */
const LANE_SHARE = 1 / 8;

export class CallQueue<Kind extends string, Call extends Waiting> {
  readonly #kinds: readonly (readonly [Kind, LaneQueue<Call>])[];
  #turn = 0;

  constructor(kinds: readonly Kind[], waitMs: WaitOf<Kind>) {
    this.#kinds = kinds.map((kind) => [kind, new LaneQueue(waitMs(kind))]);
  }

  /** Calls that wait. */
  get size(): number {
    return this.#kinds.reduce((sum, [, { size }]) => sum + size, 0);
  }

  /** @returns false when it does not fit */
  add(kind: Kind, call: Call): boolean {
    return this.#of(kind).add(call);
  }

  /** The next call, whose lane is closed until `done`. */
  take(): readonly [Kind, Call] | undefined {
    for (let i = 0; i < this.#kinds.length; i++) {
      const at = (this.#turn + i) % this.#kinds.length;
      const [kind, queue] = this.#kinds[at] as readonly [Kind, LaneQueue<Call>];
      const call = queue.take();
      if (call === undefined) continue;
      this.#turn = at + 1;
      return [kind, call];
    }
    return undefined;
  }

  /** A call that was taken is over. */
  done(kind: Kind, call: Call): void {
    this.#of(kind).done(call);
  }

  /** Takes out calls of a kind that have waited for too long. */
  removeLate(kind: Kind, nowMs: number): readonly Call[] {
    return this.#of(kind).removeLate(nowMs);
  }

  /** Takes out all calls of a kind. */
  removeAll(kind: Kind): readonly Call[] {
    return this.#of(kind).removeAll();
  }

  /** When the first call of whatever kind will have waited for too long; infinite without one. */
  get firstDeadlineMs(): number {
    return Math.min(...this.#kinds.map(([, { firstDeadlineMs }]) => firstDeadlineMs));
  }

  #of(kind: Kind): LaneQueue<Call> {
    return (this.#kinds.find(([name]) => name === kind) as readonly [Kind, LaneQueue<Call>])[1];
  }
}

interface Lane<Call> {
  /** In their order. */
  readonly calls: Call[];
  bytes: number;
}

class LaneQueue<Call extends Waiting> {
  readonly #waitMs: number;
  readonly #lanes: Map<object, Lane<Call>> = new Map();
  /** Lanes whose first call may be sent, in the order in which they came to that. */
  readonly #ready: Set<object> = new Set();
  readonly #busy: Set<object> = new Set();
  #bytes = 0;
  size = 0;

  constructor(waitMs: number) {
    this.#waitMs = waitMs;
  }

  get firstDeadlineMs(): number {
    return this.#firstReady()?.deadlineMs ?? Number.POSITIVE_INFINITY;
  }

  add(call: Call): boolean {
    const lane = this.#lanes.get(call.lane);
    if (!this.#fits(call.bytes, lane)) return false;
    this.#bytes += call.bytes;
    this.size++;
    if (lane === undefined) {
      this.#lanes.set(call.lane, { calls: [call], bytes: call.bytes });
      if (!this.#busy.has(call.lane)) this.#makeReady(call.lane, call);
    } else {
      lane.calls.push(call);
      lane.bytes += call.bytes;
    }
    return true;
  }

  take(): Call | undefined {
    const call = this.#firstReady();
    if (call === undefined) return undefined;
    this.#removeFirst(call.lane);
    this.#busy.add(call.lane);
    return call;
  }

  done({ lane }: Call): void {
    this.#busy.delete(lane);
    this.#advance(lane);
  }

  removeLate(nowMs: number): readonly Call[] {
    const late: Call[] = [];
    for (let call = this.#firstReady(); call !== undefined; call = this.#firstReady()) {
      if (call.deadlineMs > nowMs) break;
      this.#removeFirst(call.lane);
      this.#advance(call.lane);
      late.push(call);
    }
    return late;
  }

  removeAll(): readonly Call[] {
    const all = [...this.#lanes.values()].flatMap(({ calls }) => calls);
    this.#lanes.clear();
    this.#ready.clear();
    this.#bytes = 0;
    this.size = 0;
    return all;
  }

  #fits(bytes: number, lane: Lane<Call> | undefined): boolean {
    const freeCalls = LIMITS.hookCallsWaiting - this.size;
    const freeBytes = LIMITS.hookBytesWaiting - this.#bytes;
    if (freeCalls === 0 || freeBytes < bytes) return false;
    if (lane === undefined) return true;
    return (
      lane.calls.length < freeCalls * LANE_SHARE && lane.bytes + bytes <= freeBytes * LANE_SHARE
    );
  }

  #firstReady(): Call | undefined {
    const [lane] = this.#ready;
    return lane === undefined ? undefined : this.#lanes.get(lane)?.calls[0];
  }

  /** The first call of a lane, if there is one, may be sent from now on. */
  #advance(lane: object): void {
    const first = this.#lanes.get(lane)?.calls[0];
    if (first !== undefined) this.#makeReady(lane, first);
  }

  #makeReady(lane: object, first: Call): void {
    first.deadlineMs = performance.now() + this.#waitMs;
    this.#ready.add(lane);
  }

  #removeFirst(name: object): void {
    const lane = this.#lanes.get(name) as Lane<Call>;
    const { bytes } = lane.calls.shift() as Call;
    lane.bytes -= bytes;
    if (lane.calls.length === 0) this.#lanes.delete(name);
    this.#ready.delete(name);
    this.#bytes -= bytes;
    this.size--;
  }
}
