/**
 * One HTTP request of a client, and the way to answer it.
 *
 * A kind of client is given one for each request on its paths. It lives as long as its request, and
 * whoever holds a request (a long-poll, a stream) holds nothing else.
 */

import type { HttpAnswer, SocketOpener } from './client-connection.ts';
import type { SharedText } from './outgoing-event.ts';

/** Headers of a request: as much of `Headers` as is asked of them. Names are in lower case. */
export interface RequestHeaders extends Iterable<readonly [name: string, value: string]> {
  /** The value of a header; of repeated ones all, joined by commas. */
  get(name: string): string | null;
  has(name: string): boolean;
  /** Every name as it came, repeated ones too. */
  keys(): Iterable<string>;
}

/** Headers of an answer beside those that say how it is framed. */
export type AnswerHeaders = Readonly<Record<string, string>>;

/** The same as pairs, of which several may have one name. */
export type AnswerHeaderLines = Iterable<readonly [name: string, value: string]>;

/** What may be asked about a request. */
export interface ClientRequest {
  readonly method: string;
  /** The request target, as it was sent. */
  readonly target: string;
  readonly headers: RequestHeaders;
}

/** Too long; its client went away or breaks HTTP; it had to make place for others. */
export type BodyFault = 'tooLong' | 'brokenOff' | 'letGo';

export type WholeBody = { readonly bytes: Buffer } | { readonly fault: BodyFault };

/** An answer that is written piece by piece, such as a stream of events. */
export interface AnswerStream {
  /** @returns whether all of it has left; otherwise `onDrain` is called once it has */
  write(piece: string | Uint8Array): boolean;
  /**
   * Writes a piece that goes to others as well. @returns as `write` does. One text MUST NOT be
   * written so to a stream and sent to a WebSocket.
   */
  writeShared(piece: SharedText): boolean;
  /** Lets the pieces written inside leave in one system call. */
  cork(callback: () => void): void;
  /** Bytes that the client has not taken yet. */
  readonly waitingBytes: number;
  /** Ends the answer in order. */
  end(): void;
  /** Ends the connection at once: the client can tell that the answer is not whole. */
  cut(): void;
  onDrain: (() => void) | undefined;
}

/** Who is to hear that the client of a request has gone. */
export interface Waiter {
  abandoned(): void;
}

export interface Exchange extends ClientRequest {
  /** The address at the other end of its TCP connection; empty when it is not known. */
  readonly address: string;
  /** The number of that connection, which no other one of this worker has; 0 once it is gone. */
  readonly connection: number;
  /**
   * The request is held until there is news: a client that ends its side of the connection
   * meanwhile has gone. Others may do so once they have asked, and are answered all the same.
   */
  isHeld: boolean;
  /** It is answered, or its client is gone: whatever is done with it has no effect any more. */
  readonly isOver: boolean;
  /** Told once when the client goes away before the answer is whole. */
  waiter: Waiter | undefined;
  /** What it asked for, and its headers, are not needed any more: most of what it holds. */
  forgetHead(): void;
  /** How long the connection may be idle from now until the answer. */
  allowIdle(seconds: number): void;
  /** How long it may be idle after the answer; without it for as long as one that is new. */
  keepFor(seconds: number): void;
  /** The answer is the last on this connection, and says so. */
  makeLast(): void;
  /** Reads the body; `done` is called once, at once when there is none. */
  readBody(maxBytes: number, done: (body: WholeBody) => void): void;
  /** Answers; an answer to one that has been answered or abandoned does nothing. */
  answer(answer: HttpAnswer, headers: AnswerHeaders): void;
  /**
   * The same with headers and a body as they are; what says how the body is framed is left out,
   * save the length in an answer to HEAD that has no body. Bytes MUST NOT be written to afterwards;
   * those of a file, which many are given, do not count for each while they wait.
   *
   * @throws InvalidAnswer when a header cannot be written; nothing has been sent then
   */
  answerBytes(
    status: number,
    headers: AnswerHeaderLines,
    body: string | Uint8Array,
    isOfFile?: boolean,
  ): void;
  /**
   * Begins an answer without an end in sight.
   *
   * @param isCounted whether what waits for its reader is counted against the memory budget; who
   *   looks after that alone says no
   * @throws as `answerBytes` does
   */
  stream(status: number, headers: AnswerHeaderLines, isCounted?: boolean): AnswerStream;
  /** Becomes a WebSocket; if the client did not ask for one rightly, it is told so. */
  upgrade(opener: SocketOpener): void;
}
