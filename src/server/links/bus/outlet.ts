/**
 * The hub's way out to one worker, shared by all who send to it.
 *
 *     frame ─▶ the connection, as long as that takes what it is given
 *          └─▶ else the lane of its sender; lanes are emptied in turns, by bytes
 *
 * So whoever floods waits behind itself, and what others say passes by. What one sender says stays
 * in order. A sender whose lane is long is held: the hub reads no more from it until the lane is
 * short, and nothing is lost. For a worker that takes nothing at all nobody is held for longer than
 * `ipcStallMs`; from then on each lane has a bound, and what is beyond it is refused.
 */

import { LIMITS } from '../../core/limits/limits.ts';
import type { FramedConnection } from '../ipc/framed-connection.ts';

/** Whoever sends to a worker: another one, or who is outside of them. */
export interface Sender {
  /** It is to wait, since too much of what it said waits somewhere; or that is over. */
  hold(isHeld: boolean): void;
}

/** What one sender may say in its turn. */
const TURN_BYTES = 65_536;
/** Frames that were sent are taken out of a lane when there are so many. */
const SENT_FRAMES_MAX = 1_024;

export interface OutletEvents {
  /** There is room again in a lane that had none. */
  onRoom(): void;
  /** The worker has taken nothing for long, or takes something again. */
  onStuck(isStuck: boolean): void;
}

interface Frame {
  readonly type: number;
  readonly body: Uint8Array;
}

interface Lane {
  readonly sender: Sender;
  readonly frames: (Frame | undefined)[];
  /** Of the first frame that waits. */
  head: number;
  bytes: number;
  /** What it may still say in this turn; less than nothing after a large frame. */
  credit: number;
  isHeld: boolean;
}

/** What an outlet needs of its connection. */
export type OutletConnection = Pick<
  FramedConnection,
  'frame' | 'flush' | 'send' | 'queuedBytes' | 'sentBytes'
>;

export class Outlet {
  readonly #connection: OutletConnection;
  readonly #events: OutletEvents;
  /** Those that wait, in the order of their turns. */
  readonly #lanes: Lane[] = [];
  #turn = 0;
  #waitingBytes = 0;
  #sentBytes = 0;
  /** When it was last seen to take something, or had nothing to take. */
  #movedAtMs: number = performance.now();
  #isStuck = false;

  constructor(connection: OutletConnection, events: OutletEvents) {
    this.#connection = connection;
    this.#events = events;
  }

  /** The worker has taken nothing for long: nobody waits for it. */
  get isStuck(): boolean {
    return this.#isStuck;
  }

  /** Bytes that wait for the worker. */
  get queuedBytes(): number {
    return this.#waitingBytes + this.#connection.queuedBytes;
  }

  /** Whether something of this sender can be kept. */
  hasRoom(sender: Sender): boolean {
    return (this.#find(sender)?.bytes ?? 0) < LIMITS.hubLaneBytes;
  }

  /** Sends a frame at once. @returns false when it has to wait: `keep` it */
  pass(type: number, body: Uint8Array): boolean {
    if (this.#lanes.length > 0) return false;
    // Mostly the system takes all of it; and if not, it says when it takes more.
    if (this.#connection.queuedBytes >= LIMITS.hubDirectBytes) this.#connection.flush();
    if (this.#connection.queuedBytes >= LIMITS.hubDirectBytes) return false;
    this.#connection.frame(type).raw(body).finish();
    this.#connection.send();
    return true;
  }

  /**
   * Keeps a frame that could not be passed.
   *
   * @param body stays as it is: no view of something that others write to, or that is much larger
   * @returns false when there is no room for more of this sender
   */
  keep(sender: Sender, type: number, body: Uint8Array): boolean {
    const lane = this.#find(sender) ?? this.#open(sender);
    if (this.#isStuck && lane.bytes >= LIMITS.hubLaneBytes) return false;
    lane.frames.push({ type, body });
    const bytes = costOf(body);
    lane.bytes += bytes;
    this.#waitingBytes += bytes;
    if (!this.#isStuck && lane.bytes > LIMITS.hubLaneHoldBytes) this.#hold(lane, true);
    return true;
  }

  /** The connection takes more. */
  drained(): void {
    this.#serve();
    this.judge(performance.now());
  }

  /** Looks whether the worker takes what is for it. */
  judge(nowMs: number): void {
    const { sentBytes } = this.#connection;
    if (sentBytes !== this.#sentBytes || this.queuedBytes === 0) this.#movedAtMs = nowMs;
    this.#sentBytes = sentBytes;
    const isStuck = nowMs - this.#movedAtMs >= LIMITS.ipcStallMs;
    if (isStuck === this.#isStuck) return;
    this.#isStuck = isStuck;
    for (const lane of this.#lanes) {
      this.#hold(lane, !isStuck && lane.bytes > LIMITS.hubLaneHoldBytes);
    }
    this.#events.onStuck(isStuck);
  }

  /** The worker is gone: nobody is to wait for it. */
  close(): void {
    for (const lane of this.#lanes.splice(0)) this.#hold(lane, false);
    this.#waitingBytes = 0;
    this.#events.onRoom();
  }

  #find(sender: Sender): Lane | undefined {
    return this.#lanes.find((lane) => lane.sender === sender);
  }

  #open(sender: Sender): Lane {
    const lane = { sender, frames: [], head: 0, bytes: 0, credit: TURN_BYTES, isHeld: false };
    this.#lanes.push(lane);
    return lane;
  }

  #hold(lane: Lane, isHeld: boolean): void {
    if (lane.isHeld === isHeld) return;
    lane.isHeld = isHeld;
    lane.sender.hold(isHeld);
  }

  /** Gives the connection what it takes, and a little more, so that it says when that is gone. */
  #serve(): void {
    while (this.#lanes.length > 0 && this.#connection.queuedBytes < LIMITS.hubDirectBytes) {
      while (this.#lanes.length > 0 && this.#connection.queuedBytes < LIMITS.hubDirectBytes) {
        this.#serveNext();
      }
      this.#connection.flush();
    }
  }

  /** One frame of the lane whose turn it is, or the next turn. */
  #serveNext(): void {
    const lane = this.#lanes[this.#turn] as Lane;
    if (lane.credit <= 0) {
      lane.credit += TURN_BYTES;
      this.#turn = (this.#turn + 1) % this.#lanes.length;
      return;
    }
    const { type, body } = lane.frames[lane.head] as Frame;
    lane.frames[lane.head++] = undefined;
    this.#connection.frame(type).raw(body).finish();
    const bytes = costOf(body);
    lane.credit -= bytes;
    this.#shorten(lane, bytes);
  }

  #shorten(lane: Lane, bytes: number): void {
    const hadRoom = lane.bytes < LIMITS.hubLaneBytes;
    lane.bytes -= bytes;
    this.#waitingBytes -= bytes;
    if (lane.head === lane.frames.length) {
      this.#lanes.splice(this.#turn, 1);
      if (this.#turn === this.#lanes.length) this.#turn = 0;
    } else if (lane.head === SENT_FRAMES_MAX) {
      lane.frames.splice(0, lane.head);
      lane.head = 0;
    }
    if (lane.bytes <= LIMITS.hubLaneHoldBytes / 2) this.#hold(lane, false);
    if (!hadRoom && lane.bytes < LIMITS.hubLaneBytes) this.#events.onRoom();
  }
}

function costOf(body: Uint8Array): number {
  return body.byteLength + LIMITS.hubFrameBytes;
}
