/**
 * One connection of the load client: its record, and how received bytes become an upgrade answer
 * and frames. Bytes of an unfinished frame are kept with the connection until the rest comes.
 */

import type { Socket } from 'bun';
import { FrameCursor } from './frames.ts';

export interface Connection {
  /** The session's number, from which its user name and target address follow. */
  readonly number: number;
  phase: 'upgrading' | 'joining' | 'established' | 'leaving';
  partial: Uint8Array | undefined;
}

export type Client = Socket<Connection>;

/** Who is told what arrived. */
export interface Receiver {
  upgraded(client: Client): void;
  /** The frame's payload is `bytes[cursor.payloadStart..cursor.payloadEnd)`, valid until return. */
  frame(client: Client, bytes: Uint8Array, cursor: FrameCursor, frameBytes: number): void;
}

const STATUS_SWITCHING = 'HTTP/1.1 101';

/** Reads for all connections; the cursor is shared since nothing here waits. */
export class Inbound {
  readonly #cursor = new FrameCursor();
  readonly #receiver: Receiver;

  constructor(receiver: Receiver) {
    this.#receiver = receiver;
  }

  /** A connection that receives what it cannot read is cut; that counts as a failure or a loss. */
  receive(client: Client, received: Uint8Array): void {
    const bytes = this.#withPartial(client.data, received);
    let offset = 0;
    if (client.data.phase === 'upgrading') {
      offset = readUpgrade(client, bytes);
      if (offset === 0) return;
      this.#receiver.upgraded(client);
    }
    const cursor = this.#cursor;
    while (offset < bytes.length) {
      const found = cursor.read(bytes, offset);
      if (found === 'incomplete') {
        client.data.partial = bytes.slice(offset);
        return;
      }
      if (found === 'unsupported') {
        client.terminate();
        return;
      }
      const frameBytes = cursor.payloadEnd - offset;
      offset = cursor.payloadEnd;
      this.#receiver.frame(client, bytes, cursor, frameBytes);
    }
  }

  #withPartial(connection: Connection, received: Uint8Array): Uint8Array {
    const { partial } = connection;
    if (partial === undefined) return received;
    connection.partial = undefined;
    return Buffer.concat([partial, received]);
  }
}

/** Answers where the frames begin; 0 while the answer is incomplete, or when it refuses. */
function readUpgrade(client: Client, bytes: Uint8Array): number {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) {
    client.data.partial = bytes.slice();
    return 0;
  }
  if (!text.startsWith(STATUS_SWITCHING)) {
    client.terminate();
    return 0;
  }
  return end + 4;
}

export function upgradeRequest(url: URL): Uint8Array {
  const lines = [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    // Servers only hash the key, so one for all connections serves as well.
    'Sec-WebSocket-Key: aG9sZGZhc3QtYmVuY2htYQ==',
    '\r\n',
  ];
  return new TextEncoder().encode(lines.join('\r\n'));
}
