/**
 * A TCP connection that speaks HTTP/1.1: one request after the other, each answered before the next
 * is looked at.
 *
 *     bytes ─▶ head ─▶ exchange ─▶ whoever answers ─▶ answered ─▶ what came meanwhile
 *                                          └▶ upgrade: a WebSocket takes the connection over
 *
 * While a request waits for its answer nothing else of the connection is read, beyond the chunk it
 * came with; only that the client goes away is seen. Source: RFC 9112, section 9.
 */

import type { SocketOpener } from '../../core/contracts/client-connection.ts';
import type { WholeBody } from '../../core/contracts/exchange.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { Holder } from '../../core/limits/memory-budget.ts';
import { answerHead } from '../../protocol/http/answer-head.ts';
import { readRequestHead } from '../../protocol/http/head-reader.ts';
import type { HttpFault } from '../../protocol/http/http-fault.ts';
import type { RequestHead } from '../../protocol/http/request-head.ts';
import { DeflatingSocketEnd } from './deflating-socket-end.ts';
import type { FrontContext, Postponed } from './front-context.ts';
import { GatheringEnd } from './gathering-end.ts';
import { type ExchangeConnection, HttpExchange } from './http-exchange.ts';
import type { OpenAnswer } from './open-answer.ts';
import { RequestBody } from './request-body.ts';
import type { TcpSocket } from './tcp-end.ts';
import { WebSocketEnd } from './web-socket-end.ts';

const HEAD_LIMITS = {
  headBytesMax: LIMITS.headBytes,
  requestLineBytesMax: LIMITS.headBytes,
  headerLinesMax: LIMITS.headerLines,
} as const;

/**
 * Who connects and says nothing, or drips a request, holds an open file for so long; requests that
 * get somewhere set a longer time for themselves. Bun counts it in grains of 4 s. When files are
 * short the door is quicker (door/door.ts).
 */
const IDLE_SECONDS = 10;

const NOTHING: Buffer = Buffer.alloc(0);
const CONTINUE: Buffer = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');

export class HttpConnection extends GatheringEnd implements ExchangeConnection, Holder, Postponed {
  /** An answer without an end in sight, while there is one. */
  stream: OpenAnswer | undefined;
  #exchange: HttpExchange | undefined;
  #body: RequestBody | undefined;
  /** What has come and is not read yet. */
  #unread: Buffer = NOTHING;
  /** What is unread is the beginning of a head, and no request. */
  #isIncomplete = false;
  /** Of an unfinished head, how much has been looked through. */
  #searched = 0;
  /** How long it may be idle at present, when it is to be counted anew. */
  #idleSeconds = 0;
  /** Requests are being read just now; whoever answers one need not have the next one read. */
  #isReading = false;
  /** The client says nothing more; what it has asked for before is still answered. */
  #hasSaidAll = false;
  /** What waits for the client is in memory for it alone, and nobody else counts it. */
  #isOwnAnswer = true;
  /** The last answer has been given. */
  #isLeaving = false;

  constructor(socket: TcpSocket, front: FrontContext) {
    super(socket, front);
    this.stream = undefined;
    front.numbers.opened(socket.fd);
    this.allowIdle(IDLE_SECONDS);
  }

  get date(): string {
    return this.front.date;
  }

  get address(): string {
    return this.socket.remoteAddress ?? '';
  }

  get number(): number {
    return this.front.numbers.of(this.socket.fd);
  }

  /** Bun counts it from now on, whatever comes meanwhile: no drip makes it longer. */
  allowIdle(seconds: number): void {
    this.#idleSeconds = seconds;
    this.socket.timeout(seconds);
  }

  // What comes.

