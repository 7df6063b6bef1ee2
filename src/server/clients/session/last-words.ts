/**
 * What sessions that ended still have to say to clients that poll.
 *
 *     the session ends ─▶ keep ─▶ next poll: the words ─▶ next poll: the close packet
 *                              └▶ or all of it over the socket that was about to take over
 *
 * The close packet comes by itself, since clients act on it before the events that stand in front
 * of it. Until then, what the client of a session that the server ended posts is taken and passed
 * over, for a client that is refused its packet goes away without having asked for the words. They
 * count against the memory budget, and go after a while.
 */

import type { HttpAnswer } from '../../core/contracts/client-connection.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { Holder, MemoryBudget } from '../../core/limits/memory-budget.ts';
import { idOf } from '../../protocol/session-id.ts';
import type { WirePacket } from '../../protocol/wire-packet.ts';
import { type PollingTransport, packetsOfAnswer } from './polling-transport.ts';

/**
 * Why a session ended that has words: by the server's will, by its client's fault, or by its will.
 * In the last case there is but the close packet to say, to a poll that was on its way.
 */
export type EndedBy = 'server' | 'fault' | 'client';

interface Words {
  /** Knows how an answer is written. */
  readonly polling: PollingTransport;
  readonly packets: readonly WirePacket[];
  /** What is said last of all. */
  readonly farewell: WirePacket;
  readonly bytes: number;
  readonly by: EndedBy;
  /** When the session ended. */
  readonly tick: number;
}

export class LastWords {
  readonly #budget: MemoryBudget;
  /** By the id that requests name, oldest first. */
  readonly #words: Map<string, Words> = new Map();

  constructor(budget: MemoryBudget) {
    this.#budget = budget;
  }

  /** Clients of sessions that the server ended, and that have not heard of it yet. */
  get unheard(): number {
    const all = [...this.#words.values()];
    return all.filter(({ packets, by }) => by === 'server' && packets.length > 0).length;
  }

  /** Takes what waits in the queue of a session. */
  keep(polling: PollingTransport, farewell: WirePacket, by: EndedBy, tick: number): void {
    if (by === 'client') polling.close();
    const bytes = polling.queuedBytes + polling.repeatableBytes + LIMITS.endedSessionBytes;
    const packets = polling.takeQueue();
    this.#set(polling.sessionId, { polling, packets, farewell, bytes, by, tick });
  }

  /** Why a session ended whose words are kept. */
  endOf(sessionId: string): EndedBy | undefined {
    return this.#words.get(sessionId)?.by;
  }

  /** The answer to a poll; `undefined` when there is nothing to say, or no more. */
  next(id: string): HttpAnswer | undefined {
    const sessionId = idOf(id);
    const again = this.#words.get(sessionId)?.polling.answerAgain(id);
    if (again !== undefined) return again;
    const found = this.forget(sessionId);
    if (found === undefined) return undefined;
    const { polling, packets, farewell } = found;
    if (packets.length === 0) return polling.answerOf([farewell]);
    const count = packetsOfAnswer(packets);
    const answer = polling.answerOf(packets.slice(0, count));
    const rest = packets.slice(count);
    const kept = polling.repeatableBytes + LIMITS.endedSessionBytes;
    const bytes = rest.reduce((sum, packet) => sum + packet.length, kept);
    this.#set(sessionId, { ...found, packets: rest, bytes });
    return answer;
  }

  /**
   * The answer to a POST of a client that may not know yet that its session is over, and must not
   * take that for a failure; `undefined` when it is to hear of it.
   */
  answerToPost(sessionId: string, body: string | undefined): HttpAnswer | undefined {
    const found = this.#words.get(sessionId);
    if (found === undefined) return undefined;
    if (found.polling.isGoodbye(body)) this.forget(sessionId);
    return found.by === 'server' ? found.polling.lateAnswer : undefined;
  }

  /** All that is left to say, for a socket that is closed behind it. */
  take(sessionId: string): readonly WirePacket[] {
    return this.forget(sessionId)?.packets ?? [];
  }

  forget(sessionId: string): Words | undefined {
    const found = this.#words.get(sessionId);
    if (found === undefined) return undefined;
    this.#words.delete(sessionId);
    this.#budget.give(found.bytes);
    return found;
  }

  /** Drops the words of those that ended up to a tick: their clients do not ask any more. */
  sweep(upToTick: number): void {
    for (const [sessionId, { tick }] of this.#words) {
      if (tick > upToTick) break;
      this.forget(sessionId);
    }
  }

  holders(): Holder[] {
    return [...this.#words].map(([sessionId, { bytes }]) => ({
      heldBytes: () => bytes,
      letGo: () => void this.forget(sessionId),
    }));
  }

  #set(sessionId: string, words: Words): void {
    this.#words.set(sessionId, words);
    this.#budget.take(words.bytes);
  }
}
