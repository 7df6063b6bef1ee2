/**
 * A client's socket that an edge holds for a session of another worker, and what becomes of one
 * whose client does not read.
 */

import type { FrameHandler, FrameSocket } from '../../core/contracts/client-connection.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { Reason } from '../../core/limits/reasons.ts';
import type { Reader } from '../../core/limits/slow-readers.ts';

/** Whoever holds sockets, by their numbers. */
export interface SocketKeeper {
  /** A socket brought a frame. */
  forward(number: number, frame: string | Buffer): void;
  /** A socket closed. */
  socketClosed(number: number): void;
  /** A socket has brought much, of which its owner is to have taken all before more is read. */
  waitUntilTaken(number: number): void;
  /** Something waits for the client of a socket that its owner has not sent. */
  waitFor(number: number, socket: FrameSocket): void;
  /** The client of a socket does not read: its owner hears that it is gone. */
  cutSlow(number: number, socket: FrameSocket, reason: Reason | undefined): void;
}

/**
 * A socket held for another worker: what it brings goes there as it is, and not much of it at a
 * time, so that a client can be told to wait before more has come of it than may be kept.
 */
export class EdgeSocket implements FrameHandler {
  readonly connection: number;
  readonly #keeper: SocketKeeper;
  readonly #number: number;
  /** Since its owner was asked last whether it has taken what came. */
  #newBytes = 0;

  constructor(keeper: SocketKeeper, number: number, connection: number) {
    this.#keeper = keeper;
    this.#number = number;
    this.connection = connection;
  }

  onFrame(_socket: FrameSocket, frame: string | Buffer): void {
    this.#keeper.forward(this.#number, frame);
    this.#newBytes += frame.length + LIMITS.packetOverheadBytes;
    if (this.#newBytes <= LIMITS.peerUntakenBytes) return;
    this.#newBytes = 0;
    this.#keeper.waitUntilTaken(this.#number);
  }

  onSocketClose(): void {
    this.#keeper.socketClosed(this.#number);
  }

  onPing(socket: FrameSocket): void {
    if (socket.getBufferedAmount() > 0) this.#keeper.waitFor(this.#number, socket);
  }
}

/** Whoever reads a socket that is held for another worker. */
export class EdgeReader implements Reader {
  readonly #keeper: SocketKeeper;
  readonly #number: number;
  readonly #socket: FrameSocket;

  constructor(keeper: SocketKeeper, number: number, socket: FrameSocket) {
    this.#keeper = keeper;
    this.#number = number;
    this.#socket = socket;
  }

  readsTooSlowly(): void {
    this.#keeper.cutSlow(this.#number, this.#socket, 'slowReader');
  }

  letGo(): void {
    this.#keeper.cutSlow(this.#number, this.#socket, undefined);
  }
}
