/**
 * The edge's side: reaches the sessions of another worker, of this node or of another.
 *
 * Requests are numbered and wait for their answer; sockets stay here as plain pipes. When the
 * owner goes, its sessions are gone with it: requests are answered so and sockets closed.
 */

import type {
  FrameHandler,
  FrameSocket,
  HttpAnswer,
  Reply,
  SessionOwner,
  SocketOffer,
} from '../../core/contracts/client-connection.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { Reason } from '../../core/limits/reasons.ts';
import type { Refusals } from '../../core/limits/refusals.ts';
import type { SlowReaders } from '../../core/limits/slow-readers.ts';
import { forEachOne } from '../../core/log/for-each-one.ts';
import { describeError, type Log } from '../../core/log/log.ts';
import { CLOSE_CODE } from '../../protocol/close-code.ts';
import type { FrameReader } from '../../protocol/frame.ts';
import { UNKNOWN_SESSION } from '../../protocol/unknown-session.ts';
import { FramedConnection } from '../ipc/framed-connection.ts';
import { EdgeReader, EdgeSocket } from './edge-socket.ts';
import { PAUSED_BY, PausedSockets } from './paused-sockets.ts';
import { FRAME_BINARY, FRAME_TEXT, PeerFrame } from './peer-frame.ts';

const LINK_FULL: HttpAnswer = { status: 503, type: 'text/plain', body: 'overloaded\n' };

/** What sockets held for other workers are bound by. */
export interface EdgeLimits {
  readonly slowReaders: SlowReaders;
  readonly refusals: Refusals;
}

/** The way to a worker. */
export interface WayToWorker {
  /** Where it is, for the log. */
  readonly name: string;
  /** Gives a link its socket; rejects when there is none to be had. */
  connect(link: FramedConnection): Promise<void>;
}

export class RemoteOwner implements SessionOwner {
  readonly #way: WayToWorker;
  readonly #log: Log;
  readonly #edge: EdgeLimits;
  #link: FramedConnection | undefined;
  #lastNumber = 0;
  readonly #replies: Map<number, Reply> = new Map();
  readonly #polls: Map<Reply, number> = new Map();
  readonly #verdicts: Map<number, (verdict: boolean) => void> = new Map();
  readonly #sockets: Map<number, FrameSocket> = new Map();
  readonly #paused: PausedSockets = new PausedSockets((number) => this.#sockets.get(number));

  constructor(way: WayToWorker, log: Log, edge: EdgeLimits) {
    this.#way = way;
    this.#log = log;
    this.#edge = edge;
  }

  /** Sockets held here for sessions of that worker. */
  get socketCount(): number {
    return this.#sockets.size;
  }

  /** The link, while there is one. */
  get link(): FramedConnection | undefined {
    return this.#link;
  }

  /** Of the latest request or socket: another number than before says that there was one since. */
  get lastNumber(): number {
    return this.#lastNumber;
  }

  /** Whether an answer is awaited or a socket held; a post that has begun is not known of. */
  get isInUse(): boolean {
    return this.#replies.size + this.#verdicts.size + this.#sockets.size > 0;
  }

  /** The keys of their connections. */
  *connections(): Generator<number> {
    for (const { data } of this.#sockets.values()) {
      if (data instanceof EdgeSocket) yield data.connection;
    }
  }

  poll(sessionId: string, reply: Reply): void {
    const number = this.#expect(reply);
    if (number === undefined) return;
    this.#polls.set(reply, number);
    this.#write(PeerFrame.poll, number, sessionId);
  }

  abandonPoll(_sessionId: string, reply: Reply): void {
    const number = this.#polls.get(reply);
    if (number === undefined) return;
    this.#forget(number);
    this.#write(PeerFrame.abandon, number);
  }

  beginPost(sessionId: string): void {
    this.#write(PeerFrame.beginPost, this.#nextNumber(), sessionId);
  }

  post(sessionId: string, body: string | undefined, reply: Reply): void {
    const number = this.#expect(reply);
    // Its owner has heard of its beginning, and would take the next for a second one.
    if (number === undefined) this.#writePost(this.#nextNumber(), sessionId, undefined);
    else this.#writePost(number, sessionId, body);
  }

