/**
 * What one client has sent and what has not been taken yet: the rest of the body of a POST, or
 * frames of a socket that had been read when it was paused.
 */

import type { FrameSocket } from '../../core/contracts/client-connection.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { MemoryBudget } from '../../core/limits/memory-budget.ts';
import type { MALFORMED } from '../../protocol/wire-packet.ts';

/** Says that a payload was taken, and whether all of it was well-formed. */
export type PayloadDone = (isWhole: boolean) => void;

/** Reads the packets of the body of a request one after another. */
export interface PacketReader {
  /** All packets have been read. */
  readonly isDone: boolean;
  /** The next packet; `undefined` after the last. */
  peek(): string | Buffer | typeof MALFORMED | undefined;
  /** Goes on behind the packet that `peek` gave. */
  skip(): void;
}

interface Payload {
  readonly reader: PacketReader;
  readonly bytes: number;
  readonly sinceMs: number;
  readonly done: PayloadDone;
}

interface Frame {
  readonly packet: string | Buffer;
  readonly sinceMs: number;
}

export class Inbox {
  /** When the next packet may be taken. */
  dueMs = 0;
  /** Since when its client waits for what it has had the app say. */
  slowedAtMs: number | undefined;
  /** Until when its events are taken one by one after that. */
  carefulUntilMs = 0;
  /** The client is gone: its session ends with the last of what waits. */
  isLast = false;
  /** It has been counted that this client has to wait. */
  isCounted = false;
  readonly #budget: MemoryBudget;
  /** In the order of their coming; most of the time there is one at most. */
  #payloads: Payload[] = [];
  /** Those from `#taken` on are still there. */
  #frames: (Frame | undefined)[] = [];
  #taken = 0;
  #socket: FrameSocket | undefined;
  #heldBytes = 0;

  constructor(budget: MemoryBudget) {
    this.#budget = budget;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  get isEmpty(): boolean {
    return this.#payloads.length === 0 && this.#taken === this.#frames.length;
  }

  /** When what is to be taken next came in. */
  get sinceMs(): number {
    return (this.#payloads[0] ?? this.#frames[this.#taken])?.sinceMs ?? 0;
  }

  addPayload(reader: PacketReader, bytes: number, sinceMs: number, done: PayloadDone): void {
    this.#payloads.push({ reader, bytes, sinceMs, done });
    this.#hold(bytes);
  }

  /** Keeps a frame; its socket brings no more than what was read of it already. */
  addFrame(socket: FrameSocket, packet: string | Buffer, sinceMs: number): void {
    if (this.#socket === undefined) {
      this.#socket = socket;
      socket.pause();
    }
    this.#frames.push({ packet, sinceMs });
    this.#hold(packet.length + LIMITS.packetOverheadBytes);
  }

  /** The next packet, which stays until it is dropped. */
  peek(): string | Buffer | typeof MALFORMED | undefined {
    const [payload] = this.#payloads;
    return payload === undefined ? this.#frames[this.#taken]?.packet : payload.reader.peek();
  }

  /** The next packet is about to be taken, or refused. */
  pass(): void {
    this.#payloads[0]?.reader.skip();
  }

  /** It has been. */
  drop(): void {
    const [payload] = this.#payloads;
    if (payload !== undefined) {
      if (payload.reader.isDone) this.endPayload(true);
      return;
    }
    const frame = this.#frames[this.#taken];
    if (frame === undefined) return;
    this.#frames[this.#taken++] = undefined;
    this.#hold(-frame.packet.length - LIMITS.packetOverheadBytes);
    if (this.isEmpty) this.#resume();
  }

  /** Says so to who sent it, once. */
  endPayload(isWhole: boolean): void {
    const payload = this.#payloads.shift();
    if (payload === undefined) return;
    this.#hold(-payload.bytes);
    payload.done(isWhole);
  }

  /** Forgets what there is; its socket brings more. */
  close(): void {
    while (this.#payloads.length > 0) this.endPayload(true);
    this.#hold(-this.#heldBytes);
    this.#resume();
  }

  /** Forgets frames, and has the socket bring more. */
  #resume(): void {
    this.#frames = [];
    this.#taken = 0;
    this.#socket?.resume();
    this.#socket = undefined;
  }

  #hold(bytes: number): void {
    this.#heldBytes += bytes;
    if (bytes > 0) this.#budget.take(bytes);
    else this.#budget.give(-bytes);
  }
}
