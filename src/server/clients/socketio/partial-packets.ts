/**
 * Packets whose binary attachments have not all come.
 *
 *     text ─▶ head read, JSON kept as text ─▶ attachments ─▶ all there: parsed
 *                            └ too many bytes, or too late ─▶ refused: the rest is skipped
 *
 * The text is parsed when all is there, since values take many times the memory of their text. What
 * waits counts against the memory budget. A packet that is refused is one event that its sender
 * does not get through: attachments of it that still come are passed over, so the client stays.
 */

import { LIMITS } from '../../core/limits/limits.ts';
import type { MemoryBudget } from '../../core/limits/memory-budget.ts';
import type { Reason } from '../../core/limits/reasons.ts';
import type { PacketHead } from '../../protocol/socketio-packet.ts';
import type { EngineSession } from './engine-session.ts';

interface Partial {
  readonly head: PacketHead;
  text: string;
  attachments: Buffer[];
  bytes: number;
  /** Attachments still to come. */
  left: number;
  /** When something of it came last, by `performance.now()`. */
  touchedAtMs: number;
  isRefused: boolean;
}

/** A packet that is complete. */
export interface WholePacket {
  readonly text: string;
  readonly attachments: readonly Buffer[];
}

export interface PartialPacketsOptions {
  readonly budget: MemoryBudget;
  /** The largest message of a client. */
  readonly maxPayloadBytes: number;
  refuse(engine: EngineSession, head: PacketHead, reason: Reason, message: string): void;
}

export class PartialPackets {
  readonly #options: PartialPacketsOptions;
  /** In the order in which something came last. */
  readonly #partials: Map<EngineSession, Partial> = new Map();

  constructor(options: PartialPacketsOptions) {
    this.#options = options;
  }

  has(engine: EngineSession): boolean {
    return this.#partials.size > 0 && this.#partials.has(engine);
  }

  /** @returns false when the text cannot become a packet, whatever comes */
  begin(engine: EngineSession, text: string, head: PacketHead): boolean {
    if (text[head.payloadAt] !== '[' || !text.endsWith(']')) return false;
    const partial: Partial = {
      head,
      text,
      attachments: [],
      bytes: 0,
      left: head.attachments,
      touchedAtMs: performance.now(),
      isRefused: false,
    };
    this.#partials.set(engine, partial);
    this.#take(partial, text.length);
    return true;
  }

  /** @returns the packet, when this was the last attachment and it was not refused */
  add(engine: EngineSession, attachment: Buffer): WholePacket | undefined {
    const partial = this.#partials.get(engine);
    if (partial === undefined) return undefined;
    partial.left--;
    if (!partial.isRefused) this.#keep(engine, partial, attachment);
    if (partial.left > 0) return undefined;
    const whole = { text: partial.text, attachments: partial.attachments };
    this.forget(engine);
    return partial.isRefused ? undefined : whole;
  }

  /** Refuses the packet of which something is still to come; what comes is passed over. */
  refuse(engine: EngineSession, reason: Reason, message: string): void {
    const partial = this.#partials.get(engine);
    if (partial?.isRefused === false) this.#refuse(engine, partial, reason, message);
  }

  heldBytes(engine: EngineSession): number {
    return this.#partials.get(engine)?.bytes ?? 0;
  }

  /** The session has ended, or had to let go. */
  forget(engine: EngineSession): void {
    const partial = this.#partials.get(engine);
    if (partial === undefined) return;
    this.#partials.delete(engine);
    this.#options.budget.give(partial.bytes);
  }

  /** Refuses those of which nothing has come for too long; called at each heartbeat tick. */
  sweep(nowMs: number = performance.now()): void {
    for (const [engine, partial] of this.#partials) {
      if (nowMs - partial.touchedAtMs < LIMITS.partialPacketMs) return;
      if (!partial.isRefused) this.#refuseFor(engine, partial, 'attachments did not come in time');
      // Behind those that may still be refused.
      this.#touch(engine, partial, nowMs);
    }
  }

  #keep(engine: EngineSession, partial: Partial, attachment: Buffer): void {
    partial.attachments.push(attachment);
    this.#touch(engine, partial, performance.now());
    this.#take(partial, attachment.byteLength);
    const most = LIMITS.payloadsPerPacket * this.#options.maxPayloadBytes;
    if (partial.bytes > most) this.#refuseFor(engine, partial, 'too many bytes in one packet');
  }

  #touch(engine: EngineSession, partial: Partial, nowMs: number): void {
    partial.touchedAtMs = nowMs;
    this.#partials.delete(engine);
    this.#partials.set(engine, partial);
  }

  #take(partial: Partial, bytes: number): void {
    const all = bytes + LIMITS.attachmentOverheadBytes;
    partial.bytes += all;
    this.#options.budget.take(all);
  }

  #refuseFor(engine: EngineSession, partial: Partial, message: string): void {
    this.#refuse(engine, partial, 'partialPacket', message);
  }

  #refuse(engine: EngineSession, partial: Partial, reason: Reason, message: string): void {
    this.#options.budget.give(partial.bytes);
    partial.bytes = 0;
    partial.text = '';
    partial.attachments = [];
    partial.isRefused = true;
    this.#options.refuse(engine, partial.head, reason, message);
  }
}