  #writePost(number: number, sessionId: string, body: string | undefined): void {
    const link = this.#open();
    const writer = link.frame(PeerFrame.post).u32(number).text(sessionId);
    writer
      .u8(body === undefined ? 0 : 1)
      .text(body ?? '')
      .finish();
    link.send();
  }

  knows(sessionId: string): Promise<boolean> {
    if (this.#verdicts.size >= LIMITS.pendingForwards) return Promise.resolve(false);
    const number = this.#nextNumber();
    return new Promise((resolve) => {
      this.#verdicts.set(number, resolve);
      this.#write(PeerFrame.knows, number, sessionId);
    });
  }

  offerSocket(offer: SocketOffer): FrameHandler {
    const number = this.#nextNumber();
    this.#sockets.set(number, offer.socket);
    const link = this.#open();
    const writer = link.frame(PeerFrame.offer).u32(number).text(offer.sessionId);
    writer.u8(offer.isTextOnly ? 1 : 0).finish();
    link.send();
    return new EdgeSocket(this, number, offer.connection);
  }

  /** A socket brought a frame. */
  forward(number: number, frame: string | Buffer): void {
    const link = this.#open();
    if (link.queuedBytes > LIMITS.peerQueueBytes) {
      this.#sockets.get(number)?.close(CLOSE_CODE.restart, 'overloaded');
      return;
    }
    if (link.queuedBytes > LIMITS.ipcHighWaterBytes) this.#paused.pause(number, PAUSED_BY.link);
    const writer = link.frame(PeerFrame.frame).u32(number);
    if (typeof frame === 'string') writer.u8(FRAME_TEXT).text(frame).finish();
    else writer.u8(FRAME_BINARY).bytes(frame).finish();
    link.send();
  }

  /** A socket closed. */
  socketClosed(number: number): void {
    if (this.#forgetSocket(number) !== undefined) this.#write(PeerFrame.closed, number);
  }

  /** A socket has brought much, of which its owner is to have taken all before more is read. */
  waitUntilTaken(number: number): void {
    this.#paused.asked(number);
    this.#write(PeerFrame.askTaken, number);
  }

  #forgetSocket(number: number): FrameSocket | undefined {
    const socket = this.#sockets.get(number);
    this.#sockets.delete(number);
    this.#paused.forget(number);
    return socket;
  }

  close(): void {
    this.#link?.close();
  }

  /** Lets go of a link that is not in use; the next request opens another. */
  release(): void {
    const link = this.#link;
    this.#link = undefined;
    link?.close();
  }

  /** Numbers are 32 bits wide and come round again; those in use are passed over. */
  #nextNumber(): number {
    do {
      this.#lastNumber = (this.#lastNumber + 1) % 2 ** 32;
    } while (
      this.#replies.has(this.#lastNumber) ||
      this.#verdicts.has(this.#lastNumber) ||
      this.#sockets.has(this.#lastNumber)
    );
    return this.#lastNumber;
  }

  #open(): FramedConnection {
    if (this.#link !== undefined) return this.#link;
    const link = new FramedConnection(
      {
        onFrame: (_link, frame) => this.#onFrame(frame),
        onFault: (_link, fault) => this.#failed(fault),
        onClose: (_link, fault) => this.#lost(link, fault),
        onDrain: () => this.#paused.resumeAll(PAUSED_BY.link),
      },
      LIMITS.ipcFrameBytes,
    );
    this.#link = link;
    this.#way.connect(link).catch((error: unknown) => this.#lost(link, error));
    return link;
  }

  #expect(reply: Reply): number | undefined {
    const isFull = this.#replies.size >= LIMITS.pendingForwards;
    if (isFull || this.#open().queuedBytes > LIMITS.peerQueueBytes) {
      reply.answer(LINK_FULL);
      return undefined;
    }
    const number = this.#nextNumber();
    this.#replies.set(number, reply);
    return number;
  }

  #write(type: number, number: number, sessionId?: string): void {
    const link = this.#open();
    const writer = link.frame(type).u32(number);
    if (sessionId !== undefined) writer.text(sessionId);
    writer.finish();
    link.send();
  }

  #onFrame(frame: FrameReader): void {
    switch (frame.type) {
      case PeerFrame.answer:
        this.#answer(frame.u32(), { status: frame.u32(), type: frame.text(), body: frame.text() });
        return;
      case PeerFrame.verdict: {
        const number = frame.u32();
        this.#verdicts.get(number)?.(frame.u8() === 1);
        this.#verdicts.delete(number);
        return;
      }
      case PeerFrame.send:
        this.#send(frame);
        return;
      case PeerFrame.close: {
        const number = frame.u32();
        const socket = this.#forgetSocket(number);
        if (socket !== undefined) this.#closeSocket(socket, frame.u32(), frame.text());
        return;
      }
      case PeerFrame.reading:
        this.#setReading(frame.u32(), frame.u8() === 1);
        return;
      case PeerFrame.taken:
        this.#paused.answered(frame.u32());
        return;
      case PeerFrame.terminate: {
        const number = frame.u32();
        const socket = this.#forgetSocket(number);
        if (socket !== undefined) this.#cut(socket);
        return;
      }
    }
  }

  /** The owner has its client wait, or no longer. */
  #setReading(number: number, isReading: boolean): void {
    if (isReading) this.#paused.resume(number, PAUSED_BY.owner);
    else this.#paused.pause(number, PAUSED_BY.owner);
  }

  #send(frame: FrameReader): void {
    const data: (string | Buffer)[] = [];
    for (let left = frame.u32(); left > 0; left--) {
      data.push(frame.u8() === FRAME_TEXT ? frame.text() : frame.bytes());
    }
    for (let left = frame.u32(); left > 0; left--) {
      const number = frame.u32();
      const sent = data[frame.u32()] as string | Buffer;
      const socket = this.#sockets.get(number);
      if (socket === undefined) continue;
      const taken = socket.send(sent);
      if (taken > 0 || sent.length === 0) continue;
      const reader = new EdgeReader(this, number, socket);
      if (taken < 0) this.#edge.slowReaders.wait(socket, reader, sent.length);
      else reader.letGo();
    }
  }

  #closeSocket(socket: FrameSocket, code: number, reason: string): void {
    const { slowReaders } = this.#edge;
    if (slowReaders.has(socket)) slowReaders.closeInTime(socket, code, reason);
    else socket.close(code, reason);
  }

  /** What waits for the client stays in memory until its socket is closed for good. */
  #cut(socket: FrameSocket): void {
    this.#edge.slowReaders.forget(socket);
    socket.terminate();
  }

  /** Something waits for the client of a socket that its owner has not sent. */
  waitFor(number: number, socket: FrameSocket): void {
    this.#edge.slowReaders.wait(socket, new EdgeReader(this, number, socket), 0);
  }

  /** The client of a socket does not read: its owner hears that it is gone. */
  cutSlow(number: number, socket: FrameSocket, reason: Reason | undefined): void {
    if (reason !== undefined) this.#edge.refusals.count(reason);
    this.#cut(socket);
    this.socketClosed(number);
  }

  #failed(fault: unknown): void {
    this.#log.error('a frame of another worker was refused', { error: describeError(fault) });
  }

  #answer(number: number, answer: HttpAnswer): void {
    const reply = this.#replies.get(number);
    this.#forget(number);
    reply?.answer(answer);
  }

  #forget(number: number): void {
    const reply = this.#replies.get(number);
    this.#replies.delete(number);
    if (reply !== undefined) this.#polls.delete(reply);
  }

  #lost(link: FramedConnection, fault: unknown): void {
    if (this.#link !== link) return;
    this.#log.debug('the link to another worker ended', {
      worker: this.#way.name,
      error: fault instanceof Error ? fault.message : 'closed',
    });
    this.#link = undefined;
    const replies = [...this.#replies.values()];
    const verdicts = [...this.#verdicts.values()];
    const sockets = [...this.#sockets.values()];
    this.#replies.clear();
    this.#polls.clear();
    this.#verdicts.clear();
    this.#sockets.clear();
    this.#paused.clear();
    const failed = (failure: unknown): void => this.#failed(failure);
    forEachOne(replies, (reply) => reply.answer(UNKNOWN_SESSION), failed);
    forEachOne(verdicts, (verdict) => verdict(false), failed);
    forEachOne(sockets, (socket) => socket.close(CLOSE_CODE.restart, 'worker gone'), failed);
  }
}
