/**
 * One request on a connection and its answer.
 *
 * It outlives neither: once the answer is whole, or the client is gone, every call does nothing, so
 * that whoever is late with an answer cannot answer the next request.
 */

import type { HttpAnswer, SocketOpener } from '../../core/contracts/client-connection.ts';
import type {
  AnswerHeaderLines,
  AnswerHeaders,
  AnswerStream,
  Exchange,
  RequestHeaders,
  Waiter,
  WholeBody,
} from '../../core/contracts/exchange.ts';
import {
  type AnswerBody,
  type AnswerConnection,
  answerHead,
} from '../../protocol/http/answer-head.ts';
import type { RequestHead } from '../../protocol/http/request-head.ts';
import { agreeOnDeflate } from '../../protocol/websocket/message-deflate.ts';
import {
  acceptHead,
  judgeHandshake,
  VERSION_HEADERS,
} from '../../protocol/websocket/opening-handshake.ts';
import { type AnswerConnectionEnd, OpenAnswer } from './open-answer.ts';

/** The connection of a request, as the exchange needs it. */
export interface ExchangeConnection extends AnswerConnectionEnd {
  readonly address: string;
  /** See `Exchange.connection`. */
  readonly number: number;
  /** The time as HTTP writes it. */
  readonly date: string;
  stream: OpenAnswer | undefined;
  /** What waits for the client's reading is counted by whoever sends it. */
  countElsewhere(): void;
  /** @param head of characters that are an octet each */
  sendAnswer(head: string, body: string | Uint8Array, bodyBytes: number, isOwn: boolean): void;
  allowIdle(seconds: number): void;
  readBody(maxBytes: number, saysContinue: boolean, done: (body: WholeBody) => void): void;
  /** MAY make the exchange the last of the connection. */
  beforeAnswer(exchange: { makeLast(): void }): void;
  answered(isLast: boolean, keptSeconds: number): void;
  /** Clients that offer compression get it. */
  readonly isCompressing: boolean;
  /** @param windowBits of the compression that was agreed on, if any */
  upgrade(acceptHead: string, opener: SocketOpener, windowBits: number | undefined): void;
  terminate(): void;
}

export class HttpExchange implements Exchange {
  isHeld: boolean;
  waiter: Waiter | undefined;
  readonly #connection: ExchangeConnection;
  #head: RequestHead;
  #isOver = false;
  #isLast: boolean;
  #keptSeconds = 0;

  constructor(connection: ExchangeConnection, head: RequestHead) {
    this.#connection = connection;
    this.#head = head;
    this.#isLast = !head.keepsAlive;
    this.waiter = undefined;
    this.isHeld = false;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get method(): string {
    return this.#head.method;
  }

  get target(): string {
    return this.#head.target;
  }

  get headers(): RequestHeaders {
    return this.#head;
  }

  get address(): string {
    return this.#connection.address;
  }

  get connection(): number {
    return this.#connection.number;
  }

  forgetHead(): void {
    this.#head = this.#head.bare();
  }

  keepFor(seconds: number): void {
    this.#keptSeconds = seconds;
  }

  makeLast(): void {
    this.#isLast = true;
  }

  allowIdle(seconds: number): void {
    if (!this.#isOver) this.#connection.allowIdle(seconds);
  }

  readBody(maxBytes: number, done: (body: WholeBody) => void): void {
    if (this.#isOver) done({ fault: 'brokenOff' });
    else this.#connection.readBody(maxBytes, this.#head.expectsContinue, done);
  }

  answer({ status, type, body }: HttpAnswer, headers: AnswerHeaders): void {
    const typed = type === '' ? headers : { 'content-type': type, ...headers };
    this.answerBytes(status, Object.entries(typed), body);
  }

  answerBytes(
    status: number,
    headers: AnswerHeaderLines,
    body: string | Uint8Array,
    isOfFile = false,
  ): void {
    if (this.#isOver) return;
    this.#connection.beforeAnswer(this);
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
    const isOfHead = this.#head.method === 'HEAD' && length === 0;
    const said = isOfHead ? saidLength(headers) : length;
    const head = this.#answerHead(status, headers, { length: said });
    const bodyBytes = this.isBodiless(status) ? 0 : length;
    this.#connection.sendAnswer(head, body, bodyBytes, !isOfFile);
    this.finish();
  }

  stream(status: number, headers: AnswerHeaderLines, isCounted = true): AnswerStream {
    const isChunked = this.#head.minorVersion === 1;
    if (this.#isOver) return new OpenAnswer(this, undefined, isChunked, false);
    this.#connection.beforeAnswer(this);
    if (!isChunked) this.#isLast = true;
    const head = this.#answerHead(status, headers, isChunked ? 'chunked' : 'untilClose');
    if (!isCounted) this.#connection.countElsewhere();
    this.#connection.send(Buffer.from(head, 'latin1'));
    const stream = new OpenAnswer(this, this.#connection, isChunked, !this.isBodiless(status));
    this.#connection.stream = stream;
    return stream;
  }

  upgrade(opener: SocketOpener): void {
    if (this.#isOver) return;
    const head = this.#head;
    if (!head.isUpgradeToWebSocket) {
      this.#refuse(400, 'this is no request for a WebSocket', {});
      return;
    }
    const handshake = judgeHandshake((name) => head.get(name) ?? undefined);
    if (handshake.kind === 'refused') {
      const { status, why } = handshake;
      this.#refuse(status, why, status === 426 ? VERSION_HEADERS : {});
      return;
    }
    this.#isOver = true;
    this.waiter = undefined;
    const offers = this.#connection.isCompressing ? head.get('sec-websocket-extensions') : null;
    const agreement = offers === null ? undefined : agreeOnDeflate(offers);
    const answer = acceptHead(handshake.key, sha1, { extensions: agreement?.answer });
    this.#connection.upgrade(answer, opener, agreement?.windowBits);
  }

  #refuse(status: number, why: string, headers: AnswerHeaders): void {
    this.answer({ status, type: 'text/plain; charset=utf-8', body: `${why}\n` }, headers);
  }

  /** The client is gone, or has to go. */
  abandon(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { waiter } = this;
    this.waiter = undefined;
    waiter?.abandoned();
  }

  /** The answer is whole. */
  finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.waiter = undefined;
    this.#connection.answered(this.#isLast, this.#keptSeconds);
  }

  /** The answer breaks off. */
  cut(): void {
    if (!this.#isOver) this.#connection.terminate();
  }

  isBodiless(status: number): boolean {
    return this.#head.method === 'HEAD' || status === 204 || status === 304;
  }

  #answerHead(status: number, headers: AnswerHeaderLines, body: AnswerBody): string {
    return answerHead(status, headers, body, this.#connectionWord(), this.#connection.date);
  }

  #connectionWord(): AnswerConnection {
    if (this.#isLast) return 'close';
    return this.#head.minorVersion === 0 ? 'keep-alive' : 'keep';
  }
}

function sha1(text: string): string {
  return Bun.SHA1.hash(text, 'base64');
}

/** How long the body would be, if the headers say so rightly. */
function saidLength(headers: AnswerHeaderLines): number {
  for (const [name, value] of headers) {
    if (name.toLowerCase() !== 'content-length') continue;
    return /^\d{1,15}$/.test(value) ? Number(value) : 0;
  }
  return 0;
}
