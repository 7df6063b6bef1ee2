/**
 * The owner's side: lets other workers, of this node and of others, reach the sessions of this one.
 *
 * Each edge has one connection. A socket that an edge holds looks like any other socket to the
 * session. What is sent to sockets of one edge in one turn is one frame, in which the same data,
 * as a broadcast sends it to many, stands once.
 */

import type {
  FrameHandler,
  FrameSocket,
  HttpAnswer,
  Reply,
  SessionOwner,
  SocketData,
} from '../../core/contracts/client-connection.ts';
import type { SharedText } from '../../core/contracts/outgoing-event.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { forEachOne } from '../../core/log/for-each-one.ts';
import { describeError, type Log } from '../../core/log/log.ts';
import { CLOSE_CODE } from '../../protocol/close-code.ts';
import type { FrameReader } from '../../protocol/frame.ts';
import { FramedConnection } from '../ipc/framed-connection.ts';
import { LastingListener } from '../ipc/lasting-listener.ts';
import { LinkShares } from './link-shares.ts';
import { FRAME_BINARY, FRAME_TEXT, PeerFrame } from './peer-frame.ts';
import { SaidOnce } from './said-once.ts';

const TOO_LARGE: HttpAnswer = { status: 500, type: 'text/plain', body: 'too large\n' };

/** Data of one frame, beyond which the next begins: far below what a frame may hold. */
const FRAME_FULL_BYTES = 1_048_576;

/** What listens for other workers, see `LastingListener`. */
export type PeerListener = Pick<LastingListener, 'look' | 'stop'>;

/** Listens for other workers of this node. */
export function servePeers(path: string, owner: SessionOwner, log: Log): PeerListener {
  return new LastingListener(path, () => edgeLink(owner, log));
}

/**
 * The owner's end of the link of one edge, without a socket yet.
 *
 * @param onClosed is called once, when it has ended
 */
export function edgeLink(owner: SessionOwner, log: Log, onClosed?: EdgeClosed): FramedConnection {
  return new EdgeConnection(owner, log, onClosed).link;
}

type EdgeClosed = (link: FramedConnection) => void;

/** Hears the answer to a request that is gone. */
const NOBODY: Reply = { answer: () => {} };

interface Poll {
  readonly sessionId: string;
  readonly reply: Reply;
}

class EdgeConnection {
  readonly link: FramedConnection;
  readonly #owner: SessionOwner;
  readonly #log: Log;
  /** Requests that wait for packets: whom to tell when the client gives up. */
  readonly #polls: Map<number, Poll> = new Map();
  /** Sessions with a post that has begun. */
  readonly #posting: Set<string> = new Set();
  readonly #sockets: Map<number, TunnelSocket> = new Map();
  /** What this turn sends, and pairs of a socket and the place of its data. */
  #said: SaidOnce = new SaidOnce();
  /** Of those who send while the edge is behind. */
  readonly #shares: LinkShares;
  #sends: number[] = [];

  constructor(owner: SessionOwner, log: Log, onClosed?: EdgeClosed) {
    this.#owner = owner;
    this.#log = log;
    this.link = new FramedConnection(
      {
        onFrame: (_link, frame) => this.#onFrame(frame),
        onFault: (_link, fault) => this.#refused(fault),
        onClose: (link) => {
          this.#lost();
          onClosed?.(link);
        },
        onDrain: () => this.#shares.clear(),
      },
      LIMITS.ipcFrameBytes,
    );
    this.#shares = new LinkShares(this.link);
  }

  /** Bytes that wait for the edge. */
  get queuedBytes(): number {
    return this.link.queuedBytes + this.#said.length;
  }

  get isBehind(): boolean {
    return this.queuedBytes > LIMITS.ipcHighWaterBytes;
  }

  /** Bytes that wait for the edge on behalf of one socket; 0 while the edge keeps up. */
  waitingBytes(number: number): number {
    return this.isBehind ? this.#shares.waiting(number) : 0;
  }

