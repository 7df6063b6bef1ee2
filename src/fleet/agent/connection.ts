/**
 * One connection of an agent, and how received bytes become an upgrade answer and messages. Bytes
 * of an unfinished frame are kept with the connection until the rest comes. Messages that come in
 * several frames are rare, so what has come of them stands in a map beside the connections.
 */

import type { Socket } from 'bun';
import {
  FRAME_BYTES_MAX,
  FrameCursor,
  OPCODE_BINARY,
  OPCODE_CONTINUATION,
} from './client-frame.ts';
import type { ClientCodec } from './client-protocol.ts';

export type Phase =
  /** The kernel connects. */
  | 'connecting'
  /** The upgrade request is sent. */
  | 'upgrading'
  /** The WebSocket is open, the session is not. */
  | 'joining'
  | 'established'
  /** The agent has asked the server to close. */
  | 'leaving'
  /** Counted already, whatever comes now. */
  | 'over';

/**
 * What an agent keeps for each connection. A million of these are held at once, so there is no
 * field that only some of them need all the time.
 */
export class Connection {
  phase: Phase = 'connecting';
  /** The session's number, from which its user follows. */
  readonly number: number;
  readonly codec: ClientCodec;
  readonly target: Target;
  readonly startedAtMs: number;
  /** Place in the swarm's list of established sessions. */
  place = -1;
  /** When the server pinged it last or opened it, by the clock of `Silence`; -1 before that. */
  pingedAtMs = -1;
  /** Bytes of an unfinished frame, or of an unfinished upgrade answer. */
  partial: Buffer | undefined = undefined;
  /** The number of the last marked broadcast. */
  lastBroadcast = 0;
  /** When the echo that waits for its answer was sent; 0 for none. */
  echoAtMs = 0;
  /** How it ended, once that is known; the name under which it is counted. */
  ending: string | undefined = undefined;

  constructor(number: number, codec: ClientCodec, target: Target, startedAtMs: number) {
    this.number = number;
    this.codec = codec;
    this.target = target;
    this.startedAtMs = startedAtMs;
  }
}

export type Client = Socket<Connection>;

/** Where connections go: an address, and the upgrade requests for it by protocol. */
export interface Target {
  readonly url: URL;
  readonly hostname: string;
  readonly port: number;
  readonly isSecure: boolean;
  readonly requests: ReadonlyMap<ClientCodec, Uint8Array>;
  /** Longest that its Socket.IO server goes without a ping, by its own word. */
  pingWithinMs: number;
}

/** Who is told what arrived. */
export interface Receiver {
  upgraded(client: Client): void;
  /**
   * A control frame or a whole message came, whose first opcode is `cursor.opcode`. The payload is
   * `bytes[cursor.payloadStart..cursor.payloadEnd)`, valid until return.
   *
   * @param wireBytes of all its frames, headers included
   */
  frame(client: Client, bytes: Buffer, cursor: FrameCursor, wireBytes: number): void;
  /** What came is not what a server of this protocol sends; `name` says what it was. */
  misunderstood(client: Client, name: string): void;
}

/** A message that comes in several frames, as far as it has come. */
interface Unfinished {
  readonly opcode: number;
  readonly parts: Buffer[];
  wireBytes: number;
}

/** A long frame, as far as it has come. */
interface LongFrame {
  readonly neededBytes: number;
  readonly parts: Buffer[];
  bytes: number;
}

/** A frame longer than this is put together when it is whole, and not with each chunk anew. */
const LONG_FRAME_BYTES = 65_536;
/**
 * What an agent holds of messages whose rest has not come. A server may begin one of 16 MiB with
 * each of its 19,000 clients, and this is for what honest ones have on their way.
 */
const HELD_BYTES_MAX = 536_870_912;
/** What a part costs beside its bytes. */
const PART_BYTES = 128;

/** An answer longer than this is no upgrade answer. */
const UPGRADE_BYTES_MAX = 16_384;

/** Reads for all connections; the cursor is shared since nothing here waits. */
export class Inbound {
  readonly #cursor = new FrameCursor();
  readonly #unfinished = new Map<Connection, Unfinished>();
  readonly #long = new Map<Connection, LongFrame>();
  readonly #heldBytesMax: number;
  #heldBytes = 0;
  readonly #receiver: Receiver;

  constructor(receiver: Receiver, heldBytesMax: number = HELD_BYTES_MAX) {
    this.#receiver = receiver;
    this.#heldBytesMax = heldBytesMax;
  }

  /** Of all that is not whole yet. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Messages of which only a part has come. */
  get unfinished(): number {
    return this.#unfinished.size;
  }

  /** Nothing more comes: drops what is kept for the rest. */
  forget(connection: Connection): void {
    if (connection.partial !== undefined) this.#heldBytes -= connection.partial.length;
    connection.partial = undefined;
    const long = this.#long.size === 0 ? undefined : this.#long.get(connection);
    if (long !== undefined) this.#release(this.#long, connection, long.parts);
    const message = this.#unfinished.get(connection);
    if (message !== undefined) this.#release(this.#unfinished, connection, message.parts);
  }

