/**
 * Long-polling of one session: packets wait here until a request asks for them. How an answer is
 * written is the business of the kinds of client.
 *
 * What waits counts against the memory budget, and so does a long answer until its client asks
 * again, for only then it has surely read it. A client is too slow when more than
 * `maxBackpressureBytes` has waited for longer than `backpressureTimeoutMs`: what was said since
 * its last poll, however much, it may not have had the time to ask for.
 *
 * Exists only while a session polls; an upgrade to WebSocket drops it with its queue.
 */

import type { HttpAnswer, Reply } from '../../core/contracts/client-connection.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { MemoryBudget } from '../../core/limits/memory-budget.ts';
import type { SlowReaderSettings } from '../../core/limits/slow-readers.ts';
import { PLAIN_PACKET } from '../../protocol/engine-packet.ts';
import type { WirePacket } from '../../protocol/wire-packet.ts';

/** What a transport needs of its worker. */
export interface PollingHome {
  readonly heartbeat: { readonly clockMs: number };
  readonly settings: SlowReaderSettings;
  readonly budget: MemoryBudget;
}

export abstract class PollingTransport {
  readonly sessionId: string;
  readonly #home: PollingHome;
  /** The probe of a WebSocket that has been offered; there can be only one. */
  probe: object | undefined;
  /** A request with packets is on its way; a second one would overtake it. */
  isPosting = false;
  /** A ping waits to be fetched: what the client sends until then is no answer to it. */
  isPingWaiting = false;
  /** Since when no poll waits, in the worker's own time; of no meaning while one does. */
  awaySinceMs: number;
  /** How often the client has asked. */
  polls = 0;
  /** None is there for most of the time. */
  #queue: WirePacket[] | undefined;
  #queueBytes = 0;
  /** Of an answer that its client may not have read yet. */
  #unreadBytes = 0;
  /** Since when more waits than may for long, by `performance.now()`; 0 when it does not. */
  #tooMuchSinceMs = 0;
  #waiting: Reply | undefined;
  #isClosed = false;

  constructor(sessionId: string, home: PollingHome) {
    this.sessionId = sessionId;
    this.#home = home;
    this.awaySinceMs = home.heartbeat.clockMs;
  }

  /** The answer with these packets. */
  abstract answerOf(packets: readonly WirePacket[]): HttpAnswer;
  /** The answer to a POST that came after the end of the session. */
  abstract readonly lateAnswer: HttpAnswer;
  /** Whether the body of a POST says that the client goes. */
  abstract isGoodbye(body: string | undefined): boolean;

  /** Answers up to so long are not counted until their client asks again. */
  protected get freeAnswerBytes(): number {
    return LIMITS.pollAnswerFreeBytes;
  }

  /** What waits for the client to ask. */
  get queuedBytes(): number {
    return this.#queueBytes;
  }

  /** With what has been answered and may not have been read. */
  get heldBytes(): number {
    return this.#queueBytes + this.#unreadBytes;
  }

  get isPolled(): boolean {
    return this.#waiting !== undefined;
  }

  /** No request of its client is under way, nor a socket that it would move to. */
  get isAway(): boolean {
    return this.#waiting === undefined && !this.isPosting && this.probe === undefined;
  }

  /** A request waits for packets. The caller has made sure that none does yet. */
  poll(reply: Reply): void {
    this.#waiting = reply;
    this.polls++;
    this.#setUnread(0);
    this.flush();
  }

  /** Its client has gone. @returns whether it was this request that waited */
  abandon(reply: Reply): boolean {
    if (!this.stopWaiting(reply)) return false;
    this.close();
    return true;
  }

  /** A request is gone that may be repeated. @returns whether it was this one that waited */
  stopWaiting(reply: Reply): boolean {
    if (this.#waiting !== reply) return false;
    this.takeReply();
    return true;
  }

  /**
   * Queues packets; `flush` hands them to the request that waits.
   *
   * @returns false when the client has let too much wait for too long
   */
  enqueue(packet: WirePacket): boolean {
    if (this.#isClosed) return true;
    const bytes = packet.length + LIMITS.packetOverheadBytes;
    this.#queue ??= [];
    this.#queue.push(packet);
    this.#queueBytes += bytes;
    this.isPingWaiting ||= packet === PLAIN_PACKET.ping;
    this.#home.budget.take(bytes);
    return this.#queueBytes <= this.#home.settings.maxBackpressureBytes || !this.#isTooSlow();
  }

  #isTooSlow(): boolean {
    const nowMs = performance.now();
    if (this.#tooMuchSinceMs === 0) this.#tooMuchSinceMs = nowMs;
    return nowMs - this.#tooMuchSinceMs > this.#home.settings.backpressureTimeoutMs;
  }

  flush(): void {
    const reply = this.#waiting;
    const queue = this.#queue;
    if (reply === undefined || queue === undefined) return;
    const isAll = this.#queueBytes <= LIMITS.pollAnswerBytes;
    const count = isAll ? queue.length : packetsOfAnswer(queue);
    const answer = this.answerOf(isAll ? queue : queue.slice(0, count));
    // Nothing is forgotten before there is an answer to give.
    this.takeReply(answer.body.length);
    this.takeQueue();
    for (let at = count; at < queue.length; at++) this.enqueue(queue[at] as WirePacket);
    if (answer.body.length > this.freeAnswerBytes) this.#setUnread(answer.body.length);
    reply.answer(answer);
  }

  /** Answers the request that waits, if any, with one packet. Nothing is queued while one waits. */
  release(packet: WirePacket): void {
    this.takeReply()?.answer(this.answerOf([packet]));
  }

  /**
   * Nothing waits any more.
   *
   * @param bytes of the answer, which a slow link may take a while to bring to the client
   */
  protected takeReply(bytes = 0): Reply | undefined {
    const reply = this.#waiting;
    this.#waiting = undefined;
    const onTheWayMs = Math.min(LIMITS.unpolledMs, bytes / LIMITS.slowLinkBytesPerMs);
    this.awaySinceMs = this.#home.heartbeat.clockMs + onTheWayMs;
    return reply;
  }

  get isEmpty(): boolean {
    return this.#queue === undefined;
  }

  takeQueue(): WirePacket[] {
    const queue = this.#queue ?? [];
    this.#home.budget.give(this.#queueBytes);
    this.#setUnread(0);
    this.#queue = undefined;
    this.#queueBytes = 0;
    this.isPingWaiting = false;
    this.#tooMuchSinceMs = 0;
    return queue;
  }

  /** Puts packets in front of those that wait. */
  protected putBack(packets: readonly WirePacket[]): void {
    const later = this.takeQueue();
    for (const packet of [...packets, ...later]) this.enqueue(packet);
  }

  #setUnread(bytes: number): void {
    const more = bytes - this.#unreadBytes;
    if (more === 0) return;
    this.#unreadBytes = bytes;
    if (more > 0) this.#home.budget.take(more);
    else this.#home.budget.give(-more);
  }

  /** Forgets what waits, and takes no more. */
  close(): void {
    this.#isClosed = true;
    this.takeQueue();
  }
}

/** How many packets one answer takes: one at least, and no more bytes than may be. */
export function packetsOfAnswer(packets: readonly WirePacket[]): number {
  let bytes = 0;
  const isFull = (packet: WirePacket, at: number): boolean => {
    bytes += packet.length;
    return at > 0 && bytes > LIMITS.pollAnswerBytes;
  };
  const count = packets.findIndex(isFull);
  return count === -1 ? packets.length : count;
}
