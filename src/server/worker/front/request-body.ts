/**
 * The body of one request, gathered as it comes, no longer than it may be.
 *
 * What has come in part is copied into memory that grows by doubling: each piece kept by itself
 * would cost a hundred times a byte, and hold the chunk that it came with. What is only announced
 * is never allocated.
 */

import type { BodyFault, WholeBody } from '../../core/contracts/exchange.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { ChunkedBody } from '../../protocol/http/chunked-body.ts';
import type { RequestHead } from '../../protocol/http/request-head.ts';

const CHUNK_LIMITS = {
  lineBytesMax: LIMITS.chunkLineBytes,
  trailerBytesMax: LIMITS.trailerBytes,
  excessBytesMax: LIMITS.chunkExcessBytes,
} as const;

const NOTHING: Buffer = Buffer.alloc(0);
/** The first allocation: smaller ones would only be thrown away at once. */
const FIRST_BYTES = 64;

export class RequestBody {
  readonly #chunks: ChunkedBody | undefined;
  /** What has not come of a body that says its length. */
  #left: number;
  #gathered: Buffer = NOTHING;
  #bytes = 0;
  #maxBytes = 0;
  #done: ((body: WholeBody) => void) | undefined;
  #isOver = false;

  constructor(head: RequestHead) {
    this.#left = head.contentLength;
    this.#chunks = head.bodyKind === 'chunked' ? new ChunkedBody(CHUNK_LIMITS) : undefined;
  }

  /** Somebody wants it, and has not got it yet. */
  get isWanted(): boolean {
    return this.#done !== undefined;
  }

  /** All of it has been read, so that what comes next is another request. */
  get isRead(): boolean {
    return this.#isOver;
  }

  /** Bytes that it keeps at present. */
  get heldBytes(): number {
    return this.#gathered.byteLength;
  }

  /** @param done called once, at once when it says that it is too long */
  want(maxBytes: number, done: (body: WholeBody) => void): void {
    this.#maxBytes = maxBytes;
    this.#done = done;
    if (this.#left > maxBytes) this.fail('tooLong');
  }

  /** Takes what has come. @returns where the next request begins, or the end of the bytes */
  push(bytes: Buffer, start: number): number {
    if (this.#chunks !== undefined) return this.#pushChunks(this.#chunks, bytes, start);
    const end = Math.min(bytes.byteLength, start + this.#left);
    this.#left -= end - start;
    const piece = bytes.subarray(start, end);
    if (this.#left === 0 && this.#bytes === 0) this.#finish(piece);
    else {
      this.#keep(piece);
      if (this.#left === 0) this.#finish(this.#gathered.subarray(0, this.#bytes));
    }
    return end;
  }

  /** Nothing more of it is wanted. */
  fail(fault: BodyFault): void {
    this.#settle({ fault });
  }

  #pushChunks(chunks: ChunkedBody, bytes: Buffer, start: number): number {
    const progress = chunks.read(bytes, start, bytes.byteLength, (data) => this.#keep(data));
    if (progress.kind === 'fault') this.fail('brokenOff');
    if (progress.kind !== 'done') return bytes.byteLength;
    this.#finish(this.#gathered.subarray(0, this.#bytes));
    return progress.end;
  }

  #keep(data: Buffer): void {
    if (this.#done === undefined) return;
    const wanted = this.#bytes + data.byteLength;
    if (wanted > this.#maxBytes) {
      this.fail('tooLong');
      return;
    }
    if (wanted > this.#gathered.byteLength) this.#grow(wanted);
    this.#gathered.set(data, this.#bytes);
    this.#bytes = wanted;
  }

  #grow(wanted: number): void {
    const most = this.#chunks === undefined ? wanted + this.#left : this.#maxBytes;
    const room = Math.max(wanted, this.#gathered.byteLength * 2, FIRST_BYTES);
    const larger = Buffer.allocUnsafeSlow(Math.min(room, most));
    this.#gathered.copy(larger, 0, 0, this.#bytes);
    this.#gathered = larger;
  }

  #finish(bytes: Buffer): void {
    this.#isOver = true;
    this.#settle({ bytes });
  }

  #settle(body: WholeBody): void {
    const done = this.#done;
    this.#done = undefined;
    this.#gathered = NOTHING;
    this.#bytes = 0;
    done?.(body);
  }
}
