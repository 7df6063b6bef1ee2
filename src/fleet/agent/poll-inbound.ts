/**
 * How received bytes become the answers of polls and their messages. An answer is read when it is
 * whole, as it nearly always comes; the next poll is told with it.
 */

import { type Client, type Gate, type Listener, wayOf } from './connection.ts';
import type { HeldBytes } from './held-bytes.ts';
import type { AnswerHead } from './wire/answer-head.ts';
import { BatchCursor } from './wire/batch-cursor.ts';
import { CHUNK_BYTES_MAX, ChunkCursor } from './wire/chunk-cursor.ts';

const OK = 200;
/** Answers without a body: nothing has come, nothing has changed. */
const EMPTY: ReadonlySet<number> = new Set([204, 304]);

/** Where a whole answer stands; its body is in one piece. */
interface Answer {
  readonly body: Buffer;
  readonly bodyStart: number;
  readonly bodyEnd: number;
  /** Where the next one begins in what was received. */
  readonly end: number;
}

/** Reads for all connections; the cursors are shared since nothing here waits. */
export class PollInbound {
  readonly #chunks = new ChunkCursor();
  readonly #batch = new BatchCursor();
  readonly #gate: Gate;
  readonly #listener: Listener;
  readonly #held: HeldBytes;
  readonly #head: AnswerHead;

  constructor(gate: Gate, listener: Listener, held: HeldBytes, head: AnswerHead) {
    this.#gate = gate;
    this.#listener = listener;
    this.#held = held;
    this.#head = head;
  }

  receive(client: Client, bytes: Buffer): void {
    const connection = client.data;
    for (let offset = 0; offset < bytes.length && connection.phase !== 'over'; ) {
      const answer = this.#answer(bytes, offset);
      if (typeof answer === 'string') {
        this.#gate.misunderstood(client, answer);
        return;
      }
      if (typeof answer === 'number') {
        this.#held.keep(connection, bytes.subarray(offset), answer);
        return;
      }
      if (connection.phase === 'asking') this.#gate.accepted(client);
      this.#messages(client, answer, answer.end - offset);
      offset = answer.end;
    }
  }

  #messages(client: Client, { body, bodyStart, bodyEnd }: Answer, answerBytes: number): void {
    const connection = client.data;
    const batch = this.#batch;
    batch.open(body, bodyStart, bodyEnd);
    // What is before the messages counts with the first one.
    let counted = bodyStart - (answerBytes - (bodyEnd - bodyStart));
    let count = 0;
    for (;;) {
      const found = batch.read(body);
      if (found === 'end') break;
      if (found === 'invalid') {
        this.#gate.misunderstood(client, 'not the protocol');
        return;
      }
      count++;
      const wireBytes = batch.payloadEnd - counted;
      counted = batch.payloadEnd;
      this.#listener.frame(client, body, batch, wireBytes);
      if (connection.phase === 'over') return;
    }
    const next = wayOf(connection).requests.again(batch.position, this.#head);
    this.#listener.polled(client, next, count === 0);
  }

  /** @returns how many bytes it needs while it is not whole; what is wrong with it, if anything */
  #answer(bytes: Buffer, offset: number): Answer | number | string {
    const head = this.#head;
    const found = head.read(bytes, offset);
    if (found === 'incomplete') return 0;
    if (found === 'invalid') return 'not the protocol';
    const { status, end } = head;
    if (EMPTY.has(status)) return { body: bytes, bodyStart: end, bodyEnd: end, end };
    if (status !== OK) return `HTTP ${status}`;
    if (head.isChunked) return this.#chunked(bytes, end);
    const length = head.contentLength;
    if (length < 0 || length > CHUNK_BYTES_MAX) return 'not the protocol';
    const bodyEnd = end + length;
    if (bytes.length < bodyEnd) return bodyEnd - offset;
    return { body: bytes, bodyStart: end, bodyEnd, end: bodyEnd };
  }

  #chunked(bytes: Buffer, start: number): Answer | number | string {
    const chunks = this.#chunks;
    const parts: Buffer[] = [];
    let bodyStart = start;
    let bodyEnd = start;
    for (let offset = start; ; offset = chunks.end) {
      const found = chunks.read(bytes, offset);
      if (found === 'incomplete') {
        return bytes.length - start > CHUNK_BYTES_MAX ? 'not the protocol' : 0;
      }
      if (found === 'invalid') return 'not the protocol';
      if (found === 'last') break;
      bodyStart = chunks.dataStart;
      bodyEnd = chunks.dataEnd;
      parts.push(bytes.subarray(bodyStart, bodyEnd));
    }
    const { end } = chunks;
    if (parts.length < 2) return { body: bytes, bodyStart, bodyEnd, end };
    const body = Buffer.concat(parts);
    return { body, bodyStart: 0, bodyEnd: body.length, end };
  }
}
