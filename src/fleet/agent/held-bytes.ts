/**
 * What has come of things that are not whole: the beginning of a frame, of a chunk or of an answer,
 * and messages that come in several parts. The common case, in which everything comes whole, keeps
 * nothing; what is kept has one bound over all connections.
 */

import type { Connection } from './connection.ts';

/** A message that comes in several parts, as far as it has come. */
export interface Unfinished {
  readonly opcode: number;
  readonly parts: Buffer[];
  wireBytes: number;
}

/** A long piece, as far as it has come. */
interface LongPiece {
  readonly neededBytes: number;
  readonly parts: Buffer[];
  bytes: number;
}

/** A piece longer than this is put together when it is whole, and not with each read anew. */
const LONG_BYTES = 65_536;
/**
 * What an agent holds of messages whose rest has not come. A server may begin one of 16 MiB with
 * each of its 19,000 clients, and this is for what honest ones have on their way.
 */
export const HELD_BYTES_MAX = 536_870_912;
/** What a part costs beside its bytes. */
const PART_BYTES = 128;

export class HeldBytes {
  readonly #unfinished = new Map<Connection, Unfinished>();
  readonly #long = new Map<Connection, LongPiece>();
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Of all that is not whole yet. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Messages of which only a part has come. */
  get unfinished(): number {
    return this.#unfinished.size;
  }

  /** Whether there is no room for what has come last. */
  get isOver(): boolean {
    return this.#bytes > this.#bytesMax;
  }

  /** Nothing more comes: drops what is kept for the rest. */
  forget(connection: Connection): void {
    if (connection.partial !== undefined) this.#bytes -= connection.partial.length;
    connection.partial = undefined;
    const long = this.#long.size === 0 ? undefined : this.#long.get(connection);
    if (long !== undefined) this.#release(this.#long, connection, long.parts);
    const message = this.#unfinished.get(connection);
    if (message !== undefined) this.#release(this.#unfinished, connection, message.parts);
  }

  /** Keeps a copy of its own: the rest of what was read would stay in memory with it. */
  keep(connection: Connection, rest: Buffer, neededBytes: number): void {
    const copy = Buffer.from(rest);
    if (neededBytes > LONG_BYTES) {
      this.#long.set(connection, { neededBytes, parts: [copy], bytes: copy.length });
      this.#bytes += copy.length + PART_BYTES;
    } else {
      connection.partial = copy;
      this.#bytes += copy.length;
    }
  }

  /** @returns what was kept and what has come, as one; undefined while a long piece is not whole */
  joined(connection: Connection, received: Buffer): Buffer | undefined {
    const { partial } = connection;
    if (partial !== undefined) {
      connection.partial = undefined;
      this.#bytes -= partial.length;
      return Buffer.concat([partial, received]);
    }
    const long = this.#long.size === 0 ? undefined : this.#long.get(connection);
    if (long === undefined) return received;
    // Copies of their own: the buffers of the socket are used again.
    long.parts.push(Buffer.from(received));
    long.bytes += received.length;
    this.#bytes += received.length + PART_BYTES;
    if (long.bytes < long.neededBytes) return undefined;
    this.#release(this.#long, connection, long.parts);
    return Buffer.concat(long.parts);
  }

  /** The message of which parts have come; undefined when there is none. */
  messageOf(connection: Connection): Unfinished | undefined {
    return this.#unfinished.size === 0 ? undefined : this.#unfinished.get(connection);
  }

  /** Keeps a copy of a part, which may be empty. @param message new, or that of `messageOf` */
  addPart(connection: Connection, message: Unfinished, part: Buffer): void {
    this.#unfinished.set(connection, message);
    if (part.length === 0) return;
    message.parts.push(Buffer.from(part));
    this.#bytes += part.length + PART_BYTES;
  }

  /** @returns all parts of the message as one, and keeps them no longer */
  takeMessage(connection: Connection, message: Unfinished): Buffer {
    this.#release(this.#unfinished, connection, message.parts);
    return Buffer.concat(message.parts);
  }

  #release(from: Map<Connection, unknown>, connection: Connection, parts: readonly Buffer[]): void {
    from.delete(connection);
    for (const { length } of parts) this.#bytes -= length + PART_BYTES;
  }
}
