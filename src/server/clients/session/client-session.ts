/**
 * One client: its connection by long-polling, a WebSocket or a stream, with its sessions in
 * namespaces.
 *
 * It owns the transport and the end; what the client speaks is the business of the kinds of client,
 * which are derived from it. A client that sits idle on a WebSocket costs one of these and one
 * `NamespaceSession`: what matters only for a moment (`Extras`) is not there then.
 */

import type { DisconnectReason, TransportName } from '../../core/app/app.ts';
import type { CarriedSession, Carrier } from '../../core/contracts/carrier.ts';
import type {
  FrameHandler,
  FrameSocket,
  Reply,
  SocketOffer,
} from '../../core/contracts/client-connection.ts';
import type { OutgoingEvent, SharedText } from '../../core/contracts/outgoing-event.ts';
import type { RateKind } from '../../core/limits/client-rates.ts';
import type { Holder } from '../../core/limits/memory-budget.ts';
import type { Reason } from '../../core/limits/reasons.ts';
import type { Reader } from '../../core/limits/slow-readers.ts';
import type { NamespaceSession } from '../../core/sessions/namespace-session.ts';
import { CLOSE_CODE } from '../../protocol/close-code.ts';
import type { JsonObject } from '../../protocol/socketio-packet.ts';
import type { WirePacket } from '../../protocol/wire-packet.ts';
import type { ClientHome, ClientMember } from './client-home.ts';
import type { ComebackWish } from './comebacks.ts';
import { CUT_SOCKET, NO_HANDLER } from './cut-socket.ts';
import { ENDED_BY, POLITE_ENDS } from './ends.ts';
import type { JoinFacts, JoinRefusal } from './join-words.ts';
import type { EndedBy } from './last-words.ts';
import type { PollingTransport } from './polling-transport.ts';
import {
  afterJoining,
  changed,
  type Extras,
  type HandshakeSource,
  type Joining,
  type KeptHandshake,
  packedHandshake,
  type TakeAuth,
  unpackedHandshake,
} from './session-extras.ts';

/** The slot of a session that is over. */
const ENDED = -2;

export abstract class ClientSession implements Carrier, FrameHandler, ClientMember, Holder, Reader {
  protected readonly home: ClientHome<ClientSession>;
  slot = -1;
  heartbeatSlot = -1;
  heartbeatPlace = -1;
  lastSeenTick = 0;
  protected socket: FrameSocket | undefined;
  /** The session in the namespace joined first; most clients join no other. */
  #first: NamespaceSession | undefined;
  #extras: Extras | undefined;

  constructor(home: ClientHome<ClientSession>, handshake: HandshakeSource) {
    this.home = home;
    this.#extras = { handshake };
  }

  // What the client speaks.

  /** Tells the client that it has joined a namespace. */
  abstract tellJoined(session: NamespaceSession, facts: JoinFacts): void;
  /** What the client presents of a session that it had before. @param auth of its CONNECT */
  abstract wishOf(auth: JsonObject): ComebackWish;
  /** Tells the client that it may not join a namespace. */
  abstract tellNotJoined(namespace: string, refusal: JoinRefusal): void;
  abstract endSession(session: CarriedSession): void;
  /** Asks for a new token within this time. @param take takes what comes as an answer to that */
  abstract askToRefresh(session: NamespaceSession, withinMs: number, take: TakeAuth): void;
  /** Ends a session that brought none, and tells the client why. */
  abstract expire(session: NamespaceSession): void;
  /** Sends an event over a socket; nothing of it may be left out. */
  protected abstract sendEvent(socket: FrameSocket, event: OutgoingEvent): void;
  /** What stands in the queue of a client that polls for an event. */
  protected abstract packetsOf(event: OutgoingEvent): readonly WirePacket[];
  protected abstract sendPacket(socket: FrameSocket, packet: WirePacket): void;
  /** What a client that polls is told last. */
  protected abstract farewell(reason: DisconnectReason): WirePacket;
  /** Takes one packet, text or the data of a binary message. */
  abstract receive(packet: string | Buffer): void;
  /** Passes over a packet of a client that sends far too much, and tells it so. */
  abstract refuseInput(packet: string | Buffer): void;
  /** What a packet counts as. */
  abstract kindOf(packet: string | Buffer): RateKind;
  /** A packet without a meaning, of which nothing but its place in the order is of interest. */
  abstract readonly noop: string | Buffer;
  /** The client broke the protocol of sessions; it may ask once more for what waits for it. */
  abstract fail(): void;
  /** What the client sends is not understood at all. */
  abstract failEngine(): void;
  abstract ping(): void;
  /** The id by which requests name it; `undefined` where none does. */
  abstract get requestId(): string | undefined;
  /** Rooms that the client asked for with its first request. */
  abstract get wantedRooms(): readonly string[];
  /** Whether the client may leave and join again, or join more namespaces. */
  abstract readonly joinsAgain: boolean;