  /**
   * Sends to a socket of this edge, at the end of the turn.
   *
   * @returns bytes, −1 when they have to wait, 0 when they are too many
   */
  send(number: number, data: string | Uint8Array): number {
    const { isBehind } = this;
    if (isBehind && this.#isTooMuch(number)) return 0;
    const before = this.#said.length;
    if (this.#sends.length === 0) queueMicrotask(() => this.#flushSends());
    this.#sends.push(number, this.#said.placeOf(data));
    // What is said to many stands there once, on behalf of the first.
    const bytes = this.#said.length - before;
    const hasToWait = isBehind && bytes > 0;
    if (hasToWait) this.#shares.add(number, bytes);
    if (this.#said.length > FRAME_FULL_BYTES) this.#flushSends();
    return hasToWait ? -1 : data.length;
  }

  /** One that has much in a long queue is refused, and not whoever sends next. */
  #isTooMuch(number: number): boolean {
    const { queuedBytes } = this;
    if (queuedBytes <= LIMITS.peerQueueBytes / 2) return false;
    const isLarge = this.#shares.waiting(number) > LIMITS.peerShareBytes;
    return isLarge || queuedBytes > LIMITS.peerQueueBytes;
  }

  closeSocket(number: number, code: number, reason: string): void {
    if (!this.#sockets.delete(number)) return;
    this.#flushSends();
    this.link.frame(PeerFrame.close).u32(number).u32(code).text(reason).finish();
    this.link.send();
  }

  terminateSocket(number: number): void {
    if (!this.#sockets.delete(number)) return;
    this.link.frame(PeerFrame.terminate).u32(number).finish();
    this.link.send();
  }

  /** Has the edge read a socket, or let its client wait. */
  setReading(number: number, isReading: boolean): void {
    if (!this.#sockets.has(number)) return;
    this.link
      .frame(PeerFrame.reading)
      .u32(number)
      .u8(isReading ? 1 : 0)
      .finish();
    this.link.send();
  }

  #flushSends(): void {
    const { data } = this.#said;
    const sends = this.#sends;
    if (sends.length === 0) return;
    this.#said = new SaidOnce();
    this.#sends = [];
    try {
      this.#writeSends(data, sends);
    } catch {
      this.#sendOneByOne(data, sends);
    }
  }

  /** What cannot be passed on must not take the rest with it; who misses something is ended. */
  #sendOneByOne(data: readonly (string | Uint8Array)[], sends: readonly number[]): void {
    for (let at = 0; at < sends.length; at += 2) {
      const number = sends[at] as number;
      const socket = this.#sockets.get(number);
      if (socket === undefined) continue;
      try {
        this.#writeSends([data[sends[at + 1] as number] as string | Uint8Array], [number, 0]);
      } catch (fault) {
        this.#log.error('a message of a session was too large to be passed on', {
          error: describeError(fault),
        });
        this.closeSocket(number, CLOSE_CODE.policy, 'message too large');
        queueMicrotask(() => socket.closed());
      }
    }
  }

  /** @throws RangeError when it is more than a frame holds */
  #writeSends(data: readonly (string | Uint8Array)[], sends: readonly number[]): void {
    const writer = this.link.frame(PeerFrame.send).u32(data.length);
    for (const one of data) {
      if (typeof one === 'string') writer.u8(FRAME_TEXT).text(one);
      else writer.u8(FRAME_BINARY).bytes(one);
    }
    writer.u32(sends.length / 2);
    for (const number of sends) writer.u32(number);
    writer.finish();
    this.link.send();
  }

