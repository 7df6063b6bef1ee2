/** Sockets that an edge holds for sessions of another worker, and those who read them. */

import type { FrameHandler, FrameSocket } from '../../core/contracts/client-connection.ts';
import { FRAME_BYTES, type Incoming } from '../../core/contracts/incoming.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { Reason } from '../../core/limits/reasons.ts';
import type { Reader } from '../../core/limits/slow-readers.ts';

/** Whoever holds them, by number. */
export interface EdgeSockets {
  has(number: number): boolean;
  /** A socket brought a frame. */
  forward(number: number, frame: string | Buffer): void;
  /** A socket has brought much, of which its owner is to have taken all before more is read. */
  waitUntilTaken(number: number): void;
  /** Its owner is to have the client say something. */
  ask(number: number): void;
  /** A socket closed. */
  socketClosed(number: number): void;
  /** Something waits for the client of a socket that its owner has not sent. */
  waitFor(number: number, socket: FrameSocket): void;
  /** The client of a socket does not read: its owner hears that it is gone. */
  cutSlow(number: number, socket: FrameSocket, reason: Reason | undefined): void;
  /** Cuts a socket, since what came over it takes too much. */
  letGo(number: number): void;
}

/**
 * A socket held for another worker: what it brings goes there as it is, and not much of it at a
 * time, so that a client can be told to wait before more has come of it than may be kept.
 */
export class EdgeSocket implements FrameHandler, Incoming {
  readonly connection: number;
  takenBytes = 0;
  readonly #owner: EdgeSockets;
  readonly #number: number;
  /** Since its owner was asked last whether it has taken what came. */
  #newBytes = 0;

  constructor(owner: EdgeSockets, number: number, connection: number) {
    this.#owner = owner;
    this.#number = number;
    this.connection = connection;
  }

  get isClosed(): boolean {
    return !this.#owner.has(this.#number);
  }

  ask(): void {
    this.#owner.ask(this.#number);
  }

  letGo(): void {
    this.#owner.letGo(this.#number);
  }

  onFrame(_socket: FrameSocket, frame: string | Buffer): void {
    this.takenBytes = (this.takenBytes + frame.length + FRAME_BYTES) >>> 0;
    this.#owner.forward(this.#number, frame);
    this.#newBytes += frame.length + LIMITS.packetOverheadBytes;
    if (this.#newBytes <= LIMITS.peerUntakenBytes) return;
    this.#newBytes = 0;
    this.#owner.waitUntilTaken(this.#number);
  }

  onSocketClose(): void {
    this.#owner.socketClosed(this.#number);
  }

  onPing(socket: FrameSocket): void {
    if (socket.getBufferedAmount() > 0) this.#owner.waitFor(this.#number, socket);
  }
}

/** Whoever reads a socket that is held for another worker. */
export class EdgeReader implements Reader {
  readonly #owner: EdgeSockets;
  readonly #number: number;
  readonly #socket: FrameSocket;

  constructor(owner: EdgeSockets, number: number, socket: FrameSocket) {
    this.#owner = owner;
    this.#number = number;
    this.#socket = socket;
  }

  readsTooSlowly(): void {
    this.#owner.cutSlow(this.#number, this.#socket, 'slowReader');
  }

  letGo(): void {
    this.#owner.cutSlow(this.#number, this.#socket, undefined);
  }
}
