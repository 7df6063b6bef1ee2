/**
 * All requests in the bytes of one connection, as a server reads them that answers at once.
 *
 * It is the smallest user of the codec: one reader of heads, of bodies by their length, and of
 * chunked ones, each beginning where the one before has ended.
 */

import { ChunkedBody } from '../../src/server/protocol/http/chunked-body.ts';
import { readRequestHead } from '../../src/server/protocol/http/head-reader.ts';
import type { RequestHead } from '../../src/server/protocol/http/request-head.ts';

export const HEAD_LIMITS = { headBytesMax: 4096, requestLineBytesMax: 1024, headerLinesMax: 20 };
export const CHUNK_LIMITS = { lineBytesMax: 64, trailerBytesMax: 256, excessBytesMax: 1024 };

/** One request, and in the end what became of the connection. */
export type Seen =
  | { method: string; target: string; headers: [string, string][]; body: string }
  | { fault: number; reason: string }
  | 'incomplete'
  | 'closed'
  | 'websocket'
  | 'end';

export class HttpRequests {
  readonly seen: Seen[] = [];
  #bytes: Buffer = Buffer.alloc(0);
  #searched = 0;
  #head: RequestHead | undefined;
  #chunks: ChunkedBody | undefined;
  #body: Buffer[] = [];
  #left = 0;

  static of(bytes: Uint8Array): Seen[] {
    const requests = new HttpRequests();
    requests.push(bytes);
    return requests.end();
  }

  get isOver(): boolean {
    return typeof this.seen.at(-1) === 'string' || 'fault' in Object(this.seen.at(-1));
  }

  push(bytes: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    while (!this.isOver && this.#step());
  }

  end(): Seen[] {
    if (!this.isOver) {
      const isBetween = this.#head === undefined && this.#bytes.byteLength === 0;
      this.seen.push(isBetween ? 'end' : 'incomplete');
    }
    return this.seen;
  }

  /** @returns false when more bytes are needed */
  #step(): boolean {
    if (this.#head === undefined) return this.#readHead();
    if (this.#chunks !== undefined) return this.#readChunks(this.#head, this.#chunks);
    const taken = this.#take(Math.min(this.#left, this.#bytes.byteLength));
    this.#body.push(taken);
    this.#left -= taken.byteLength;
    if (this.#left > 0) return false;
    this.#finish(this.#head);
    return true;
  }

  #readHead(): boolean {
    const bytes = this.#bytes;
    const head = readRequestHead(bytes, 0, bytes.byteLength, HEAD_LIMITS, this.#searched);
    if (head.kind === 'incomplete') {
      this.#searched = head.searched;
      return false;
    }
    if (head.kind === 'fault') {
      this.seen.push({ fault: head.status, reason: head.reason });
      return false;
    }
    this.#take(head.bytes);
    this.#searched = 0;
    this.#head = head;
    this.#left = head.contentLength;
    this.#body = [];
    this.#chunks = head.bodyKind === 'chunked' ? new ChunkedBody(CHUNK_LIMITS) : undefined;
    return true;
  }

  #readChunks(head: RequestHead, chunks: ChunkedBody): boolean {
    const all = this.#take(this.#bytes.byteLength);
    const progress = chunks.read(all, 0, all.byteLength, (data) => this.#body.push(data));
    if (progress.kind === 'more') return false;
    if (progress.kind === 'fault') {
      this.seen.push({ fault: progress.status, reason: progress.reason });
      return false;
    }
    this.#bytes = all.subarray(progress.end);
    this.#finish(head);
    return true;
  }

  #finish(head: RequestHead): void {
    const { method, target } = head;
    const body = Buffer.concat(this.#body).toString('latin1');
    this.seen.push({ method, target, headers: [...head.headerLines()], body });
    if (head.isUpgradeToWebSocket) this.seen.push('websocket');
    else if (!head.keepsAlive) this.seen.push('closed');
    this.#head = undefined;
  }

  #take(count: number): Buffer {
    const taken = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    return taken;
  }
}
