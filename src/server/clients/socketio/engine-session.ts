/**
 * One Engine.IO session: a client of Socket.IO, by long-polling or by WebSocket.
 *
 * What its packets mean is the business of the packet router. Source: the Engine.IO protocol,
 * revision 4.
 */

import type { DisconnectReason } from '../../core/app/app.ts';
import type { CarriedSession } from '../../core/contracts/carrier.ts';
import type {
  FrameHandler,
  FrameSocket,
  Reply,
  SocketOffer,
} from '../../core/contracts/client-connection.ts';
import type { OutgoingEvent } from '../../core/contracts/outgoing-event.ts';
import type { RateKind } from '../../core/limits/client-rates.ts';
import type { NamespaceSession } from '../../core/sessions/namespace-session.ts';
import { CLOSE_CODE } from '../../protocol/close-code.ts';
import {
  decodeBase64Packet,
  encodeBase64Packet,
  PacketCode,
  PayloadReader,
  PLAIN_PACKET,
} from '../../protocol/engine-packet.ts';
import {
  encodeConnect,
  encodeConnectError,
  encodeDisconnect,
  isObject,
  type JsonObject,
} from '../../protocol/socketio-packet.ts';
import { UNKNOWN_SESSION } from '../../protocol/unknown-session.ts';
import type { WirePacket } from '../../protocol/wire-packet.ts';
import { ClientSession } from '../session/client-session.ts';
import { type ComebackWish, NO_WISH } from '../session/comebacks.ts';
import type { JoinFacts, JoinRefusal } from '../session/join-words.ts';
import type { EndedBy } from '../session/last-words.ts';
import type { HandshakeSource, TakeAuth } from '../session/session-extras.ts';
import { engineError } from './engine-error.ts';
import type { EngineHome } from './engine-home.ts';
import { EnginePolling, POST_TAKEN } from './engine-polling.ts';
import { UpgradeProbe } from './upgrade-probe.ts';
import { PING, SOCKET_IO_FORMAT } from './wire-format.ts';

/** The event by which a client is asked for a new token: its ack is what `auth` was. */
const REFRESH_EVENT = 'holdfast:refresh';
/** The last event of a session that brought none. */
const EXPIRED_EVENT = 'holdfast:expired';
/** A client of Socket.IO is let into rooms by the app alone. */
const NO_ROOMS: readonly string[] = [];

export class EngineSession extends ClientSession {
  declare protected readonly home: EngineHome<EngineSession>;

  constructor(home: EngineHome<EngineSession>, handshake: HandshakeSource) {
    super(home, handshake);
  }

  get noop(): string {
    return PLAIN_PACKET.noop;
  }

  get joinsAgain(): boolean {
    return true;
  }

  get wantedRooms(): readonly string[] {
    return NO_ROOMS;
  }

  override get polling(): EnginePolling | undefined {
    return super.polling as EnginePolling | undefined;
  }

  get requestId(): string | undefined {
    return this.polling?.sessionId;
  }

  /** Starts a session that polls. @returns its open packet */
  openPolling(): string {
    const id = this.home.register(this);
    this.hold({ polling: new EnginePolling(id, this.home) });
    this.count(1);
    return this.home.openPacket(id, ['websocket']);
  }

  /** Starts a session on a WebSocket. Its engine id is never asked for again, so none is kept. */
  openSocket(socket: FrameSocket, isTextOnly: boolean): void {
    this.socket = socket;
    if (isTextOnly) this.hold({ isTextOnly });
    const id = this.home.register(this);
    socket.send(this.home.openPacket(id, []));
  }

  /** Moves the session from polling to a socket; what was queued goes first. */
  upgradeTo(socket: FrameSocket, isTextOnly: boolean): void {
    const { polling } = this;
    this.count(-1);
    this.hold({ polling: undefined, isTextOnly: isTextOnly || undefined });
    this.socket = socket;
    polling?.release(PLAIN_PACKET.noop);
    for (const packet of polling?.takeQueue() ?? []) this.sendPacket(socket, packet);
    for (const session of this.sessions) session.home.transportChanged(session);
  }

  // What is sent.

  tellJoined({ namespace, id }: NamespaceSession, { token }: JoinFacts): void {
    this.send([encodeConnect(namespace, id, token)]);
  }

  /** As connection state recovery has it: `offset` ends the last event that had one. */
  wishOf({ pid, offset }: JsonObject): ComebackWish {
    return pid === undefined ? NO_WISH : { token: pid, position: offset };
  }

  tellNotJoined(namespace: string, { message, data }: JoinRefusal): void {
    this.send([encodeConnectError(namespace, message, data)]);
  }

  endSession(session: CarriedSession): void {
    this.send([encodeDisconnect(session.namespace)]);
    this.removeSession(session);
    this.home.router.left(this, session.namespace);
  }

  askToRefresh(session: NamespaceSession, withinMs: number, take: TakeAuth): void {
    const answer = session.timeout(withinMs).emitWithAck(REFRESH_EVENT, { within: withinMs });
    answer.then(
      (auth) => take(isObject(auth) ? auth : {}),
      // It did not answer: the session ends in its time.
      () => {},
    );
  }

  expire(session: NamespaceSession): void {
    session.emit(EXPIRED_EVENT);
    session.home.delivery.prepare(session);
    this.endSession(session);
    session.home.remove(session, 'session expired');
  }

