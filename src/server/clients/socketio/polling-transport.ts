/**
 * Long-polling of one session: packets wait here until a request asks for them.
 *
 * Exists only while a session polls; the upgrade to WebSocket drops it with its queue. Source: the
 * Engine.IO protocol, revision 4, "HTTP long-polling" and "Upgrade".
 */

import type { HttpAnswer, Reply } from '../../core/contracts/client-connection.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { encodePayload, PLAIN_PACKET, type WirePacket } from '../../protocol/engine-packet.ts';

export class PollingTransport {
  readonly sessionId: string;
  /** A WebSocket is being probed: polls are answered at once, so that the client can move over. */
  isProbing = false;
  /** The probe of a WebSocket that has been offered; there can be only one. */
  probe: object | undefined;
  /** A request with packets is on its way; a second one would overtake it. */
  isPosting = false;
  #queue: WirePacket[] = [];
  #queueBytes = 0;
  #waiting: Reply | undefined;

  constructor(sessionId: string) {
    this.sessionId = sessionId;
  }

  get isPolled(): boolean {
    return this.#waiting !== undefined;
  }

  /** A request waits for packets. The caller has made sure that none does yet. */
  poll(reply: Reply): void {
    this.#waiting = reply;
    if (this.isProbing && this.#queue.length === 0) this.#queue.push(PLAIN_PACKET.noop);
    this.flush();
  }

  /** @returns whether it was this request that waited */
  abandon(reply: Reply): boolean {
    if (this.#waiting !== reply) return false;
    this.#waiting = undefined;
    return true;
  }

  /**
   * Queues packets; `flush` hands them to the request that waits.
   *
   * @returns false when the client has let too much pile up
   */
  enqueue(packet: WirePacket, maxBytes: number): boolean {
    this.#queue.push(packet);
    this.#queueBytes += packet.length + LIMITS.packetOverheadBytes;
    return this.#queueBytes <= maxBytes;
  }

  flush(): void {
    const reply = this.#waiting;
    if (reply === undefined || this.#queue.length === 0) return;
    this.#waiting = undefined;
    reply(payloadAnswer(this.takeQueue()));
  }

  /** Answers the request that waits, if any, with one packet. Nothing is queued while one waits. */
  release(packet: WirePacket): void {
    const reply = this.#waiting;
    this.#waiting = undefined;
    reply?.(payloadAnswer([packet]));
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  takeQueue(): WirePacket[] {
    const queue = this.#queue;
    this.#queue = [];
    this.#queueBytes = 0;
    return queue;
  }
}

export function payloadAnswer(packets: readonly WirePacket[]): HttpAnswer {
  return { status: 200, type: 'text/plain; charset=UTF-8', body: encodePayload(packets) };
}
