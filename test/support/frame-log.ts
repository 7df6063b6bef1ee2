/** A sink that writes down what a reader of frames hands it, and stops it when told to. */

import type { FrameSink, Next } from '../../src/server/protocol/websocket/frame-sink.ts';

export type LoggedFrame =
  | readonly ['text', string]
  | readonly ['binary' | 'ping' | 'pong', string]
  | readonly ['close', number | undefined, string]
  | readonly ['fault', number];

export class FrameLog implements FrameSink {
  readonly frames: LoggedFrame[] = [];
  /** The words that came with a fault. */
  why = '';
  readonly #next: () => Next;

  constructor(next: () => Next = () => 'read') {
    this.#next = next;
  }

  /** Whether a frame came after which nothing may be read. */
  get hasEnded(): boolean {
    const kind = this.frames.at(-1)?.[0];
    return kind === 'close' || kind === 'fault';
  }

  text(message: string): Next {
    return this.#add(['text', message]);
  }

  binary(message: Buffer): Next {
    return this.#add(['binary', message.toString('hex')]);
  }

  ping(payload: Buffer): Next {
    return this.#add(['ping', payload.toString('hex')]);
  }

  pong(payload: Buffer): Next {
    return this.#add(['pong', payload.toString('hex')]);
  }

  close(code: number | undefined, reason: string): void {
    this.#add(['close', code, reason]);
  }

  fault(closeCode: number, why: string): void {
    this.why = why;
    this.#add(['fault', closeCode]);
  }

  #add(frame: LoggedFrame): Next {
    if (this.hasEnded) throw new Error(`${frame[0]} after the end`);
    this.frames.push(frame);
    return this.#next();
  }
}