  // What requests bring that name it. Each answers by `reply`, once.

  /** @param id as the request has it, perhaps with more behind the id proper */
  abstract poll(id: string, reply: Reply): void;
  abstract abandonPoll(reply: Reply): void;
  abstract beginPost(): void;
  abstract post(body: string | undefined, reply: Reply): void;
  abstract takeSocket(offer: SocketOffer): FrameHandler | undefined;

  /** What it keeps beside what is seen here: packets that are not whole. */
  protected keptBytes(): number {
    return 0;
  }

  /** Forgets that. */
  protected forgetKept(): void {}

  // What it holds at times.

  get closed(): boolean {
    return this.slot === ENDED;
  }

  protected get extras(): Extras | undefined {
    return this.#extras;
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
    return this.socket === undefined ? 'polling' : this.socketTransport(this.socket);
  }

  get sinceMs(): number {
    return this.home.sinceMs(this);
  }

  protected socketTransport(_socket: FrameSocket): TransportName {
    return 'websocket';
  }

  protected count(more: number): void {
    const { transport } = this;
    if (transport !== 'websocket') this.home.counts[transport] += more;
  }

  // Carrier: what the core sends.

  deliver(events: readonly OutgoingEvent[]): void {
    const socket = this.socket;
    if (socket === undefined) this.#enqueueEvents(events);
    else if (events.length === 1) this.#sendEvent(socket, events[0] as OutgoingEvent);
    else this.#corked(socket, () => events.forEach((event) => this.#sendEvent(socket, event)));
  }

  close(): void {
    for (const session of this.sessions) session.disconnect();
    this.end('server namespace disconnect', CLOSE_CODE.normal);
  }

  clientMoved(): void {
    this.end('transport close', CLOSE_CODE.policy);
  }

  /** Sends packets in order, binary data as messages of their own. */
  send(packets: readonly WirePacket[]): void {
    const socket = this.socket;
    if (socket === undefined) this.enqueue(packets);
    else for (const packet of packets) this.sendPacket(socket, packet);
  }

  /** Notes what became of bytes that were sent. */
  protected sent(socket: FrameSocket, sent: number, length: number): void {
    if (sent > 0 || length === 0) return;
    if (sent < 0) this.home.slowReaders.wait(socket, this, length);
    else this.#endSoon('memoryBudget');
  }

