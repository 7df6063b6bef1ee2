/** An answer that is written piece by piece: in chunks, or up to the end of the connection. */

import type { AnswerStream } from '../../core/contracts/exchange.ts';
import type { SharedText } from '../../core/contracts/outgoing-event.ts';
import { CHUNK_END, chunkHead, LAST_CHUNK } from '../../protocol/http/answer-head.ts';

const CHUNKS_END = Buffer.from(LAST_CHUNK);

/** The connection of an answer. */
export interface AnswerConnectionEnd {
  readonly waitingBytes: number;
  /** @returns whether all has left */
  send(bytes: Uint8Array): boolean;
  /** Lets what is sent inside leave together. */
  cork(callback: () => void): void;
}

/** The request that is answered. */
interface Answered {
  finish(): void;
  cut(): void;
}

export class OpenAnswer implements AnswerStream {
  onDrain: (() => void) | undefined;
  readonly #exchange: Answered;
  /** Nobody is there any more when there is none. */
  #connection: AnswerConnectionEnd | undefined;
  readonly #isChunked: boolean;
  readonly #hasBody: boolean;

  constructor(
    exchange: Answered,
    connection: AnswerConnectionEnd | undefined,
    isChunked: boolean,
    hasBody: boolean,
  ) {
    this.#exchange = exchange;
    this.#connection = connection;
    this.#isChunked = isChunked;
    this.#hasBody = hasBody;
    this.onDrain = undefined;
  }

  get waitingBytes(): number {
    return this.#connection?.waitingBytes ?? 0;
  }

  write(piece: string | Uint8Array): boolean {
    const connection = this.#connection;
    if (connection === undefined || !this.#hasBody || piece.length === 0) return true;
    return connection.send(this.#isChunked ? chunkOf(piece) : bytesOf(piece));
  }

  writeShared(piece: SharedText): boolean {
    const connection = this.#connection;
    if (connection === undefined || !this.#hasBody) return true;
    if (!this.#isChunked) return connection.send(bytesOf(piece.text));
    piece.frame ??= chunkOf(piece.text);
    return connection.send(piece.frame);
  }

  cork(callback: () => void): void {
    if (this.#connection === undefined) callback();
    else this.#connection.cork(callback);
  }

  end(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    if (this.#isChunked && this.#hasBody) connection.send(CHUNKS_END);
    this.forget();
    this.#exchange.finish();
  }

  cut(): void {
    this.forget();
    this.#exchange.cut();
  }

  /** The connection is gone. */
  forget(): void {
    this.#connection = undefined;
    this.onDrain = undefined;
  }
}

function bytesOf(piece: string | Uint8Array): Uint8Array {
  return typeof piece === 'string' ? Buffer.from(piece) : piece;
}

/** In one piece, so that it leaves in one system call. */
function chunkOf(piece: string | Uint8Array): Buffer {
  const length = typeof piece === 'string' ? Buffer.byteLength(piece) : piece.byteLength;
  const head = chunkHead(length);
  const chunk = Buffer.allocUnsafe(head.length + length + CHUNK_END.length);
  chunk.write(head, 0, 'latin1');
  if (typeof piece === 'string') chunk.write(piece, head.length);
  else chunk.set(piece, head.length);
  chunk.write(CHUNK_END, head.length + length, 'latin1');
  return chunk;
}
