/**
 * One Engine.IO session: a client's connection, by long-polling or by WebSocket, with its sessions
 * in namespaces.
 *
 * It owns the transport, heartbeats and the end; what the packets mean is the business of the
 * packet router. A client that sits idle on a WebSocket costs one of these and one
 * `NamespaceSession`: what matters only for a moment (`Extras`) is not there then.
 */

import type { DisconnectReason, TransportName } from '../../core/app/app.ts';
import type { CarriedSession, Carrier } from '../../core/contracts/carrier.ts';
import type { FrameHandler, FrameSocket, Reply } from '../../core/contracts/client-connection.ts';
import type { OutgoingEvent } from '../../core/contracts/outgoing-event.ts';
import type { Holder } from '../../core/limits/memory-budget.ts';
import type { Reason } from '../../core/limits/reasons.ts';
import type { Reader } from '../../core/limits/slow-readers.ts';
import type { NamespaceSession } from '../../core/sessions/namespace-session.ts';
import { CLOSE_CODE } from '../../protocol/close-code.ts';
import {
  decodeBase64Packet,
  encodeBase64Packet,
  PacketCode,
  PLAIN_PACKET,
  type WirePacket,
} from '../../protocol/engine-packet.ts';
import { encodeDisconnect } from '../../protocol/socketio-packet.ts';
import { CUT_SOCKET, NO_HANDLER } from './cut-socket.ts';
import { ENDED_BY, POLITE_ENDS } from './ends.ts';
import { engineError } from './engine-error.ts';
import type { EngineHome, EngineMember } from './engine-home.ts';
import type { EndedBy } from './last-words.ts';
import { PollingTransport } from './polling-transport.ts';
import {
  afterJoining,
  changed,
  type Extras,
  type HandshakeSource,
  type Joining,
  type KeptHandshake,
  packedHandshake,
  unpackedHandshake,
} from './session-extras.ts';
import { PING, SOCKET_IO_FORMAT } from './wire-format.ts';

/** The slot of a session that is over. */
const ENDED = -2;

export class EngineSession implements Carrier, FrameHandler, EngineMember, Holder, Reader {
  readonly #worker: EngineHome<EngineSession>;
  slot = -1;
  heartbeatSlot = -1;
  heartbeatPlace = -1;
  lastSeenTick = 0;
  #socket: FrameSocket | undefined;
  /** The session in the namespace joined first; most clients join no other. */
  #first: NamespaceSession | undefined;
  #extras: Extras | undefined;

  constructor(worker: EngineHome<EngineSession>, handshake: HandshakeSource) {
    this.#worker = worker;
    this.#extras = { handshake };
  }

  get closed(): boolean {
    return this.slot === ENDED;
  }

  get polling(): PollingTransport | undefined {
    return this.#extras?.polling;
  }

  get handshake(): HandshakeSource | undefined {
    const kept = this.#extras?.handshake;
    return typeof kept === 'string' ? unpackedHandshake(kept) : kept;
  }

  /** What is left of the handshake, where it is not kept as a whole. */
  get kept(): KeptHandshake | undefined {
    return this.#extras?.kept;
  }

  /** The client has joined: what its first request said is needed rarely. @returns its length */
  packHandshake(): number {
    const whole = this.#extras?.handshake;
    const packed = typeof whole === 'object' ? packedHandshake(whole) : whole;
    if (packed !== whole) this.hold({ handshake: packed });
    return packed?.length ?? 0;
  }

  /** The client has joined: of its first request only this will be needed. */
  keepOfHandshake(kept: KeptHandshake | undefined): void {
    this.#extras = afterJoining(this.#extras, kept);
  }

  get joining(): ReadonlyMap<string, Joining> | undefined {
    return this.#extras?.joining;
  }

  /** Changes what the session holds at times; nothing is left of it when all is `undefined`. */
  hold(change: Extras): void {
    this.#extras = changed(this.#extras, change);
  }

  get transport(): TransportName {
    return this.#socket === undefined ? 'polling' : 'websocket';
  }

