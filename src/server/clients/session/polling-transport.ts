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
import type { WirePacket } from '../../protocol/wire-packet.ts';
import { NO_SOURCE } from '../source/source-keys.ts';

/** What a transport needs of its worker. */
export interface PollingHome {
  readonly heartbeat: { readonly clockMs: number };
  readonly settings: SlowReaderSettings;
  readonly budget: MemoryBudget;
}

/** What waits for the client to ask. */
interface Queue {
  readonly packets: WirePacket[];
  bytes: number;
  /** Since when more waits than may for long, by `performance.now()`; 0 when it does not. */
  tooMuchSinceMs: number;
}

export abstract class PollingTransport {
  readonly sessionId: string;
  readonly #home: PollingHome;
  /** Since when a poll waits, or since when none does, in the worker's own time. */
  sinceMs: number;
  /** How often the client has asked. */
  polls = 0;
  /** There is none for most of the time. */
  #queue: Queue | undefined;
  /** Of an answer that its client may not have read yet. */
  #unreadBytes = 0;
  #waiting: Reply | undefined;
  #isClosed = false;

  constructor(sessionId: string, home: PollingHome) {
    this.sessionId = sessionId;
    this.#home = home;
    this.sinceMs = home.heartbeat.clockMs;
  }

  /** The connection of a socket that its client would move to; `NO_SOURCE` while there is none. */
  get offeredConnection(): number {
    return NO_SOURCE;
  }

  /** The answer with these packets. */
  abstract answerOf(packets: readonly WirePacket[]): HttpAnswer;
  /** The answer to a POST that came after the end of the session. */
  abstract readonly lateAnswer: HttpAnswer;
  /** Whether the body of a POST says that the client goes. */
  abstract isGoodbye(body: string | undefined): boolean;

  /** What its client has been answered and may ask for again, in bytes. */
  get repeatableBytes(): number {
    return 0;
  }

  /** That answer, if a request asks for it. @param _id as the request has it */
  answerAgain(_id: string): HttpAnswer | undefined {
    return undefined;
  }

  /** Answers up to so long are not counted until their client asks again. */
  protected get freeAnswerBytes(): number {
    return LIMITS.pollAnswerFreeBytes;
  }

  /** What waits for the client to ask. */
  get queuedBytes(): number {
    return this.#queue?.bytes ?? 0;
  }

  /** With what has been answered and may not have been read. */
  get heldBytes(): number {
    return this.queuedBytes + this.#unreadBytes;
  }

  get isPolled(): boolean {
    return this.#waiting !== undefined;
  }

  /** Nothing that its client has begun is under way. */
  get isAway(): boolean {
    return this.#waiting === undefined;
  }

  /** A request waits for packets. The caller has made sure that none does yet. */
  poll(reply: Reply): void {
    this.#waiting = reply;
    this.sinceMs = this.#home.heartbeat.clockMs;
    this.polls++;
    this.#setUnread(0);
    this.flush();
  }

  /** Answers a request with what another has been answered. None waits. */
  protected repeat(reply: Reply, answer: HttpAnswer): void {
    this.#waiting = reply;
    this.polls++;
    this.takeReply(answer.body.length)?.answer(answer);
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
    const queue = (this.#queue ??= { packets: [], bytes: 0, tooMuchSinceMs: 0 });
    queue.packets.push(packet);
    queue.bytes += bytes;
    this.#home.budget.take(bytes);
    return queue.bytes <= this.#home.settings.maxBackpressureBytes || !this.#isTooSlow(queue);
  }

  #isTooSlow(queue: Queue): boolean {
    const nowMs = performance.now();
    if (queue.tooMuchSinceMs === 0) queue.tooMuchSinceMs = nowMs;
    return nowMs - queue.tooMuchSinceMs > this.#home.settings.backpressureTimeoutMs;
  }

  flush(): void {
    const reply = this.#waiting;
    if (reply === undefined || this.#queue === undefined) return;
    const { packets, bytes } = this.#queue;
    const isAll = bytes <= LIMITS.pollAnswerBytes;
    const count = isAll ? packets.length : packetsOfAnswer(packets);
    const answer = this.answerOf(isAll ? packets : packets.slice(0, count));
    // Nothing is forgotten before there is an answer to give.
    this.takeReply(answer.body.length);
    this.takeQueue();
    for (let at = count; at < packets.length; at++) this.enqueue(packets[at] as WirePacket);
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
    this.sinceMs = this.#home.heartbeat.clockMs + onTheWayMs;
    return reply;
  }

  get isEmpty(): boolean {
    return this.#queue === undefined;
  }

  takeQueue(): WirePacket[] {
    this.#home.budget.give(this.queuedBytes);
    this.#setUnread(0);
    const packets = this.#queue?.packets ?? [];
    this.#queue = undefined;
    return packets;
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
