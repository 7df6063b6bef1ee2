/**
 * A WebSocket that wants to take over a session which polls.
 *
 * The client sends `2probe`, gets `3probe`, and says `5` when its last poll has been answered; from
 * then on the socket is the session's. A probe that dawdles is closed and the session goes on
 * polling. Source: the Engine.IO protocol, revision 4, "Upgrade".
 */

import type {
  FrameHandler,
  FrameSocket,
  SocketOffer,
} from '../../core/contracts/client-connection.ts';
import { CLOSE_CODE } from '../../protocol/close-code.ts';
import { PLAIN_PACKET } from '../../protocol/engine-packet.ts';
import type { EngineSession } from './engine-session.ts';

export class UpgradeProbe implements FrameHandler {
  readonly #session: EngineSession;
  readonly #isTextOnly: boolean;
  readonly #timer: Timer;
  #isProbed = false;

  constructor(session: EngineSession, offer: SocketOffer, timeoutMs: number) {
    this.#session = session;
    this.#isTextOnly = offer.isTextOnly;
    this.#timer = setTimeout(() => this.#giveUp(offer.socket), timeoutMs);
    if (session.polling !== undefined) session.polling.probe = this;
  }

  onFrame(socket: FrameSocket, frame: string | Buffer): void {
    if (frame === PLAIN_PACKET.probePing && !this.#isProbed) this.#answerProbe(socket);
    else if (frame === PLAIN_PACKET.upgrade && this.#isProbed) this.#upgrade(socket);
    else this.#giveUp(socket);
  }

  onSocketClose(): void {
    this.#release();
  }

  #answerProbe(socket: FrameSocket): void {
    const { polling } = this.#session;
    if (polling?.probe !== this) {
      this.#giveUp(socket);
      return;
    }
    this.#isProbed = true;
    polling.isProbing = true;
    socket.send(PLAIN_PACKET.probePong);
    if (polling.isPolled) polling.release(PLAIN_PACKET.noop);
  }

  #upgrade(socket: FrameSocket): void {
    clearTimeout(this.#timer);
    if (this.#session.polling?.probe !== this) {
      socket.close(CLOSE_CODE.normal);
      return;
    }
    socket.data = this.#session;
    this.#session.upgradeTo(socket, this.#isTextOnly);
  }

  #giveUp(socket: FrameSocket): void {
    this.#release();
    socket.close(CLOSE_CODE.policy, 'upgrade not completed');
  }

  #release(): void {
    clearTimeout(this.#timer);
    const { polling } = this.#session;
    if (polling?.probe !== this) return;
    polling.probe = undefined;
    polling.isProbing = false;
  }
}
