/**
 * Our end of one TCP connection: what is written leaves at once, as far as the kernel takes it, and
 * the rest when it can. Nothing is kept here while a client keeps up.
 *
 * It ends by `close`, after which the kernel delivers what has left, or by `terminate`, which drops
 * that too. `end` of Bun is neither: over TLS it waits for the client without a time.
 */

import type { Socket } from 'bun';

/** What a connection is at present; Bun keeps it as the data of the socket. */
export interface TcpOwner {
  onData(chunk: Buffer): void;
  /** The kernel takes more. */
  onDrain(): void;
  /** The client has said all that it will say. */
  onEnd(): void;
  /** It has been idle for as long as it may. */
  onTimeout(): void;
  /** The connection is gone; called once. */
  onGone(): void;
}

/** Its open file is known to the runtime, though not to its types; -1 once it is closed. */
export type TcpSocket = Socket<TcpOwner> & { readonly fd: number };

/** What the kernel has not taken yet, oldest first; of the first only what is behind `offset`. */
interface Waiting {
  readonly pieces: Uint8Array[];
  offset: number;
  bytes: number;
}

export abstract class TcpEnd implements TcpOwner {
  protected readonly socket: TcpSocket;
  #waiting: Waiting | undefined;

  constructor(socket: TcpSocket) {
    this.socket = socket;
  }

  /** Bytes that wait for the client. */
  get waitingBytes(): number {
    return this.#waiting?.bytes ?? 0;
  }

  /** Sends bytes behind those that wait. @returns whether all that was written has left */
  protected write(bytes: Uint8Array): boolean {
    const taken = this.#waiting === undefined ? Math.max(0, this.socket.write(bytes)) : 0;
    return taken === bytes.byteLength || this.#wait(bytes, taken);
  }

  #wait(bytes: Uint8Array, taken: number): false {
    const waiting = this.#waiting;
    if (waiting === undefined) {
      this.#waiting = { pieces: [bytes], offset: taken, bytes: bytes.byteLength - taken };
    } else {
      waiting.pieces.push(bytes);
      waiting.bytes += bytes.byteLength;
    }
    return false;
  }

  /** Sends the first bytes of memory that somebody else uses next. @returns as `write` does */
  protected writeShared(shared: Buffer, length: number): boolean {
    const taken =
      this.#waiting === undefined ? Math.max(0, this.socket.write(shared, 0, length)) : 0;
    return taken === length || this.#wait(Buffer.from(shared.subarray(taken, length)), 0);
  }

  /** Sends what waits. @returns whether nothing does any more */
  protected flush(): boolean {
    const waiting = this.#waiting;
    if (waiting === undefined) return true;
    while (waiting.pieces.length > 0) {
      const piece = waiting.pieces[0] as Uint8Array;
      // Without the length Bun throws, as if all of it should follow.
      const left = piece.byteLength - waiting.offset;
      const taken = Math.max(0, this.socket.write(piece, waiting.offset, left));
      waiting.bytes -= taken;
      waiting.offset += taken;
      if (waiting.offset < piece.byteLength) return false;
      waiting.pieces.shift();
      waiting.offset = 0;
    }
    this.#waiting = undefined;
    return true;
  }

  /** Gives up what waits. */
  protected drop(): void {
    this.#waiting = undefined;
  }

  abstract onData(chunk: Buffer): void;
  abstract onDrain(): void;
  abstract onEnd(): void;
  abstract onTimeout(): void;
  abstract onGone(): void;
}
