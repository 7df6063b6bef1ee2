/**
 * Writes to sockets. A frame nearly always goes out whole; what the kernel does not take waits
 * here, in order, until it can. Nothing is kept for a connection that has nothing waiting.
 */

import type { Client, Connection } from './connection.ts';

export class Outbound {
  readonly #unsent = new Map<Connection, Uint8Array>();

  /** Connections for which something waits. */
  get waiting(): number {
    return this.#unsent.size;
  }

  /** @param bytes MUST NOT change later */
  write(client: Client, bytes: Uint8Array): void {
    const unsent = this.#unsent.size === 0 ? undefined : this.#unsent.get(client.data);
    if (unsent === undefined) this.#send(client, bytes);
    else this.#unsent.set(client.data, Buffer.concat([unsent, bytes]));
  }

  /** The kernel takes more. */
  drained(client: Client): void {
    const unsent = this.#unsent.get(client.data);
    if (unsent === undefined) return;
    this.#unsent.delete(client.data);
    this.#send(client, unsent);
  }

  /** Nothing more can be sent: drops what waits. */
  forget(connection: Connection): void {
    this.#unsent.delete(connection);
  }

  #send(client: Client, bytes: Uint8Array): void {
    const sent = client.write(bytes);
    if (sent < 0) {
      // The kernel tells of a reset once, and told this write: Bun reports only an end. What can
      // still be read may tell more.
      client.data.ending ??= 'ECONNRESET';
    } else if (sent < bytes.length) {
      this.#unsent.set(client.data, bytes.subarray(sent));
    }
  }
}
