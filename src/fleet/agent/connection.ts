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
  /** When the session's server pinged it last, by the clock of `Silence`. */
  pingedAtMs = 0;
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

/** An answer longer than this is no upgrade answer. */
const UPGRADE_BYTES_MAX = 16_384;

/** Reads for all connections; the cursor is shared since nothing here waits. */
export class Inbound {
  readonly #cursor = new FrameCursor();
  readonly #unfinished = new Map<Connection, Unfinished>();
  readonly #receiver: Receiver;

  constructor(receiver: Receiver) {
    this.#receiver = receiver;
  }

  /** Messages of which only a part has come. */
  get unfinished(): number {
    return this.#unfinished.size;
  }

  /** Nothing more comes: drops what is kept for the rest. */
  forget(connection: Connection): void {
    connection.partial = undefined;
    this.#unfinished.delete(connection);
  }

  receive(client: Client, received: Buffer): void {
    const connection = client.data;
    const bytes = joined(connection, received);
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
        // A copy of its own: the rest of the chunk would stay in memory with it.
        connection.partial = Buffer.from(bytes.subarray(offset));
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
    }
    if (!isFinal) {
      this.#unfinished.set(client.data, message);
      return true;
    }
    this.#unfinished.delete(client.data);
    const whole = Buffer.concat(message.parts);
    cursor.opcode = message.opcode;
    cursor.payloadStart = 0;
    cursor.payloadEnd = whole.length;
    this.#receiver.frame(client, whole, cursor, message.wireBytes);
    return true;
  }

  /** @returns where the frames begin; 0 while the answer is incomplete, or when it refuses */
  #upgrade(client: Client, bytes: Buffer): number {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0 && bytes.length <= UPGRADE_BYTES_MAX && looksLikeHttp(bytes)) {
      client.data.partial = Buffer.from(bytes);
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

function joined(connection: Connection, received: Buffer): Buffer {
  const { partial } = connection;
  if (partial === undefined) return received;
  connection.partial = undefined;
  return Buffer.concat([partial, received]);
}

function looksLikeHttp(bytes: Buffer): boolean {
  const start = 'HTTP/1.';
  const length = Math.min(start.length, bytes.length);
  return bytes.toString('latin1', 0, length) === start.slice(0, length);
}
