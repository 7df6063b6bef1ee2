/**
 * One client of the plain protocol, over a WebSocket, a stream or long-polling (docs/PROTOCOL.md).
 *
 * It is in one namespace, which it joins as it is opened. What its messages mean is the business of
 * the message router.
 */

import type { DisconnectReason, TransportName } from '../../core/app/app.ts';
import type { FrameHandler, FrameSocket, Reply } from '../../core/contracts/client-connection.ts';
import type { OutgoingEvent, SharedText } from '../../core/contracts/outgoing-event.ts';
import type { RateKind } from '../../core/limits/client-rates.ts';
import type { NamespaceSession } from '../../core/sessions/namespace-session.ts';
import { CLOSE_CODE } from '../../protocol/close-code.ts';
import { looksLikeAck } from '../../protocol/plain/client-message.ts';
import { MessageLines } from '../../protocol/plain/message-lines.ts';
import {
  type ErrorFacts,
  encodeConnected,
  encodeError,
  encodeFarewell,
  encodeRefresh,
} from '../../protocol/plain/server-message.ts';
import { copyOf, queryParams } from '../../protocol/query-params.ts';
import { behindId } from '../../protocol/session-id.ts';
import { type JsonObject, MAIN_NAMESPACE } from '../../protocol/socketio-packet.ts';
import { UNKNOWN_SESSION } from '../../protocol/unknown-session.ts';
import type { WirePacket } from '../../protocol/wire-packet.ts';
import type { Admissions } from '../session/admissions.ts';
import { ClientSession } from '../session/client-session.ts';
import { type ComebackWish, NO_WISH } from '../session/comebacks.ts';
import { POLITE_ENDS } from '../session/ends.ts';
import type { JoinFacts, JoinRefusal } from '../session/join-words.ts';
import type { HandshakeSource } from '../session/session-extras.ts';
import { acceptedAnswer, errorAnswer, statusOf } from './plain-answers.ts';
import type { PlainHome } from './plain-home.ts';
import { PlainPolling } from './plain-polling.ts';
import { wishIn } from './plain-request.ts';
import { bytesOf } from './raw-frames.ts';
import { StreamSocket } from './stream-socket.ts';
import { MESSAGE_FORMAT, NATIVE_PING } from './wire-formats.ts';

/** After so long clients come back: not all at once. */
const RESTART_RETRY_MS = { least: 1_000, spread: 4_000 };
/** Ends after which a client comes back at once, though not all at the same time. */
const COMES_BACK: ReadonlySet<DisconnectReason> = new Set([
  'server shutting down',
  'session expired',
]);
/** Who has to make place for others. */
const PLACE_RETRY_MS = 5_000;
/** Ends after which clients that poll are to stay away. */
const FOR_GOOD: ReadonlySet<DisconnectReason> = new Set([
  'client namespace disconnect',
  'server namespace disconnect',
  'parse error',
]);
const NO_ROOMS: readonly string[] = [];
const NO_POSITION = errorAnswer(
  400,
  'badRequest',
  'this is no position that the session has given: begin without `since`',
);

export class PlainSession extends ClientSession {
  declare protected readonly home: PlainHome<PlainSession>;

  constructor(home: PlainHome<PlainSession>, handshake: HandshakeSource) {
    super(home, handshake);
  }

  get noop(): string | Buffer {
    return '';
  }

  get joinsAgain(): boolean {
    return false;
  }

  get wantedRooms(): readonly string[] {
    const query = this.handshake?.query ?? '';
    return query.includes('room=') ? queryParams(query).getAll('room').map(copyOf) : NO_ROOMS;
  }

  get requestId(): string | undefined {
    const { socket } = this;
    return socket instanceof StreamSocket ? socket.sessionId : this.polling?.sessionId;
  }

  protected override socketTransport(socket: FrameSocket): TransportName {
    return socket instanceof StreamSocket ? socket.format.transport : 'websocket';
  }

  /** Its first frame is to say who it is. */
  get isAwaited(): boolean {
    return this.extras?.isAwaited === true;
  }

  /** The session in its namespace, once it has joined. */
  get joined(): NamespaceSession | undefined {
    return this.sessions[0];
  }

  // How it begins.

  /** Starts a session that polls. @returns its id */
  openPolling(): string {
    const id = this.home.register(this);
    this.hold({ polling: new PlainPolling(id, this.home) });
    this.count(1);
    return id;
  }