  /** Starts a session that polls. @returns its open packet */
  openPolling(): string {
    const id = this.#worker.register(this);
    this.hold({ polling: new PollingTransport(id, this.#worker) });
    this.#worker.pollingCount++;
    return this.#worker.openPacket(id, ['websocket']);
  }

  /** Starts a session on a WebSocket. Its engine id is never asked for again, so none is kept. */
  openSocket(socket: FrameSocket, isTextOnly: boolean): void {
    this.#socket = socket;
    if (isTextOnly) this.hold({ isTextOnly });
    const id = this.#worker.register(this);
    socket.send(this.#worker.openPacket(id, []));
  }

  /** Moves the session from polling to a socket; what was queued goes first. */
  upgradeTo(socket: FrameSocket, isTextOnly: boolean): void {
    const { polling } = this;
    this.hold({ polling: undefined, isTextOnly: isTextOnly || undefined });
    this.#socket = socket;
    this.#worker.pollingCount--;
    polling?.release(PLAIN_PACKET.noop);
    for (const packet of polling?.takeQueue() ?? []) this.#sendPacket(socket, packet);
  }

  // Carrier: what the core sends.

  deliver(events: readonly OutgoingEvent[]): void {
    const socket = this.#socket;
    if (socket === undefined) this.#enqueueEvents(events);
    else if (events.length === 1) this.#sendEvent(socket, events[0] as OutgoingEvent);
    else socket.cork(() => events.forEach((event) => this.#sendEvent(socket, event)));
  }

  endSession(session: CarriedSession): void {
    this.send([encodeDisconnect(session.namespace)]);
    this.removeSession(session);
    this.#worker.router.left(this, session.namespace);
  }

  close(): void {
    for (const session of this.sessions) session.disconnect();
    this.end('server namespace disconnect', CLOSE_CODE.normal);
  }

  /** Sends packets in order, binary data as messages of their own. */
  send(packets: readonly WirePacket[]): void {
    const socket = this.#socket;
    if (socket === undefined) this.#enqueue(packets);
    else for (const packet of packets) this.#sendPacket(socket, packet);
  }

  #sendPacket(socket: FrameSocket, packet: WirePacket): void {
    const isFrame = typeof packet === 'string' || this.#extras?.isTextOnly !== true;
    const frame = isFrame ? packet : encodeBase64Packet(packet);
    this.#sent(socket, socket.send(frame), frame.length);
  }

  #sent(socket: FrameSocket, sent: number, length: number): void {
    if (sent > 0 || length === 0) return;
    if (sent < 0) this.#worker.slowReaders.wait(socket, this, length);
    else this.#endSoon('memoryBudget');
  }

  /** Ends the session after the call: who delivers is walking the room. */
  #endSoon(reason: Reason): void {
    queueMicrotask(() => {
      if (this.closed) return;
      this.#worker.refusals.count(reason);
      this.end('transport error', CLOSE_CODE.policy);
    });
  }

  readsTooSlowly(): void {
    this.#worker.refusals.count('slowReader');
    this.end('transport error', CLOSE_CODE.policy);
  }

  heldBytes(): number {
    const own = (this.polling?.heldBytes ?? 0) + this.#worker.router.heldBytes(this);
    const joining = [...(this.joining?.values() ?? [])];
    const asking = joining.reduce((sum, { bytes, nextBytes }) => sum + bytes + nextBytes, own);
    return this.sessions.reduce((sum, session) => sum + session.heldBytes(), asking);
  }

  /** What waits is gone now; the app hears of the end after the call. */
  letGo(): void {
    if (this.#socket !== undefined) this.#cutSocket(this.#socket);
    this.polling?.close();
    this.#worker.router.forget(this);
    queueMicrotask(() => this.end('transport error', CLOSE_CODE.policy));
  }

  /** What waits for a socket stays in memory until it is closed for good. */
  #cutSocket(socket: FrameSocket): void {
    this.#socket = CUT_SOCKET;
    this.#worker.slowReaders.forget(socket);
    socket.data = NO_HANDLER;
    socket.terminate();
  }

  #sendEvent(socket: FrameSocket, event: OutgoingEvent): void {
    if (event.volatile && socket.getBufferedAmount() > 0) return;
    const shared = event.encodedFor(SOCKET_IO_FORMAT);
    this.#sent(socket, socket.sendShared(shared), shared.text.length);
    for (const attachment of event.attachments) this.#sendPacket(socket, attachment);
  }

  #enqueueEvents(events: readonly OutgoingEvent[]): void {
    for (const event of events) {
      if (event.volatile && this.polling?.isPolled !== true) continue;
      this.#enqueue([event.encodedFor(SOCKET_IO_FORMAT).text, ...event.attachments], false);
    }
    this.polling?.flush();
  }

  #enqueue(packets: readonly WirePacket[], flush = true): void {
    const { polling } = this;
    if (polling === undefined) return;
    for (const packet of packets) {
      if (polling.enqueue(packet)) continue;
      this.#endSoon('slowReader');
      return;
    }
    if (flush) polling.flush();
  }

  // Heartbeat.