  protected sendPacket(socket: FrameSocket, packet: WirePacket): void {
    const isFrame = typeof packet === 'string' || this.extras?.isTextOnly !== true;
    const frame = isFrame ? packet : encodeBase64Packet(packet);
    this.sent(socket, socket.send(frame), frame.length);
  }

  protected sendEvent(socket: FrameSocket, event: OutgoingEvent): void {
    const shared = event.encodedFor(SOCKET_IO_FORMAT);
    this.sent(socket, socket.sendShared(shared), shared.text.length);
    for (const attachment of event.attachments) this.sendPacket(socket, attachment);
  }

  protected packetsOf(event: OutgoingEvent): readonly WirePacket[] {
    return [event.encodedFor(SOCKET_IO_FORMAT).text, ...event.attachments];
  }

  protected farewell(reason: DisconnectReason): WirePacket {
    return reason === 'transport close' ? PLAIN_PACKET.noop : PLAIN_PACKET.close;
  }

  ping(): void {
    const socket = this.socket;
    if (socket === undefined) this.enqueue([PLAIN_PACKET.ping]);
    else if (!this.home.isDeliveringLittle) socket.sendShared(PING);
    else this.pingSocket(socket, PING);
  }

  // What the client sends.

  kindOf(packet: string | Buffer): RateKind {
    const isMessage = typeof packet === 'string' && packet.charCodeAt(0) === PacketCode.message;
    if (!isMessage) return 'messages';
    switch (packet.charCodeAt(1)) {
      case 0x30:
        return 'connects';
      case 0x33:
      case 0x36:
        return 'acks';
      default:
        return 'messages';
    }
  }

  receive(packet: string | Buffer): void {
    if (this.closed) return;
    if (this.socket !== undefined || this.polling?.isPingWaiting !== true) {
      this.lastSeenTick = this.home.heartbeat.tick;
    }
    if (typeof packet !== 'string') {
      this.#receiveBinary(packet);
      return;
    }
    switch (packet.charCodeAt(0)) {
      case PacketCode.message:
        this.home.router.onText(this, packet.slice(1));
        return;
      case PacketCode.base64:
        this.#receiveBinary(decodeBase64Packet(packet));
        return;
      case PacketCode.pong:
      // Valid packets without a meaning here; the reference server passes over them too.
      case PacketCode.open:
      case PacketCode.upgrade:
      case PacketCode.noop:
        return;
      case PacketCode.close:
        this.#goodbye();
        return;
      default:
        this.failEngine();
    }
  }

  /** Its last poll may come by a longer way, and later, than the word that it goes. */
  #goodbye(): void {
    const isPolling = this.polling !== undefined && this.polling.probe === undefined;
    this.endFor('transport close', CLOSE_CODE.normal, isPolling ? 'client' : undefined);
  }

  #receiveBinary(data: Buffer | undefined): void {
    if (data === undefined) this.failEngine();
    else this.home.router.onBinary(this, data);
  }

  refuseInput(packet: string | Buffer): void {
    this.home.router.refuseInput(this, packet);
  }

  /** The client broke Socket.IO's protocol; it may ask once more for what waits for it. */
  fail(): void {
    this.#broken('fault');
  }

  /** The client broke Engine.IO's protocol: what it sends is not understood at all. */
  failEngine(): void {
    this.#broken(undefined);
  }

  #broken(by: EndedBy | undefined): void {
    if (this.closed) return;
    this.home.refusals.count('protocolBroken');
    this.endFor('parse error', CLOSE_CODE.policy, by);
  }

  protected override keptBytes(): number {
    return this.home.router.heldBytes(this);
  }

  protected override forgetKept(): void {
    this.home.router.forget(this);
  }

  // Requests that name it.

  /** A second request at the same time ends the session. */
  poll(id: string, reply: Reply): void {
    if (id !== this.polling?.sessionId) reply.answer(UNKNOWN_SESSION);
    else if (this.polling.isPingWaiting && this.home.heartbeat.isOverdue(this)) {
      reply.answer(UNKNOWN_SESSION);
      this.timedOut();
    } else if (this.polling.isPolled) {
      reply.answer(engineError('badRequest'));
      this.end('transport error');
    } else this.polling.poll(reply);
  }

  abandonPoll(reply: Reply): void {
    if (this.polling?.abandon(reply) === true) this.home.intake.endAfter(this);
  }

  beginPost(): void {
    if (this.polling === undefined) return;
    if (this.polling.isPosting) this.failEngine();
    else this.polling.isPosting = true;
  }

  post(body: string | undefined, reply: Reply): void {
    const { polling } = this;
    if (polling === undefined || body === undefined) {
      if (polling !== undefined) polling.isPosting = false;
      reply.answer(engineError('badRequest'));
      return;
    }
    this.home.intake.takePayload(this, new PayloadReader(body), body.length, (isWhole) => {
      polling.isPosting = false;
      reply.answer(isWhole ? POST_TAKEN : engineError('badRequest'));
    });
  }

  takeSocket(offer: SocketOffer): FrameHandler | undefined {
    if (this.polling === undefined || this.polling.probe !== undefined) return undefined;
    return new UpgradeProbe(this, offer, this.home.table);
  }
}
