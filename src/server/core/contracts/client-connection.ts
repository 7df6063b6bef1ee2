/**
 * What carries a session's bytes, wherever they come in.
 *
 * A client's request may reach any worker of the node, since all share one port. The worker that
 * made the session owns it; `SessionOwner` is how the one that got the request reaches it, be it
 * itself or another. Sockets likewise: `FrameSocket` is a WebSocket of this worker or one that
 * another worker holds for it.
 */

import type { SharedText } from './outgoing-event.ts';

/** A WebSocket to a client. */
export interface FrameSocket {
  /** Who gets the frames; an opener until the socket is open. */
  data: SocketData;
  /** Sends a text or a binary frame. @returns > 0 once it has left, −1 if it waits, 0 if lost */
  send(frame: string | Uint8Array): number;
  /** Sends a text frame that goes to others as well. @returns as `send` does */
  sendShared(shared: SharedText): number;
  /** Lets the frames sent inside leave in one system call. */
  cork(callback: () => void): void;
  /** Ends it in order: what was sent before still reaches the client, as far as it reads. */
  close(code?: number, reason?: string): void;
  /** Ends it at once; what waits for the client is forgotten. */
  terminate(): void;
  /** Bytes that the client has not taken yet. */
  getBufferedAmount(): number;
  /** Reads no more of it, so that the client has to wait; what had been read still comes. */
  pause(): void;
  /** Reads on; harmless when it is not paused or is closed. */
  resume(): void;
}

/** Takes what a socket brings. */
export interface FrameHandler {
  onFrame(socket: FrameSocket, frame: string | Buffer): void;
  onSocketClose(socket: FrameSocket): void;
  /** The client sent a WebSocket ping of so many bytes, which has been answered with as many. */
  onPing?(socket: FrameSocket, bytes: number): void;
  /** The client sent a WebSocket pong. */
  onPong?(): void;
}

/** Decides, once a socket is open, who gets its frames; `undefined` refuses it. */
export interface SocketOpener {
  open(socket: FrameSocket): FrameHandler | undefined;
}

export type SocketData = SocketOpener | FrameHandler;

/** The answer to a client's HTTP request; `type` is the content type. */
export interface HttpAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/**
 * Takes the answer to a request, once; its identity also names the request. An object, since one
 * that waits costs less than a closure.
 */
export interface Reply {
  answer(given: HttpAnswer): void;
}

/** The way to the sessions of one worker, by session id. Unknown ids get the protocol's error. */
export interface SessionOwner {
  /**
   * Waits for packets; `reply` is given them when there are some, or nothing when the kind of
   * client has waited for long enough. Behind the id may stand what the client says that it has.
   */
  poll(sessionId: string, reply: Reply): void;
  /** The client gave up waiting. */
  abandonPoll(sessionId: string, reply: Reply): void;
  /** A request with packets has begun; a second one before its `post` ends the session. */
  beginPost(sessionId: string): void;
  /** Takes packets from the client; `undefined` when the request broke off. */
  post(sessionId: string, body: string | undefined, reply: Reply): void;
  /** Whether there is such a session, so that a socket can be offered to it. */
  knows(sessionId: string): boolean | Promise<boolean>;
  /**
   * Offers a socket to a session; the handler gets its frames, `undefined` means that it is not
   * taken, as while the session has another.
   */
  offerSocket(offer: SocketOffer): FrameHandler | undefined;
}

/** A socket for a session that exists. */
export interface SocketOffer {
  readonly sessionId: string;
  readonly socket: FrameSocket;
  /** The key of its connection, if it is one of this worker, otherwise 0. */
  readonly connection: number;
  /** The client takes no binary frames (`b64`). */
  readonly isTextOnly: boolean;
}