  receive(client: Client, received: Buffer): void {
    const connection = client.data;
    const bytes = this.#joined(connection, received);
    if (bytes === undefined) {
      this.#cutWithoutRoom(client);
      return;
    }
    let offset = 0;
    if (connection.phase === 'upgrading') {
      offset = this.#upgrade(client, bytes);
      if (offset === 0) return;
      this.#receiver.upgraded(client);
    }
    const cursor = this.#cursor;
    while (offset < bytes.length && connection.phase !== 'over') {
      const found = cursor.read(bytes, offset);
      if (found === 'invalid') {
        this.#receiver.misunderstood(client, 'not the protocol');
        return;
      }
      if (found === 'incomplete') {
        this.#keep(connection, bytes.subarray(offset), cursor.neededBytes);
        this.#cutWithoutRoom(client);
        return;
      }
      const wireBytes = cursor.payloadEnd - offset;
      offset = cursor.payloadEnd;
      if (this.#isWhole(connection)) this.#receiver.frame(client, bytes, cursor, wireBytes);
      else if (!this.#collect(client, bytes, wireBytes)) {
        this.#receiver.misunderstood(client, 'not the protocol');
        return;
      }
    }
  }

  /** Whether the frame at the cursor is a message, or no part of one. */
  #isWhole(connection: Connection): boolean {
    const { opcode, isFinal } = this.#cursor;
    if (opcode > OPCODE_BINARY) return true;
    if (!isFinal || opcode === OPCODE_CONTINUATION) return false;
    return this.#unfinished.size === 0 || !this.#unfinished.has(connection);
  }

  /** @returns whether the part at the cursor may come now (RFC 6455, 5.4) */
  #collect(client: Client, bytes: Buffer, wireBytes: number): boolean {
    const cursor = this.#cursor;
    const { opcode, isFinal, payloadStart, payloadEnd } = cursor;
    const known = this.#unfinished.get(client.data);
    if ((known !== undefined) !== (opcode === OPCODE_CONTINUATION)) return false;
    const message: Unfinished = known ?? { opcode, parts: [], wireBytes: 0 };
    message.wireBytes += wireBytes;
    if (message.wireBytes > FRAME_BYTES_MAX) return false;
    if (payloadEnd > payloadStart) {
      message.parts.push(Buffer.from(bytes.subarray(payloadStart, payloadEnd)));
      this.#heldBytes += payloadEnd - payloadStart + PART_BYTES;
    }
    if (!isFinal) {
      this.#unfinished.set(client.data, message);
      // Who is cut for want of room has been told of already.
      this.#cutWithoutRoom(client);
      return true;
    }
    this.#release(this.#unfinished, client.data, message.parts);
    const whole = Buffer.concat(message.parts);
    cursor.opcode = message.opcode;
    cursor.payloadStart = 0;
    cursor.payloadEnd = whole.length;
    this.#receiver.frame(client, whole, cursor, message.wireBytes);
    return true;
  }

  /** @returns undefined while a long frame is not whole */
  #joined(connection: Connection, received: Buffer): Buffer | undefined {
    const { partial } = connection;
    if (partial !== undefined) {
      connection.partial = undefined;
      this.#heldBytes -= partial.length;
      return Buffer.concat([partial, received]);
    }
    const long = this.#long.size === 0 ? undefined : this.#long.get(connection);
    if (long === undefined) return received;
    // Copies of their own: the buffers of the socket are used again.
    long.parts.push(Buffer.from(received));
    long.bytes += received.length;
    this.#heldBytes += received.length + PART_BYTES;
    if (long.bytes < long.neededBytes) return undefined;
    this.#release(this.#long, connection, long.parts);
    return Buffer.concat(long.parts);
  }

  /** Keeps a copy of its own: the rest of the chunk would stay in memory with it. */
  #keep(connection: Connection, rest: Buffer, neededBytes: number): void {
    const copy = Buffer.from(rest);
    if (neededBytes > LONG_FRAME_BYTES) {
      this.#long.set(connection, { neededBytes, parts: [copy], bytes: copy.length });
      this.#heldBytes += copy.length + PART_BYTES;
    } else {
      connection.partial = copy;
      this.#heldBytes += copy.length;
    }
  }

  #release(from: Map<Connection, unknown>, connection: Connection, parts: readonly Buffer[]): void {
    from.delete(connection);
    for (const { length } of parts) this.#heldBytes -= length + PART_BYTES;
  }

  /** Cuts the one whose bytes are too many now. */
  #cutWithoutRoom(client: Client): void {
    if (this.#heldBytes <= this.#heldBytesMax) return;
    this.#receiver.misunderstood(client, 'unfinished messages');
  }

  /** @returns where the frames begin; 0 while the answer is incomplete, or when it refuses */
  #upgrade(client: Client, bytes: Buffer): number {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0 && bytes.length <= UPGRADE_BYTES_MAX && looksLikeHttp(bytes)) {
      this.#keep(client.data, bytes, 0);
      this.#cutWithoutRoom(client);
      return 0;
    }
    const head = bytes.toString('latin1', 0, Math.max(0, end));
    if (head.startsWith('HTTP/1.1 101') && head.includes(WEBSOCKET_ACCEPT)) return end + 4;
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1];
    const isRefusal = status !== undefined && status !== '101';
    this.#receiver.misunderstood(client, isRefusal ? `HTTP ${status}` : 'not the protocol');
    return 0;
  }
}

/** Servers only hash the key, so one for all connections serves as well (RFC 6455, 4.2.2). */
const WEBSOCKET_KEY = 'aG9sZGZhc3QtZmxlZXQhIQ==';
const WEBSOCKET_ACCEPT: string = new Bun.CryptoHasher('sha1')
  .update(`${WEBSOCKET_KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
  .digest('base64');

export function upgradeRequest(url: URL, codec: ClientCodec): Uint8Array {
  const lines = [
    `GET ${codec.requestPath(url)} HTTP/1.1`,
    `Host: ${url.host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${WEBSOCKET_KEY}`,
    '\r\n',
  ];
  return new TextEncoder().encode(lines.join('\r\n'));
}

function looksLikeHttp(bytes: Buffer): boolean {
  const start = 'HTTP/1.';
  const length = Math.min(start.length, bytes.length);
  return bytes.toString('latin1', 0, length) === start.slice(0, length);
}