  /** @param isAwaited the first frame is to bring `auth` */
  openSocket(socket: FrameSocket, isAwaited: boolean): void {
    this.socket = socket;
    if (isAwaited) this.hold({ isAwaited });
    this.home.register(this);
  }

  openStream(socket: StreamSocket): void {
    this.socket = socket;
    socket.data = this;
    socket.sessionId = this.home.register(this);
    this.count(1);
  }

  /**
   * Asks the app to let it in.
   *
   * @param bytes of what it presents
   * @param wish what its message `connect` says of a session before
   */
  askToJoin(admissions: Admissions, auth: JsonObject, bytes: number, wish?: ComebackWish): void {
    if (wish !== undefined) this.hold({ wish });
    const namespace = queryParams(this.handshake?.query ?? '').get('namespace');
    admissions.connect(this, namespace || MAIN_NAMESPACE, auth, bytes);
  }

  /** It has said who it is. */
  stopAwaiting(): void {
    this.hold({ isAwaited: undefined });
  }

  // What is sent.

  /** Tells the client something that is no event. */
  protected say(message: string): void {
    this.send([message]);
  }

  wishOf(): ComebackWish {
    const { handshake } = this;
    return this.extras?.wish ?? (handshake === undefined ? NO_WISH : wishIn(handshake));
  }

  tellJoined(session: NamespaceSession, { isRecovered, position, token }: JoinFacts): void {
    const { pingIntervalMs, pingTimeoutMs, maxPayloadBytes } = this.home.plain;
    const { id, namespace, user, rooms } = session;
    const { polling, socket } = this;
    if (polling !== undefined) (polling as PlainPolling).mark = position;
    if (socket instanceof StreamSocket) socket.position = position;
    const place = { recovered: isRecovered, recovery: token, position };
    const facts = { session: this.requestId, id, namespace, user, rooms, ...place };
    const times = { pingInterval: pingIntervalMs, pingTimeout: pingTimeoutMs };
    this.say(encodeConnected({ ...facts, ...times, maxPayload: maxPayloadBytes }));
    // What it has sent before it could be taken is taken once the app has heard of it.
    this.home.intake.release(this);
  }

  tellNotJoined(_namespace: string, { reason, message, data }: JoinRefusal): void {
    const { socket } = this;
    const answer = errorAnswer(statusOf(reason), reason, message, data);
    if (socket === undefined) (this.polling as PlainPolling | undefined)?.refuse(answer);
    else if (!(socket instanceof StreamSocket)) {
      this.say(encodeError({ reason, message, data }));
      socket.close(CLOSE_CODE.policy, reason);
    } else socket.refuse(answer);
    this.end('transport close', CLOSE_CODE.policy);
  }

  /** It has not taken all that was sent. */
  get isBehind(): boolean {
    return (this.socket?.getBufferedAmount() ?? 0) > 0;
  }

  tellError(facts: ErrorFacts): void {
    this.say(encodeError(facts));
  }

  /** Without its namespace there is nothing left of it. */
  endSession(): void {
    this.end('server namespace disconnect');
  }

  /** It answers by a message of its own. */
  askToRefresh(_session: NamespaceSession, withinMs: number): void {
    this.say(encodeRefresh(withinMs));
  }

  expire(): void {
    this.end('session expired', CLOSE_CODE.policy);
  }

  protected sendPacket(socket: FrameSocket, packet: WirePacket): void {
    this.sent(socket, socket.send(packet), packet.length);
  }

  protected sendEvent(socket: FrameSocket, event: OutgoingEvent): void {
    if (socket instanceof StreamSocket) {
      this.sendShared(socket, event.encodedFor(socket.format.event));
      return;
    }
    const bytes = bytesOf(event);
    if (bytes !== undefined) this.sendPacket(socket, bytes);
    else this.sendShared(socket, event.encodedFor(MESSAGE_FORMAT));
  }

  protected sendShared(socket: FrameSocket, shared: SharedText): void {
    this.sent(socket, socket.sendShared(shared), shared.text.length);
  }

  protected packetsOf(event: OutgoingEvent): readonly WirePacket[] {
    return [event.encodedFor(MESSAGE_FORMAT).text];
  }

