/**
 * Long-polling as the plain protocol has it: a batch of messages an answer, and a position by which
 * the next request says that they have arrived.
 *
 * The last batch is kept until then: when its answer was lost, the client asks again with the
 * position before, and gets it again.
 */

import type { HttpAnswer, Reply } from '../../core/contracts/client-connection.ts';
import { encodePollAnswer } from '../../protocol/plain/server-message.ts';
import { behindId } from '../../protocol/session-id.ts';
import type { WirePacket } from '../../protocol/wire-packet.ts';
import { PollingTransport } from '../session/polling-transport.ts';
import type { PolledQueue } from './held-polls.ts';
import { acceptedAnswer } from './plain-answers.ts';

const NOTHING: readonly WirePacket[] = [];

export class PlainPolling extends PollingTransport implements PolledQueue {
  isOnWheel = false;
  /** Of the last batch. */
  #position = 0;
  #lastBatch: readonly WirePacket[] = NOTHING;

  answerOf(packets: readonly WirePacket[]): HttpAnswer {
    const isBatch = packets.length > 0;
    const position = isBatch ? this.#position + 1 : this.#position;
    const body = encodePollAnswer(this.sessionId, position, packets as readonly string[]);
    if (isBatch) this.#lastBatch = packets;
    this.#position = position;
    return { status: 200, type: 'application/json', body };
  }

  /** The last batch is kept, however short it is. */
  protected override get freeAnswerBytes(): number {
    return 0;
  }

  get lateAnswer(): HttpAnswer {
    return acceptedAnswer(0);
  }

  isGoodbye(body: string | undefined): boolean {
    return body?.includes('"disconnect"') === true;
  }

  /**
   * A request waits for messages. One that waits already is answered with none.
   *
   * @param since the session's id and what stands behind it
   * @returns false when the position is none that this session has given, or has been passed
   */
  pollSince(since: string, reply: Reply): boolean {
    const position = Number(behindId(since));
    // A batch that has arrived is gone: a request for it is late, and takes nobody's place.
    const isKept = this.#lastBatch.length > 0;
    const isRepeated = isKept && position === this.#position - 1;
    if (position !== this.#position && !isRepeated) return false;
    this.answerNothing();
    if (isRepeated) {
      this.#position--;
      this.putBack(this.#lastBatch);
    }
    this.#lastBatch = NOTHING;
    this.poll(reply);
    return true;
  }

  get polledSinceMs(): number | undefined {
    return this.isPolled ? this.sinceMs : undefined;
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