  ping(): void {
    const socket = this.#socket;
    if (socket === undefined) this.#enqueue([PLAIN_PACKET.ping]);
    else if (!this.#worker.router.isDeliveringLittle) socket.sendShared(PING);
    else {
      // What is on its way leaves with the ping, in one system call.
      socket.cork(() => {
        for (const session of this.sessions) session.home.delivery.catchUp(session);
        socket.sendShared(PING);
      });
    }
  }

  timedOut(): void {
    this.#worker.refusals.count('pingTimeout');
    this.end('ping timeout', CLOSE_CODE.policy);
  }

  // What the client sends.

  onFrame(socket: FrameSocket, frame: string | Buffer): void {
    if (this.#worker.router.intake.takesNow(this, socket, frame)) this.receive(frame);
  }

  onPing(socket: FrameSocket, bytes: number): void {
    this.#worker.pinged(this, socket, bytes);
  }

  onSocketClose(socket: FrameSocket): void {
    if (socket !== this.#socket) return;
    this.#worker.slowReaders.forget(socket);
    this.#socket = CUT_SOCKET;
    this.#worker.router.intake.endAfter(this);
  }

  /** Takes one packet, text or the data of a binary message. */
  receive(packet: string | Buffer): void {
    if (this.closed) return;
    if (this.#socket !== undefined || this.polling?.isPingWaiting !== true) {
      this.lastSeenTick = this.#worker.heartbeat.tick;
    }
    if (typeof packet !== 'string') {
      this.#receiveBinary(packet);
      return;
    }
    switch (packet.charCodeAt(0)) {
      case PacketCode.message:
        this.#worker.router.onText(this, packet.slice(1));
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
        this.end('transport close', CLOSE_CODE.normal);
        return;
      default:
        this.failEngine();
    }
  }

  #receiveBinary(data: Buffer | undefined): void {
    if (data === undefined) this.failEngine();
    else this.#worker.router.onBinary(this, data);
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
    this.#worker.refusals.count('protocolBroken');
    this.#end('parse error', CLOSE_CODE.policy, by);
  }

  /** A second request at the same time ends the session. */
  poll(reply: Reply): void {
    if (this.polling === undefined) reply(engineError('badRequest'));
    else if (this.polling.isPolled) {
      reply(engineError('badRequest'));
      this.end('transport error');
    } else this.polling.poll(reply);
  }

  abandonPoll(reply: Reply): void {
    if (this.polling?.abandon(reply) === true) this.#worker.router.intake.endAfter(this);
  }

  // Sessions in namespaces.

  get sessions(): readonly NamespaceSession[] {
    const others = this.#extras?.others ?? [];
    return this.#first === undefined ? others : [this.#first, ...others];
  }

  sessionIn(namespace: string): NamespaceSession | undefined {
    if (this.#first?.namespace === namespace) return this.#first;
    return this.#extras?.others?.find((session) => session.namespace === namespace);
  }

  addSession(session: NamespaceSession): void {
    if (this.#first === undefined) this.#first = session;
    else this.hold({ others: [...(this.#extras?.others ?? []), session] });
  }

  removeSession(session: CarriedSession): void {
    if (this.#first === session) this.#first = undefined;
    else this.hold({ others: this.#extras?.others?.filter((other) => other !== session) });
    if (this.sessions.length === 0) this.#worker.unjoined(this);
  }

  /** Ends the session once, whatever the cause; `code` is for a socket that is still open. */
  end(reason: DisconnectReason, code: number = CLOSE_CODE.normal): void {
    this.#end(reason, code, ENDED_BY[reason]);
  }

  #end(reason: DisconnectReason, code: number, by: EndedBy | undefined): void {
    if (this.closed) return;
    const { sessions, polling } = this;
    // What is on its way to their rooms was sent before the end.
    for (const session of sessions) session.home.delivery.catchUp(session);
    this.#worker.unregister(this);
    this.#worker.router.forget(this);
    this.slot = ENDED;
    this.#first = undefined;
    this.#extras = undefined;
    for (const session of sessions) session.home.remove(session, reason);
    if (polling !== undefined) this.#endPolling(polling, reason, by);
    if (this.#socket !== undefined) this.#endSocket(this.#socket, reason, code);
  }

  #endSocket(socket: FrameSocket, reason: DisconnectReason, code: number): void {
    const { slowReaders } = this.#worker;
    if (!slowReaders.has(socket)) socket.close(code, reason);
    else if (POLITE_ENDS.has(reason)) {
      socket.data = NO_HANDLER;
      slowReaders.closeInTime(socket, code, reason);
    } else this.#cutSocket(socket);
  }

  #endPolling(polling: PollingTransport, reason: DisconnectReason, by: EndedBy | undefined): void {
    this.#worker.pollingCount--;
    if (polling.isPolled || by === undefined) {
      polling.release(reason === 'transport close' ? PLAIN_PACKET.noop : PLAIN_PACKET.close);
    } else this.#worker.keepLastWords(polling, by);
    polling.close();
  }
}