  ping(): void {
    const { socket } = this;
    if (socket === undefined) {
      // Whose poll waits is there, as far as can be known.
      if (this.polling?.isPolled === true) this.isThere();
    } else if (socket instanceof StreamSocket) {
      // Its connection is all that tells of it; the kernel ends one that takes nothing.
      this.isThere();
      this.#keepAlive(socket);
    } else if (this.home.isDeliveringLittle) this.pingSocket(socket, NATIVE_PING);
    else socket.sendShared(NATIVE_PING);
  }

  /** What is on its way to it, while that is little, does as well as a sign of life. */
  #keepAlive(socket: StreamSocket): void {
    socket.isFresh = false;
    if (this.home.isDeliveringLittle) {
      for (const session of this.sessions) session.home.delivery.catchUp(session);
    }
    if (!socket.isFresh) this.sendShared(socket, socket.format.keepAlive);
  }

  onPong(): void {
    this.isThere();
  }

  protected isThere(): void {
    this.lastSeenTick = this.home.heartbeat.tick;
  }

  /** Who polls is told of every end, also where others find their connection cut and come back. */
  protected farewell(reason: DisconnectReason): WirePacket {
    const code = FOR_GOOD.has(reason) ? CLOSE_CODE.normal : CLOSE_CODE.tryAgainLater;
    return this.#farewell(reason, code);
  }

  protected override bidFarewell(
    socket: FrameSocket,
    reason: DisconnectReason,
    code: number,
  ): void {
    const isTold = POLITE_ENDS.has(reason) || code === CLOSE_CODE.tryAgainLater;
    if (isTold) socket.send(this.#farewell(reason, code));
  }

  #farewell(reason: DisconnectReason, code: number): string {
    const { least, spread } = RESTART_RETRY_MS;
    const restart = Math.round(least + Math.random() * spread);
    const place = code === CLOSE_CODE.tryAgainLater ? PLACE_RETRY_MS : undefined;
    return encodeFarewell(reason, COMES_BACK.has(reason) ? restart : place);
  }

  // What the client sends.

  kindOf(packet: string | Buffer): RateKind {
    return typeof packet === 'string' && looksLikeAck(packet) ? 'acks' : 'messages';
  }

  override onFrame(socket: FrameSocket, frame: string | Buffer): void {
    // What comes before the app has let it in waits, and loses nothing.
    if (this.joined === undefined && !this.isAwaited) {
      this.home.intake.keepBack(this, socket, frame);
    } else super.onFrame(socket, frame);
  }

  receive(packet: string | Buffer): void {
    if (this.closed) return;
    this.isThere();
    if (packet === this.noop) return;
    this.take(packet);
  }

  protected take(packet: string | Buffer): void {
    if (typeof packet === 'string') this.home.router.onText(this, packet);
    else this.home.router.onBinary(this, packet);
  }

  refuseInput(): void {
    this.home.router.refuseInput(this);
  }

  fail(): void {
    this.failEngine();
  }

  failEngine(): void {
    if (this.closed) return;
    this.home.refusals.count('protocolBroken');
    this.end('parse error', CLOSE_CODE.policy);
  }

  // Requests that name it.

  poll(id: string, reply: Reply): void {
    const polling = this.polling as PlainPolling | undefined;
    if (polling === undefined || behindId(id) === '') reply.answer(UNKNOWN_SESSION);
    else if (!polling.pollSince(id, reply)) {
      this.home.refusals.count('badRequest');
      reply.answer(NO_POSITION);
    } else {
      this.isThere();
      if (polling.isPolled) this.home.heldPolls.add(polling);
    }
  }

  /** It may come again, for what was to be the answer too. */
  abandonPoll(reply: Reply): void {
    this.polling?.stopWaiting(reply);
  }

  /** Several may be on their way. */
  beginPost(): void {}

  post(body: string | undefined, reply: Reply): void {
    if (body === undefined || this.joined === undefined) {
      reply.answer(UNKNOWN_SESSION);
      return;
    }
    const lines = new MessageLines(body);
    const done = (): void => reply.answer(acceptedAnswer(lines.count));
    if (lines.isDone) done();
    else this.home.intake.takePayload(this, lines, body.length, done);
  }

  /** Its socket is its own from the beginning. */
  takeSocket(): FrameHandler | undefined {
    return undefined;
  }
}