  onData(chunk: Buffer): void {
    if (this.#isLeaving) return;
    const isNew = this.#unread.byteLength === 0;
    this.#read(isNew ? chunk : Buffer.concat([this.#unread, chunk]));
  }

  goOn(): void {
    if (this.#isLeaving) return;
    this.socket.resume();
    this.#read(this.#unread);
  }

  /** Reads as many requests as can be answered now, and keeps the rest. */
  #read(bytes: Buffer): void {
    this.#isReading = true;
    const hadBegun = this.#isIncomplete;
    this.#isIncomplete = false;
    this.#unread = NOTHING;
    let at = 0;
    let left: number = LIMITS.requestsPerSlice;
    while (at < bytes.byteLength && this.#isReading) {
      if (this.#exchange !== undefined) {
        if (this.#body?.isWanted !== true) break;
        at = this.#body.push(bytes, at);
        continue;
      }
      if (this.waitingBytes > 0 || left-- === 0) break;
      const from = at;
      const head = readRequestHead(bytes, from, bytes.byteLength, HEAD_LIMITS, this.#searched);
      this.#searched = head.kind === 'incomplete' ? head.searched : 0;
      this.#isIncomplete = head.kind === 'incomplete';
      if (head.kind === 'incomplete') break;
      if (head.kind === 'fault') this.#refuse(head);
      else {
        at += head.bytes;
        this.#begin(head);
      }
    }
    // A head that has begun has the time that a connection without one had.
    if (this.#isIncomplete && !(hadBegun && at === 0)) this.allowIdle(IDLE_SECONDS);
    this.#keep(at === bytes.byteLength ? NOTHING : bytes.subarray(at));
  }

  #begin(head: RequestHead): void {
    this.allowIdle(IDLE_SECONDS);
    const exchange = new HttpExchange(this, head);
    this.#exchange = exchange;
    this.#isOwnAnswer = true;
    this.#body = head.bodyKind === 'none' ? undefined : new RequestBody(head);
    this.front.handle(exchange);
  }

  /** Keeps what was not read, or hands it to a WebSocket; a request has its turn after others. */
  #keep(rest: Buffer): void {
    this.#isReading = false;
    const owner = this.socket.data;
    if (owner !== this) {
      if (rest.byteLength > 0) owner.onData(rest);
      return;
    }
    if (!this.#isLeaving) this.#unread = withoutWaste(rest);
    this.#count();
    if (this.#isLeaving) return;
    if (this.#hasSaidAll) this.#leaveIfDone();
    if (this.#unread.byteLength === 0 || this.#isIncomplete) return;
    // Of a client that is paused no end is seen, and one that is held may have gone long ago.
    const isSeen = this.#exchange?.isHeld === true && rest.byteLength <= LIMITS.headBytes;
    if (!isSeen) this.socket.pause();
    if (this.#exchange === undefined && this.waitingBytes === 0) this.front.later(this);
  }

  #refuse({ status, reason }: HttpFault): void {
    this.front.refusals.count('protocolBroken');
    const body = `${reason}\n`;
    const type = [['content-type', 'text/plain; charset=utf-8']] as const;
    const head = answerHead(status, type, { length: body.length }, 'close', this.date);
    this.send(Buffer.from(head + body, 'latin1'));
    this.#leave();
  }

  readBody(maxBytes: number, saysContinue: boolean, done: (body: WholeBody) => void): void {
    const body = this.#body;
    if (body === undefined) {
      done({ bytes: NOTHING });
      return;
    }
    body.want(maxBytes, done);
    if (!body.isWanted) return;
    if (saysContinue && this.#unread.byteLength === 0) this.send(CONTINUE);
    if (!this.#isReading) this.goOn();
  }

  // What is answered.

  override cork(callback: () => void): void {
    super.cork(callback);
    if (this.waitingBytes > 0) this.#count();
  }

  send(bytes: Uint8Array): boolean {
    if (this.isGathering && this.gather(bytes)) return true;
    const hasLeft = this.write(bytes);
    if (!hasLeft) this.#count();
    return hasLeft;
  }

  sendAnswer(head: string, body: string | Uint8Array, bodyBytes: number, isOwn: boolean): void {
    const length = head.length + bodyBytes;
    const { corked, scratch } = this.front;
    this.#isOwnAnswer = isOwn;
    if (length > scratch.byteLength && typeof body !== 'string' && bodyBytes > 0) {
      // Of a file that many read slowly there is one copy.
      this.write(Buffer.from(head, 'latin1'));
      this.send(body);
      return;
    }
    const isShared = corked === undefined && length <= scratch.byteLength;
    const bytes = isShared ? scratch : Buffer.allocUnsafe(length);
    bytes.write(head, 0, 'latin1');
    if (bodyBytes > 0) {
      if (typeof body === 'string') bytes.write(body, head.length);
      else bytes.set(body, head.length);
    }
    if (isShared) this.writeShared(scratch, length);
    else this.send(bytes);
  }

  countElsewhere(): void {
    this.#isOwnAnswer = false;
  }

  /** An answer before the body is whole ends the connection: the rest of it is nobody's. */
  beforeAnswer(exchange: { makeLast(): void }): void {
    const isLast = this.#hasSaidAll && !this.#isReading && !this.#hasRequest;
    if (isLast || this.#body?.isRead === false) exchange.makeLast();
  }

  answered(isLast: boolean, keptSeconds: number): void {
    this.#exchange = undefined;
    this.#body = undefined;
    this.stream = undefined;
    if (isLast) {
      this.#leave();
      return;
    }
    this.allowIdle(keptSeconds === 0 ? IDLE_SECONDS : keptSeconds);
    if (this.#isReading) return;
    this.#count();
    if (this.#hasRequest && this.waitingBytes === 0) this.front.later(this);
  }

  /** Something has been asked that is not read yet. */
  get #hasRequest(): boolean {
    return this.#unread.byteLength > 0 && !this.#isIncomplete;
  }

  get isCompressing(): boolean {
    return this.front.deflate !== undefined;
  }

  upgrade(acceptHead: string, opener: SocketOpener, windowBits: number | undefined): void {
    this.#exchange = undefined;
    const isReading = this.#isReading;
    this.#isReading = false;
    const rest = this.#unread;
    this.#unread = NOTHING;
    this.#count();
    // Of one that says nothing more the end would not be told again.
    if (this.#hasSaidAll) {
      this.socket.close();
      return;
    }
    const socket =
      windowBits === undefined
        ? new WebSocketEnd(this.socket, this.front, opener)
        : new DeflatingSocketEnd(this.socket, this.front, opener, windowBits);
    socket.open(acceptHead);
    if (isReading) return;
    this.socket.resume();
    if (rest.byteLength > 0) this.front.run(this, () => this.socket.data.onData(rest));
  }

  // How it ends.

  /** Sends what waits, and then waits for the client to close: more than that would cut answers. */
  #leave(): void {
    this.#isLeaving = true;
    this.#isReading = false;
    this.#unread = NOTHING;
    this.#count();
    this.allowIdle(LIMITS.lingerSeconds);
    if (this.waitingBytes === 0) this.#close();
    this.socket.resume();
  }

  #close(): void {
    if (this.front.isShort()) this.socket.close();
    else this.socket.shutdown();
  }

  terminate(): void {
    this.drop();
    this.socket.terminate();
  }

  onDrain(): void {
    const isAll = this.flush();
    this.#count();
    // Whoever takes what it is sent is not idle, and Bun does not see that by itself.
    this.allowIdle(this.#idleSeconds);
    if (!isAll) return;
    if (this.#isLeaving) this.#close();
    else if (this.stream !== undefined) this.stream.onDrain?.();
    else if (this.#exchange === undefined && this.#hasRequest) this.goOn();
  }

  onEnd(): void {
    if (this.#isLeaving) {
      if (this.waitingBytes === 0) this.socket.close();
      return;
    }
    this.#hasSaidAll = true;
    this.#leaveIfDone();
  }

  /** A client that only asks and then listens has its answer; one that waits for news is gone. */
  #leaveIfDone(): void {
    const exchange = this.#exchange;
    const isHeld = exchange?.isHeld === true || this.stream !== undefined;
    const isDone = exchange === undefined ? !this.#hasRequest : this.#body?.isWanted === true;
    // Where files are short it may as well be our own door that ended it.
    if (!isHeld && !isDone && !this.front.isShort()) return;
    this.#abandon();
    if (this.waitingBytes === 0) this.socket.close();
    else this.#leave();
  }

  /** What has left is still delivered, be the way to the client slow: that is the kernel's part. */
  onTimeout(): void {
    const isStuck = this.waitingBytes > 0;
    this.#abandon();
    if (isStuck) this.terminate();
    else this.socket.close();
  }

  onGone(): void {
    this.drop();
    this.#isLeaving = true;
    this.#isReading = false;
    this.#unread = NOTHING;
    this.#abandon();
    this.#count();
  }

  #abandon(): void {
    const exchange = this.#exchange;
    const body = this.#body;
    this.#exchange = undefined;
    this.#body = undefined;
    this.stream?.forget();
    this.stream = undefined;
    exchange?.abandon();
    body?.fail('brokenOff');
  }

  // What it holds.

  heldBytes(): number {
    const waitingBytes = this.#isOwnAnswer ? this.waitingBytes : 0;
    return this.#unread.byteLength + (this.#body?.heldBytes ?? 0) + waitingBytes;
  }

  letGo(): void {
    if (this.#body?.isWanted === true) this.#body.fail('letGo');
    else this.terminate();
  }

  #count(): void {
    this.front.hold(this, this.heldBytes());
  }
}

/** A part of a chunk keeps all of it in memory, of which only the part is counted. */
function withoutWaste(part: Buffer): Buffer {
  return part.byteLength * 2 < part.buffer.byteLength ? Buffer.from(part) : part;
}
