/**
 * A connection that can gather what is sent to it and let it leave in one system call.
 *
 * What is gathered stands in memory that all connections share, one at a time.
 */

import type { FrontContext } from './front-context.ts';
import { TcpEnd, type TcpSocket } from './tcp-end.ts';

export abstract class GatheringEnd extends TcpEnd {
  protected readonly front: FrontContext;

  constructor(socket: TcpSocket, front: FrontContext) {
    super(socket);
    this.front = front;
  }

  protected get isGathering(): boolean {
    return this.front.corked === this;
  }

  /** Lets what is sent inside leave together, unless something waits already. */
  cork(callback: () => void): void {
    const front = this.front;
    if (front.corked !== undefined || this.waitingBytes > 0) {
      callback();
      return;
    }
    front.corked = this;
    try {
      callback();
    } finally {
      this.uncork();
    }
  }

  /** @returns whether there was place for it; if not, what was gathered has been sent */
  protected gather(bytes: Uint8Array): boolean {
    const front = this.front;
    const hasPlace = front.corkedBytes + bytes.byteLength <= front.scratch.byteLength;
    if (hasPlace) {
      front.scratch.set(bytes, front.corkedBytes);
      front.corkedBytes += bytes.byteLength;
    } else this.flushGathered();
    return hasPlace;
  }

  protected flushGathered(): void {
    const front = this.front;
    if (front.corked !== this || front.corkedBytes === 0) return;
    const length = front.corkedBytes;
    front.corkedBytes = 0;
    this.writeShared(front.scratch, length);
  }

  /** Sends what was gathered, and gathers no more. */
  protected uncork(): void {
    if (this.front.corked !== this) return;
    this.flushGathered();
    this.front.corked = undefined;
  }
}