  #sendEvent(socket: FrameSocket, event: OutgoingEvent): void {
    if (event.volatile && socket.getBufferedAmount() > 0) return;
    this.sendEvent(socket, event);
  }

  #enqueueEvents(events: readonly OutgoingEvent[]): void {
    for (const event of events) {
      if (event.volatile && this.polling?.isPolled !== true) continue;
      this.enqueue(this.packetsOf(event), false);
    }
    this.polling?.flush();
  }

  protected enqueue(packets: readonly WirePacket[], flush = true): void {
    const { polling } = this;
    if (polling === undefined) return;
    for (const packet of packets) {
      if (polling.enqueue(packet)) continue;
      this.#endSoon('slowReader');
      return;
    }
    if (flush) polling.flush();
  }

  /** Pings, and takes along what is on its way, in one system call. */
  protected pingSocket(socket: FrameSocket, ping: SharedText): void {
    this.#corked(socket, () => {
      for (const session of this.sessions) session.home.delivery.catchUp(session);
      socket.sendShared(ping);
    });
  }

  /** What leaves together may have to wait together. */
  #corked(socket: FrameSocket, callback: () => void): void {
    socket.cork(callback);
    const waitingBytes = socket.getBufferedAmount();
    if (waitingBytes === 0 || this.home.slowReaders.has(socket)) return;
    this.sent(socket, -1, waitingBytes);
  }

  // Limits.

  /** Ends the session after the call: who delivers is walking the room. */
  #endSoon(reason: Reason): void {
    queueMicrotask(() => {
      if (this.closed) return;
      this.home.refusals.count(reason);
      this.end('transport error', CLOSE_CODE.policy);
    });
  }

  readsTooSlowly(): void {
    this.home.refusals.count('slowReader');
    this.end('transport error', CLOSE_CODE.policy);
  }

  timedOut(): void {
    this.home.refusals.count('pingTimeout');
    this.end('ping timeout', CLOSE_CODE.policy);
  }

  heldBytes(): number {
    const own = (this.polling?.heldBytes ?? 0) + this.keptBytes();
    const joining = [...(this.joining?.values() ?? [])];
    const asking = joining.reduce((sum, { bytes, nextBytes }) => sum + bytes + nextBytes, own);
    const all = this.sessions.reduce((sum, session) => sum + session.heldBytes(), asking);
    return all + this.home.intake.heldBytes(this);
  }

  /** What waits is gone now; the app hears of the end after the call. */
  letGo(): void {
    if (this.socket !== undefined) {
      this.count(-1);
      this.#cutSocket(this.socket);
    }
    this.polling?.close();
    this.#forgetInput();
    queueMicrotask(() => this.end('transport error', CLOSE_CODE.policy));
  }

  #forgetInput(): void {
    this.forgetKept();
    this.home.intake.forget(this);
  }

  /** What waits for a socket stays in memory until it is closed for good. */
  #cutSocket(socket: FrameSocket): void {
    this.socket = CUT_SOCKET;
    this.home.slowReaders.forget(socket);
    socket.data = NO_HANDLER;
    socket.terminate();
  }

  // What the client sends.

  onFrame(socket: FrameSocket, frame: string | Buffer): void {
    if (this.home.intake.takesNow(this, socket, frame)) this.receive(frame);
  }

  onPing(socket: FrameSocket, bytes: number): void {
    this.home.pinged(this, socket, bytes);
  }

  onSocketClose(socket: FrameSocket): void {
    if (socket !== this.socket) return;
    this.home.slowReaders.forget(socket);
    this.count(-1);
    this.socket = CUT_SOCKET;
    this.home.intake.endAfter(this);
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
    if (this.sessions.length === 0) this.home.unjoined(this);
  }

  // The end.

  /** Ends the session once, whatever the cause; `code` is for a socket that is still open. */
  end(reason: DisconnectReason, code: number = CLOSE_CODE.normal): void {
    this.endFor(reason, code, ENDED_BY[reason]);
  }

  protected endFor(reason: DisconnectReason, code: number, by: EndedBy | undefined): void {
    if (this.closed) return;
    const { sessions, polling } = this;
    // What is on its way to their rooms was sent before the end.
    for (const session of sessions) session.home.delivery.catchUp(session);
    this.home.unregister(this);
    this.#forgetInput();
    this.slot = ENDED;
    if (polling !== undefined || this.socket !== undefined) this.count(-1);
    this.#first = undefined;
    this.#extras = undefined;
    for (const session of sessions) session.home.remove(session, reason);
    if (polling !== undefined) this.#endPolling(polling, reason, by);
    if (this.socket !== undefined) this.#endSocket(this.socket, reason, code);
  }

  #endSocket(socket: FrameSocket, reason: DisconnectReason, code: number): void {
    const { slowReaders } = this.home;
    this.bidFarewell(socket, reason, code);
    if (!slowReaders.has(socket)) socket.close(code, reason);
    else if (POLITE_ENDS.has(reason)) {
      socket.data = NO_HANDLER;
      slowReaders.closeInTime(socket, code, reason);
    } else this.#cutSocket(socket);
  }

  /** Says what is to be said before a socket is closed. */
  protected bidFarewell(_socket: FrameSocket, _reason: DisconnectReason, _code: number): void {}

  #endPolling(polling: PollingTransport, reason: DisconnectReason, by: EndedBy | undefined): void {
    const farewell = this.farewell(reason);
    if (!polling.isPolled && by !== undefined) {
      this.home.keepLastWords(polling, farewell, by);
      return;
    }
    polling.release(farewell);
    polling.close();
  }
}
