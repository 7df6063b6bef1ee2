/**
 * What a WebSocket becomes once it is open: a session of its own, or an offer to one that polls.
 *
 * They live from the upgrade to the open callback only.
 */

import type {
  FrameHandler,
  FrameSocket,
  SessionOwner,
  SocketOpener,
} from '../../core/contracts/client-connection.ts';
import type { HandshakeSource } from '../session/session-extras.ts';
import type { EngineHome } from './engine-home.ts';
import { EngineSession } from './engine-session.ts';

/** A socket without a session id: it opens a session. */
export class NewSession implements SocketOpener {
  readonly #home: EngineHome<EngineSession>;
  readonly #source: HandshakeSource;
  readonly #isTextOnly: boolean;

  constructor(home: EngineHome<EngineSession>, source: HandshakeSource, isTextOnly: boolean) {
    this.#home = home;
    this.#source = source;
    this.#isTextOnly = isTextOnly;
  }

  open(socket: FrameSocket): FrameHandler {
    const session = new EngineSession(this.#home, this.#source);
    session.openSocket(socket, this.#isTextOnly);
    return session;
  }
}

/** A socket with a session id: it is offered to the session's owner. */
export class OfferToSession implements SocketOpener {
  readonly #owner: SessionOwner;
  readonly #sessionId: string;
  readonly #isTextOnly: boolean;
  readonly #connection: number;

  /** @param connection the key of the socket's connection */
  constructor(owner: SessionOwner, sessionId: string, isTextOnly: boolean, connection: number) {
    this.#owner = owner;
    this.#sessionId = sessionId;
    this.#isTextOnly = isTextOnly;
    this.#connection = connection;
  }

  open(socket: FrameSocket): FrameHandler | undefined {
    return this.#owner.offerSocket({
      sessionId: this.#sessionId,
      socket,
      isTextOnly: this.#isTextOnly,
      connection: this.#connection,
    });
  }
}
