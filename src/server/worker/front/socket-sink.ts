/** Takes what is read of a WebSocket: mostly one for all of them, as they are read in turn. */

import { LIMITS } from '../../core/limits/limits.ts';
import type { Refusals } from '../../core/limits/refusals.ts';
import type { FrameSink, Next } from '../../protocol/websocket/frame-sink.ts';

/** A socket that is read. */
export interface ReadSocket {
  /** Whether more may be handed out now. */
  readonly next: Next;
  take(message: string | Buffer): void;
  takePing(payload: Buffer): void;
  takePong(): void;
  takeClose(code: number | undefined): void;
  close(code: number, reason: string): void;
}

export class SocketSink implements FrameSink {
  readonly #refusals: Refusals;
  #socket: ReadSocket | undefined;
  /** Messages that may still be handed out before others have their turn. */
  #left = 0;

  constructor(refusals: Refusals) {
    this.#refusals = refusals;
  }

  get isFree(): boolean {
    return this.#socket === undefined;
  }

  begin(socket: ReadSocket): void {
    this.#socket = socket;
    this.#left = LIMITS.messagesPerSlice;
  }

  end(): void {
    this.#socket = undefined;
  }

  text(message: string): Next {
    this.#socket?.take(message);
    return this.#next(message.length);
  }

  binary(message: Buffer): Next {
    // A copy, since the memory is somebody else's as soon as this returns.
    this.#socket?.take(Buffer.from(message));
    return this.#next(message.byteLength);
  }

  ping(payload: Buffer): Next {
    this.#socket?.takePing(payload);
    return this.#next();
  }

  pong(): Next {
    this.#socket?.takePong();
    return this.#next();
  }

  close(code: number | undefined): void {
    this.#socket?.takeClose(code);
  }

  fault(closeCode: number, why: string): void {
    this.#refusals.count('protocolBroken');
    this.#socket?.close(closeCode, why);
  }

  /** @param bytes of a message, which may have been far fewer before they were unpacked */
  #next(bytes = 0): Next {
    const next = this.#socket?.next ?? 'end';
    this.#left -= 1 + Math.floor(bytes / LIMITS.bytesPerSliceMessage);
    return next === 'read' && this.#left <= 0 ? 'pause' : next;
  }
}
