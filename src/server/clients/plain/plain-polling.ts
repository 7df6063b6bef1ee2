/**
 * Long-polling as the plain protocol has it: a batch of messages an answer, and a position by which
 * the next request says that they have arrived.
 *
 * The last batch is kept until then: when its answer was lost, the client asks again with the
 * position before, and gets it again.
 */

import type { HttpAnswer, Reply } from '../../core/contracts/client-connection.ts';
import { encodePollAnswer, positionOf } from '../../protocol/plain/server-message.ts';
import type { WirePacket } from '../../protocol/wire-packet.ts';
import { PollingTransport } from '../session/polling-transport.ts';
import type { PolledQueue } from './held-polls.ts';
import { acceptedAnswer } from './plain-answers.ts';
import { batchOf } from './plain-request.ts';

const NOTHING: readonly WirePacket[] = [];
/** A line that says goodbye, and not one that merely has the word in it. */
const GOODBYE = /^\s*\{\s*"type"\s*:\s*"disconnect"/m;

export class PlainPolling extends PollingTransport implements PolledQueue {
  isOnWheel = false;
  /** Where the client stands in what rooms keep once it has the last batch. */
  mark: string | undefined;
  /** The number of the last batch. */
  #batch = 0;
  /** When the latest poll came, by `performance.now()`. */
  #polledAtMs = 0;
  #lastBatch: readonly WirePacket[] = NOTHING;

  answerOf(packets: readonly WirePacket[]): HttpAnswer {
    if (packets.length > 0) {
      this.#lastBatch = packets;
      this.#batch++;
      this.mark = lastPosition(packets) ?? this.mark;
    }
    return this.#answer(packets);
  }

  /** The last batch is kept, however short it is. */
  protected override get freeAnswerBytes(): number {
    return 0;
  }

  get lateAnswer(): HttpAnswer {
    return acceptedAnswer(0);
  }

  isGoodbye(body: string | undefined): boolean {
    return body !== undefined && GOODBYE.test(body);
  }

  /**
   * A request waits for messages. One that waits already is answered with none.
   *
   * @param since the session's id and what stands behind it
   * @returns false when the position is none that this session has given, or has been passed
   */
  pollSince(since: string, reply: Reply): boolean {
    const again = this.answerAgain(since);
    if (again !== undefined) {
      this.repeat(reply, again);
      return true;
    }
    if (batchOf(since) !== this.#batch) return false;
    this.answerNothing();
    this.#lastBatch = NOTHING;
    this.poll(reply);
    return true;
  }

  override get repeatableBytes(): number {
    return this.#lastBatch.reduce((sum, { length }) => sum + length, 0);
  }

  /**
   * The same messages and no more: who has had them after all, and asks for what follows, must not
   * be taken to have had others. A batch that has arrived is gone: a request for it is late.
   */
  override answerAgain(since: string): HttpAnswer | undefined {
    const isLast = batchOf(since) === this.#batch - 1;
    return isLast && this.#lastBatch.length > 0 ? this.#answer(this.#lastBatch) : undefined;
  }

  #answer(packets: readonly WirePacket[]): HttpAnswer {
    const messages = packets as readonly string[];
    const body = encodePollAnswer(this.sessionId, this.#batch, this.mark, messages);
    return { status: 200, type: 'application/json', body };
  }

  override poll(reply: Reply): void {
    this.#polledAtMs = performance.now();
    super.poll(reply);
  }

  get polledSinceMs(): number | undefined {
    return this.isPolled ? this.#polledAtMs : undefined;
  }

  pollIsDue(): void {
    this.answerNothing();
  }

  /** Answers the request that waits, if any, with no messages. */
  answerNothing(): void {
    this.takeReply()?.answer(this.answerOf(NOTHING));
  }

  /** Answers the request that waits, if any, with a refusal. */
  refuse(answer: HttpAnswer): void {
    this.takeReply()?.answer(answer);
  }

  /** It may be found by who looks after polls for a while. */
  override close(): void {
    super.close();
    this.#lastBatch = NOTHING;
  }
}

/** Of the last of these messages that has one. */
function lastPosition(messages: readonly WirePacket[]): string | undefined {
  for (let at = messages.length - 1; at >= 0; at--) {
    const position = positionOf(messages[at] as string);
    if (position !== undefined) return position;
  }
  return undefined;
}
