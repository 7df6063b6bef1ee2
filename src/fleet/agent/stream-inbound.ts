/**
 * How received bytes become messages of an answer without an end: events of Server-Sent Events, or
 * lines. Chunks nearly always come whole, with whole messages; of the others the rest is kept.
 */

import type { Client, Connection, Gate, Listener } from './connection.ts';
import type { HeldBytes } from './held-bytes.ts';
import type { AnswerHead } from './wire/answer-head.ts';
import { CHUNK_BYTES_MAX, ChunkCursor } from './wire/chunk-cursor.ts';
import { OPCODE_TEXT } from './wire/client-frame.ts';
import { EventCursor, LineCursor } from './wire/text-cursor.ts';

const OK = 200;
const LF = 0x0a;

/** Reads for all connections; the cursors are shared since nothing here waits. */
export class StreamInbound {
  readonly #chunks = new ChunkCursor();
  readonly #lines = new LineCursor();
  readonly #events = new EventCursor();
  /** Those whose server sends no chunks, but bytes up to the end of the connection. */
  readonly #chunkless = new Set<Connection>();
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

  /** Nothing more comes. */
  forget(connection: Connection): void {
    this.#chunkless.delete(connection);
  }

  receive(client: Client, bytes: Buffer): void {
    const connection = client.data;
    let offset = 0;
    if (connection.phase === 'asking') {
      offset = this.#answer(client, bytes);
      if (offset === 0) return;
      this.#gate.accepted(client);
    }
    if (this.#chunkless.size > 0 && this.#chunkless.has(connection)) {
      this.#text(client, bytes, { start: offset, end: bytes.length, wireStart: offset });
      return;
    }
    const chunks = this.#chunks;
    while (offset < bytes.length && connection.phase !== 'over') {
      const found = chunks.read(bytes, offset);
      if (found === 'incomplete') {
        this.#held.keep(connection, bytes.subarray(offset), chunks.neededBytes);
        return;
      }
      if (found !== 'chunk') {
        this.#gate.misunderstood(client, found === 'last' ? 'stream ended' : 'not the protocol');
        return;
      }
      const { dataStart: start, dataEnd: end } = chunks;
      // What encloses the chunk counts with its first message.
      const wireStart = offset - (chunks.end - end);
      offset = chunks.end;
      this.#text(client, bytes, { start, end, wireStart });
    }
  }

  #text(
    client: Client,
    received: Buffer,
    { start, end, wireStart }: { start: number; end: number; wireStart: number },
  ): void {
    const connection = client.data;
    const begun = this.#held.messageOf(connection);
    if (begun === undefined) {
      this.#messages(client, received, { from: start, end, wireFrom: wireStart });
      return;
    }
    begun.wireBytes += end - wireStart;
    const part = received.subarray(start, end);
    this.#held.addPart(connection, begun, part);
    if (begun.wireBytes > CHUNK_BYTES_MAX) {
      this.#gate.misunderstood(client, 'not the protocol');
      return;
    }
    // Without the end of a line there is no end of a message.
    if (!part.includes(LF)) return;
    const whole = this.#held.takeMessage(connection, begun);
    const wireFrom = whole.length - begun.wireBytes;
    this.#messages(client, whole, { from: 0, end: whole.length, wireFrom });
  }

  #messages(
    client: Client,
    bytes: Buffer,
    { from, end, wireFrom }: { from: number; end: number; wireFrom: number },
  ): void {
    const connection = client.data;
    const cursor = connection.codec.cut === 'events' ? this.#events : this.#lines;
    let countedTo = wireFrom;
    let at = from;
    while (at < end && connection.phase !== 'over') {
      const found = cursor.read(bytes, at, end);
      at = cursor.next;
      if (found === 'incomplete') break;
      const wireBytes = at - countedTo;
      countedTo = at;
      if (found === 'beat') this.#listener.beat(client);
      else this.#listener.frame(client, bytes, cursor, wireBytes);
    }
    if (at >= end || connection.phase === 'over') return;
    const rest = { opcode: OPCODE_TEXT, parts: [], wireBytes: end - countedTo };
    this.#held.addPart(connection, rest, bytes.subarray(at, end));
  }

  /** @returns where the body begins; 0 while the head is incomplete, or when it refuses */
  #answer(client: Client, bytes: Buffer): number {
    const { data: connection } = client;
    const head = this.#head;
    const found = head.read(bytes, 0);
    if (found === 'incomplete') {
      this.#held.keep(connection, bytes, 0);
      return 0;
    }
    if (found === 'head' && head.status !== OK) {
      this.#gate.misunderstood(client, `HTTP ${head.status}`);
      return 0;
    }
    if (found === 'invalid' || !isStream(head, connection)) {
      this.#gate.misunderstood(client, 'not the protocol');
      return 0;
    }
    if (!head.isChunked) this.#chunkless.add(connection);
    return head.end;
  }
}

/** What has a length is a whole answer; `EventSource` takes one type only. */
function isStream(head: AnswerHead, { codec }: Connection): boolean {
  if (head.contentLength >= 0) return false;
  const type = head.field('content-type') ?? '';
  return codec.cut !== 'events' || /^text\/event-stream\b/i.test(type);
}
