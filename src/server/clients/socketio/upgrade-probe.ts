/**
 * A WebSocket that wants to take over a session which polls.
 *
 * The client sends `2probe`, gets `3probe`, and says `5` when its last poll has been answered; from
 * then on the socket is the session's. A probe that dawdles is closed and the session goes on
 * polling. When the session ends in between, what it still had to say goes to the socket on `5`:
 * the client asks for it nowhere else. Source: the Engine.IO protocol, revision 4, "Upgrade".
 */

import type {
  FrameHandler,
  FrameSocket,
  SocketOffer,
} from '../../core/contracts/client-connection.ts';
import { CLOSE_CODE } from '../../protocol/close-code.ts';
import { encodeBase64Packet, PLAIN_PACKET } from '../../protocol/engine-packet.ts';
import type { LastWords } from '../session/last-words.ts';
import type { SessionSources } from '../source/session-sources.ts';
import type { EnginePolling, OfferedSocket } from './engine-polling.ts';

/**
 * How often a poll that waits is released while a probe is under way. At once would be quicker, but
 * clients, and the tests of Socket.IO's own, know it so from the reference.
 */
const RELEASE_MS = 100;

/** The session that a socket wants to take over. */
export interface ProbedSession extends FrameHandler {
  readonly slot: number;
  readonly polling: EnginePolling | undefined;
  upgradeTo(socket: FrameSocket, isTextOnly: boolean): void;
}

/** What a probe needs of the worker's table of sessions. */
export interface ProbeHome {
  readonly settings: { readonly upgradeTimeoutMs: number };
  readonly sources: SessionSources;
  readonly lastWords: LastWords;
}

export class UpgradeProbe implements FrameHandler, OfferedSocket {
  readonly #session: ProbedSession;
  readonly #offer: SocketOffer;
  readonly #home: ProbeHome;
  readonly #timer: Timer;
  /** Runs once the socket is probed. */
  #releaseTimer: Timer | undefined;

  constructor(session: ProbedSession, offer: SocketOffer, home: ProbeHome) {
    this.#session = session;
    this.#offer = offer;
    this.#home = home;
    this.#timer = setTimeout(() => this.#giveUp(offer.socket), home.settings.upgradeTimeoutMs);
    if (session.polling !== undefined) session.polling.probe = this;
  }

  get connection(): number {
    return this.#offer.connection;
  }

  onFrame(socket: FrameSocket, frame: string | Buffer): void {
    if (frame === PLAIN_PACKET.probePing && !this.#isProbed) this.#answerProbe(socket);
    else if (frame === PLAIN_PACKET.upgrade && this.#isProbed) this.#upgrade(socket);
    else this.#giveUp(socket);
  }

  onSocketClose(): void {
    this.#release();
  }

  /** Who asks for answers and does not read them wants something else. */
  onPing(socket: FrameSocket): void {
    if (socket.getBufferedAmount() === 0) return;
    this.#release();
    socket.terminate();
  }

  #answerProbe(socket: FrameSocket): void {
    const { polling } = this.#session;
    if (polling?.probe !== this) {
      this.#giveUp(socket);
      return;
    }
    socket.send(PLAIN_PACKET.probePong);
    // The client has to have the time that is left for what follows.
    const everyMs = Math.min(RELEASE_MS, this.#home.settings.upgradeTimeoutMs / 4);
    this.#releaseTimer = setInterval(() => this.#releasePoll(), everyMs);
  }

  get #isProbed(): boolean {
    return this.#releaseTimer !== undefined;
  }

  /** The client moves over when no poll of it waits any more. */
  #releasePoll(): void {
    const { polling } = this.#session;
    if (polling?.probe === this && polling.isPolled) polling.release(PLAIN_PACKET.noop);
  }

  #upgrade(socket: FrameSocket): void {
    this.#stopTimers();
    if (this.#session.polling?.probe !== this) {
      for (const packet of this.#home.lastWords.take(this.#offer.sessionId)) {
        const isFrame = typeof packet === 'string' || !this.#offer.isTextOnly;
        socket.send(isFrame ? packet : encodeBase64Packet(packet));
      }
      socket.close(CLOSE_CODE.normal);
      return;
    }
    socket.data = this.#session;
    this.#home.sources.moveTo(this.#session.slot, this.#offer.connection);
    this.#session.upgradeTo(socket, this.#offer.isTextOnly);
  }

  #giveUp(socket: FrameSocket): void {
    this.#release();
    socket.close(CLOSE_CODE.policy, 'upgrade not completed');
  }

  #release(): void {
    this.#stopTimers();
    const { polling } = this.#session;
    if (polling?.probe === this) polling.probe = undefined;
  }

  #stopTimers(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#releaseTimer);
  }
}