  #onFrame(frame: FrameReader): void {
    const number = frame.u32();
    switch (frame.type) {
      case PeerFrame.poll:
        this.#poll(number, frame.text());
        return;
      case PeerFrame.abandon: {
        const poll = this.#polls.get(number);
        this.#polls.delete(number);
        if (poll !== undefined) this.#owner.abandonPoll(poll.sessionId, poll.reply);
        return;
      }
      case PeerFrame.beginPost:
        this.#beginPost(frame.text());
        return;
      case PeerFrame.post: {
        const sessionId = frame.text();
        const isWhole = frame.u8() === 1;
        this.#posting.delete(sessionId);
        this.#owner.post(sessionId, isWhole ? frame.text() : undefined, this.#answerTo(number));
        return;
      }
      case PeerFrame.knows: {
        const verdict = this.#owner.knows(frame.text()) === true ? 1 : 0;
        this.link.frame(PeerFrame.verdict).u32(number).u8(verdict).finish();
        this.link.send();
        return;
      }
      case PeerFrame.offer:
        this.#offer(number, frame.text(), frame.u8() === 1);
        return;
      case PeerFrame.frame:
        this.#receive(number, frame);
        return;
      case PeerFrame.askTaken:
        this.link.frame(PeerFrame.taken).u32(number).finish();
        this.link.send();
        return;
      case PeerFrame.closed: {
        const socket = this.#sockets.get(number);
        this.#sockets.delete(number);
        socket?.closed();
        return;
      }
    }
  }

  #poll(number: number, sessionId: string): void {
    const answer = this.#answerTo(number);
    const reply: Reply = {
      answer: (given) => {
        this.#polls.delete(number);
        answer.answer(given);
      },
    };
    this.#polls.set(number, { sessionId, reply });
    this.#owner.poll(sessionId, reply);
  }

  #beginPost(sessionId: string): void {
    this.#posting.add(sessionId);
    this.#owner.beginPost(sessionId);
  }

  #answerTo(number: number): Reply {
    return { answer: (given) => this.#answer(number, given) };
  }

  #answer(number: number, given: HttpAnswer): void {
    try {
      this.#writeAnswer(number, given);
    } catch (fault) {
      // Whoever asked must hear something, or would wait for as long as the session lives.
      this.#log.error('an answer was too large to be passed on', { error: describeError(fault) });
      this.#writeAnswer(number, TOO_LARGE);
    }
    this.link.send();
  }

  /** @throws RangeError when it is more than a frame holds */
  #writeAnswer(number: number, { status, type, body }: HttpAnswer): void {
    const writer = this.link.frame(PeerFrame.answer).u32(number).u32(status);
    writer.text(type).text(body).finish();
  }

  readonly #refused = (fault: unknown): void =>
    this.#log.error('a frame of another worker was refused', { error: describeError(fault) });

  #offer(number: number, sessionId: string, isTextOnly: boolean): void {
    const socket = new TunnelSocket(this, number);
    this.#sockets.set(number, socket);
    const handler = this.#owner.offerSocket({
      sessionId,
      socket,
      connection: 0,
      isTextOnly,
    });
    if (handler === undefined) this.closeSocket(number, CLOSE_CODE.policy, 'no socket is taken');
    else socket.data = handler;
  }

  #receive(number: number, frame: FrameReader): void {
    const isText = frame.u8() === FRAME_TEXT;
    // A copy, since a view keeps all that was read with it.
    this.#sockets.get(number)?.receive(isText ? frame.text() : Buffer.from(frame.bytes()));
  }

  #lost(): void {
    const polls = [...this.#polls.values()];
    const posting = [...this.#posting];
    const sockets = [...this.#sockets.values()];
    this.#polls.clear();
    this.#posting.clear();
    this.#sockets.clear();
    const abandon = ({ sessionId, reply }: Poll): void => this.#owner.abandonPoll(sessionId, reply);
    const breakOff = (sessionId: string): void => this.#owner.post(sessionId, undefined, NOBODY);
    forEachOne(polls, abandon, this.#refused);
    forEachOne(posting, breakOff, this.#refused);
    forEachOne(sockets, (socket) => socket.closed(), this.#refused);
  }
}

/** A client's WebSocket that another worker holds. */
class TunnelSocket implements FrameSocket {
  data: SocketData;
  readonly #edge: EdgeConnection;
  readonly #number: number;

  constructor(edge: EdgeConnection, number: number) {
    this.#edge = edge;
    this.#number = number;
    this.data = NO_HANDLER;
  }

  send(frame: string | Uint8Array): number {
    return this.#edge.send(this.#number, frame);
  }

  /** What goes to many stands once in a frame of the edge, see `SaidOnce`. */
  sendShared({ text }: SharedText): number {
    return this.send(text);
  }

  cork(callback: () => void): void {
    callback();
  }

  close(code: number = CLOSE_CODE.normal, reason = ''): void {
    this.#edge.closeSocket(this.#number, code, reason);
  }

  terminate(): void {
    this.#edge.terminateSocket(this.#number);
  }

  getBufferedAmount(): number {
    return this.#edge.isBehind ? Math.max(1, this.#edge.waitingBytes(this.#number)) : 0;
  }

  pause(): void {
    this.#edge.setReading(this.#number, false);
  }

  resume(): void {
    this.#edge.setReading(this.#number, true);
  }

  receive(frame: string | Buffer): void {
    if ('onFrame' in this.data) this.data.onFrame(this, frame);
  }

  closed(): void {
    if ('onFrame' in this.data) this.data.onSocketClose(this);
  }
}

const NO_HANDLER: FrameHandler = {
  onFrame: () => {},
  onSocketClose: () => {},
};
