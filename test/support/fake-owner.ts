/** The two ends of what workers forward to each other, which write down what they are asked. */

import type {
  FrameHandler,
  FrameSocket,
  HttpAnswer,
  Reply,
  SessionOwner,
  SocketData,
  SocketOffer,
} from '../../src/server/core/contracts/client-connection.ts';
import type { SharedText } from '../../src/server/core/contracts/outgoing-event.ts';

export const OK: HttpAnswer = { status: 200, type: 'text/plain', body: 'é🐟' };

const IGNORE: FrameHandler = { onFrame: () => {}, onSocketClose: () => {} };

/** The worker that has the sessions: it writes down what it is asked. */
export class FakeOwner implements SessionOwner {
  readonly asked: unknown[] = [];
  readonly polls: Reply[] = [];
  readonly abandoned: Reply[] = [];
  readonly offers: SocketOffer[] = [];
  readonly frames: (string | Buffer)[] = [];
  closedSockets = 0;
  takesSockets = true;

  poll(sessionId: string, reply: Reply): void {
    this.asked.push(['poll', sessionId]);
    this.polls.push(reply);
  }

  abandonPoll(sessionId: string, reply: Reply): void {
    this.asked.push(['abandon', sessionId]);
    this.abandoned.push(reply);
  }

  beginPost(sessionId: string): void {
    this.asked.push(['beginPost', sessionId]);
  }

  post(sessionId: string, body: string | undefined, reply: Reply): void {
    this.asked.push(['post', sessionId, body]);
    reply.answer(OK);
  }

  knows(sessionId: string): boolean {
    return sessionId === 'mine';
  }

  offerSocket(offer: SocketOffer): FrameHandler | undefined {
    if (!this.takesSockets) return undefined;
    this.offers.push(offer);
    return {
      onFrame: (_socket, frame) => this.frames.push(frame),
      onSocketClose: () => this.closedSockets++,
    };
  }
}

/** The client's end of a WebSocket, held by the worker that it reached. */
export class HeldSocket implements FrameSocket {
  data: SocketData = IGNORE;
  readonly sent: (string | Buffer)[] = [];
  readonly closes: (readonly [number | undefined, string | undefined])[] = [];
  bufferedBytes = 0;
  /** What is sent waits. */
  isBehind = false;
  isCut = false;
  isPaused = false;

  send(frame: string | Uint8Array): number {
    this.sent.push(typeof frame === 'string' ? frame : Buffer.from(frame));
    if (!this.isBehind) return frame.length;
    this.bufferedBytes += frame.length;
    return -1;
  }

  sendShared({ text }: SharedText): number {
    return this.send(text);
  }

  cork(callback: () => void): void {
    callback();
  }

  close(code?: number, reason?: string): void {
    this.closes.push([code, reason]);
    if ('onFrame' in this.data) this.data.onSocketClose(this);
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  terminate(): void {
    this.isCut = true;
    this.bufferedBytes = 0;
    if ('onFrame' in this.data) this.data.onSocketClose(this);
  }

  getBufferedAmount(): number {
    return this.bufferedBytes;
  }
}
