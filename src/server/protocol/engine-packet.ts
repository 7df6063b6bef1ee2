/**
 * Engine.IO v4 packets: one character of type, then the data.
 *
 * In a WebSocket each packet is a frame of its own, and binary data travels as a binary frame
 * without a type. In a polling payload packets are joined by the record separator and binary data
 * travels as `b` and base64. Source: the Engine.IO protocol, revision 4, "Packet encoding" and
 * "Payload encoding".
 */

import { MALFORMED, type WirePacket } from './wire-packet.ts';

/** The type character of each packet, as a char code for comparisons on the hot path. */
export const PacketCode = {
  open: 0x30,
  close: 0x31,
  ping: 0x32,
  pong: 0x33,
  message: 0x34,
  upgrade: 0x35,
  noop: 0x36,
  /** Not a type: it marks base64 data in a polling payload. */
  base64: 0x62,
} as const;

/** Packets that never carry data, as they go out. */
export const PLAIN_PACKET = {
  close: '1',
  ping: '2',
  pong: '3',
  upgrade: '5',
  noop: '6',
  probePing: '2probe',
  probePong: '3probe',
} as const;

const RECORD_SEPARATOR = '\x1e';

/** Joins packets into the body of one polling response or request. */
export function encodePayload(packets: readonly WirePacket[]): string {
  const only = packets.length === 1 ? packets[0] : undefined;
  if (typeof only === 'string') return only;
  return packets.map(encodeForPayload).join(RECORD_SEPARATOR);
}

function encodeForPayload(packet: WirePacket): string {
  return typeof packet === 'string' ? packet : encodeBase64Packet(packet);
}

/** Binary data as text, for payloads and for clients that take no binary frames. */
export function encodeBase64Packet(data: Uint8Array): string {
  return `b${data.toBase64()}`;
}

/** Reads the packets of the body of a polling request one after another. */
export class PayloadReader {
  readonly #body: string;
  #at = 0;
  #end = 0;
  #next: string | Buffer | typeof MALFORMED | undefined;

  constructor(body: string) {
    this.#body = body;
  }

  /** All packets have been read; a body has one at least. */
  get isDone(): boolean {
    return this.#at > this.#body.length;
  }

  /** The next packet, binary data decoded; `undefined` after the last. */
  peek(): string | Buffer | typeof MALFORMED | undefined {
    if (this.#next !== undefined || this.isDone) return this.#next;
    const separator = this.#body.indexOf(RECORD_SEPARATOR, this.#at);
    this.#end = separator === -1 ? this.#body.length : separator;
    this.#next = decodeFromPayload(this.#body.slice(this.#at, this.#end)) ?? MALFORMED;
    return this.#next;
  }

  /** Goes on behind the packet that `peek` gave. */
  skip(): void {
    this.#next = undefined;
    this.#at = this.#end + 1;
  }
}

function decodeFromPayload(encoded: string): string | Buffer | undefined {
  if (encoded.length === 0) return undefined;
  const code = encoded.charCodeAt(0);
  if (code >= PacketCode.open && code <= PacketCode.noop) return encoded;
  return code === PacketCode.base64 ? decodeBase64Packet(encoded) : undefined;
}

/** @returns the data, or `undefined` when its base64 is broken */
export function decodeBase64Packet(encoded: string): Buffer | undefined {
  try {
    return Buffer.from(Uint8Array.fromBase64(encoded.slice(1)).buffer);
  } catch {
    return undefined;
  }
}
