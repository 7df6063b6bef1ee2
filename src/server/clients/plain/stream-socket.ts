/**
 * An answer without an end as sessions see it: a socket to which messages are sent, and which
 * brings none.
 *
 * The answer begins with the first message, so that until then a client can still be refused by its
 * status. What waits for a client that does not read is the business of `SlowReaders`, as with
 * WebSockets.
 */

import type {
  FrameSocket,
  HttpAnswer,
  SocketData,
} from '../../core/contracts/client-connection.ts';
import type {
  AnswerHeaders,
  AnswerStream,
  Exchange,
  Waiter,
} from '../../core/contracts/exchange.ts';
import type { SharedText } from '../../core/contracts/outgoing-event.ts';
import { NO_HANDLER } from '../session/cut-socket.ts';
import { ANSWER_HEADERS } from '../session/session-requests.ts';
import { errorAnswer } from './plain-answers.ts';
import type { StreamFormat } from './wire-formats.ts';

/** Proxies are to pass on what comes, at once and as it is. */
export const STREAM_HEADERS: AnswerHeaders = {
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
  'x-content-type-options': 'nosniff',
};

/** The session has ended before it had anything to say. */
const NOT_NOW = errorAnswer(503, 'stopping', 'not taking sessions now, try again later');

export class StreamSocket implements FrameSocket, Waiter {
  data: SocketData = NO_HANDLER;
  readonly format: StreamFormat;
  /** The id of its session, which requests name it by. */
  sessionId = '';
  /** Where the client stands as it begins, in what rooms keep. */
  position: string | undefined;
  /** Something has been sent since it was looked at. */
  isFresh = false;
  #stream: AnswerStream | undefined;
  /** Until the answer begins. */
  #exchange: Exchange | undefined;
  #headers: AnswerHeaders | undefined;

  constructor(exchange: Exchange, format: StreamFormat, headers: AnswerHeaders) {
    this.#exchange = exchange;
    this.#headers = headers;
    this.format = format;
    exchange.isHeld = true;
    exchange.waiter = this;
  }

  abandoned(): void {
    if ('onFrame' in this.data) this.data.onSocketClose(this);
  }

  /** Ends it with another answer. @returns false when its own has begun */
  refuse(answer: HttpAnswer): boolean {
    const exchange = this.#exchange;
    if (exchange === undefined) return false;
    this.#exchange = undefined;
    exchange.waiter = undefined;
    exchange.answer(answer, { ...ANSWER_HEADERS, ...this.#headers });
    return true;
  }

  send(message: string | Uint8Array): number {
    if (typeof message !== 'string') return 0;
    const isFirst = this.#exchange !== undefined;
    const { format } = this;
    if (isFirst) this.#begin();
    return this.#write(isFirst ? format.firstFrame(message, this.position) : format.frame(message));
  }

  /** @param shared as the format frames it */
  sendShared(shared: SharedText): number {
    this.isFresh = true;
    if (this.#stream === undefined) return shared.text.length;
    return this.#stream.writeShared(shared) ? shared.text.length : -1;
  }

  #begin(): void {
    const exchange = this.#exchange;
    const type = [['content-type', this.format.contentType]] as const;
    const headers = [...type, ...Object.entries({ ...STREAM_HEADERS, ...this.#headers })];
    this.#exchange = undefined;
    this.#headers = undefined;
    exchange?.allowIdle(0);
    exchange?.forgetHead();
    this.#stream = exchange?.stream(200, headers, false);
  }

  #write(text: string): number {
    this.isFresh = true;
    return this.#stream?.write(text) === false ? -1 : text.length;
  }

  cork(callback: () => void): void {
    if (this.#stream === undefined) callback();
    else this.#stream.cork(callback);
  }

  close(): void {
    this.refuse(NOT_NOW);
    this.#stream?.end();
    this.#stream = undefined;
  }

  terminate(): void {
    this.refuse(NOT_NOW);
    this.#stream?.cut();
    this.#stream = undefined;
  }

  getBufferedAmount(): number {
    return this.#stream?.waitingBytes ?? 0;
  }

  /** It brings nothing that could be paused. */
  pause(): void {}

  resume(): void {}
}
