/** The body of one request, gathered as it comes, no longer than it may be. */

import type { BodyFault, WholeBody } from '../../core/contracts/exchange.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { ChunkedBody } from '../../protocol/http/chunked-body.ts';
import type { RequestHead } from '../../protocol/http/request-head.ts';

const CHUNK_LIMITS = {
  lineBytesMax: LIMITS.chunkLineBytes,
  trailerBytesMax: LIMITS.trailerBytes,
  excessBytesMax: LIMITS.chunkExcessBytes,
} as const;

export class RequestBody {
  readonly #chunks: ChunkedBody | undefined;
  /** What has not come of a body that says its length. */
  #left: number;
  #pieces: Buffer[] = [];
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
    return this.#bytes;
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
    this.#keep(bytes.subarray(start, end));
    if (this.#left === 0) this.#finish();
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
    this.#finish();
    return progress.end;
  }

  #keep(data: Buffer): void {
    if (this.#done === undefined) return;
    this.#bytes += data.byteLength;
    if (this.#bytes > this.#maxBytes) this.fail('tooLong');
    else this.#pieces.push(data);
  }

  #finish(): void {
    this.#isOver = true;
    const [first] = this.#pieces;
    const isOne = this.#pieces.length === 1 && first !== undefined;
    this.#settle({ bytes: isOne ? first : Buffer.concat(this.#pieces) });
  }

  #settle(body: WholeBody): void {
    const done = this.#done;
    this.#done = undefined;
    this.#pieces = [];
    this.#bytes = 0;
    done?.(body);
  }
}
