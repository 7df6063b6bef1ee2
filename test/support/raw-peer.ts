/** The other end of a TCP connection, over TLS if need be, that reads and ends as it is told. */

import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { within } from './raw-deadline.ts';

export class RawPeer {
  /** The server has said all that it will say, or is gone. */
  hasEnded = false;
  isGone = false;
  #pieces: Buffer[] = [];
  #length = 0;
  #limit = Number.POSITIVE_INFINITY;
  #changed: (() => void)[] = [];
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (piece: Buffer) => {
      this.#pieces.push(piece);
      this.#length += piece.byteLength;
      if (this.#length >= this.#limit) socket.pause();
      this.#tell();
    });
    socket.on('end', () => {
      this.hasEnded = true;
      this.#tell();
    });
    socket.on('close', () => {
      this.hasEnded = true;
      this.isGone = true;
      this.#tell();
    });
    // How a connection ends is seen by its end.
    socket.on('error', () => {});
  }

  static async open(port: number, isSecure = false): Promise<RawPeer> {
    const to = { host: '127.0.0.1', port, allowHalfOpen: true };
    const socket = isSecure ? connectTls({ ...to, rejectUnauthorized: false }) : connectTcp(to);
    await within(
      'a connection',
      new Promise<void>((resolve, reject) => {
        socket.once(isSecure ? 'secureConnect' : 'connect', resolve);
        socket.once('error', reject);
      }),
    );
    socket.setNoDelay(true);
    return new RawPeer(socket);
  }

  /** All that came, one octet a character. */
  get text(): string {
    return this.bytes.toString('latin1');
  }

  get bytes(): Buffer {
    if (this.#pieces.length > 1) this.#pieces = [Buffer.concat(this.#pieces)];
    return this.#pieces[0] ?? Buffer.alloc(0);
  }

  get length(): number {
    return this.#length;
  }

  /** Forgets what came. */
  clear(): void {
    this.#pieces = [];
    this.#length = 0;
  }

  send(data: string | Uint8Array): void {
    this.#socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
  }

  /** Sends bytes one after another, as many chunks. */
  async drip(data: string | Uint8Array, size = 1): Promise<void> {
    const bytes = Buffer.from(data as string, 'latin1');
    for (let at = 0; at < bytes.byteLength; at += size) {
      this.#socket.write(bytes.subarray(at, at + size));
      await Bun.sleep(1);
    }
  }

  /** Says that it has said all, and goes on reading. */
  finish(): void {
    this.#socket.end();
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /** Leaves as a program does that ends. */
  leave(): void {
    this.#socket.destroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Reads until so many bytes have come in all, and a piece more. */
  readUpTo(length: number): void {
    this.#limit = length;
    if (this.#length < length) this.#socket.resume();
  }

  async until(what: string, holds: (peer: this) => boolean): Promise<void> {
    await within(
      what,
      new Promise<void>((resolve) => {
        const look = (): void => {
          if (holds(this)) resolve();
          else this.#changed.push(look);
        };
        look();
      }),
    );
  }

  async untilText(part: string): Promise<void> {
    await this.until(`'${part}' from the server`, ({ text }) => text.includes(part));
  }

  async untilEnd(): Promise<void> {
    await this.until('the end of the connection', ({ hasEnded }) => hasEnded);
  }

  async untilGone(): Promise<void> {
    await this.until('the end of the connection', ({ isGone }) => isGone);
  }

  #tell(): void {
    const changed = this.#changed;
    this.#changed = [];
    for (const look of changed) look();
  }
}
