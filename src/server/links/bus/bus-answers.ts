/**
 * Answers of a worker to what others ask it: in pieces, so that a long one lets other work happen,
 * and waits while the controller takes no more.
 */

import type { NodeRequest, RequestAnswer } from '../../core/contracts/node-link.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { describeError, type Log } from '../../core/log/log.ts';
import type { FramedConnection } from '../ipc/framed-connection.ts';
import { cutIntoPieces, type StandIn } from './answer-pieces.ts';
import { AnswerFlag, BusFrame, toData } from './bus-frame.ts';

/** A request of another worker, by the number that it has there. */
export interface Asked {
  readonly asking: number;
  readonly id: number;
  readonly request: NodeRequest;
}

/** How long a worker with a long answer waits before it looks whether the controller takes more. */
const PAUSE_MS = 5;
const NO_ITEMS = toData([]);

export class BusAnswers {
  readonly #messages: FramedConnection;
  readonly #log: Log;

  constructor(messages: FramedConnection, log: Log) {
    this.#messages = messages;
    this.#log = log;
  }

  /** Sends an answer as soon as it is there; what fails is an answer that is not whole. */
  async answer(asked: Asked, find: () => Promise<RequestAnswer> | undefined): Promise<void> {
    let isWhole = false;
    let missing = 0;
    try {
      const answer = await find();
      if (answer !== undefined) {
        const standIn: StandIn = (item, reason) => standInOf(answer, item, reason);
        for (const piece of cutIntoPieces(answer.items, standIn)) {
          this.#send(asked, 0, 0, piece);
          await this.#takeTurns();
        }
        ({ isWhole, missing } = answer);
      }
    } catch (error) {
      const text = `the answer to '${asked.request.kind}' of another worker was refused`;
      this.#log.error(text, { error: describeError(error) });
    }
    const flags = AnswerFlag.last | (isWhole ? AnswerFlag.whole : 0);
    this.#send(asked, flags, missing, NO_ITEMS);
  }

  async #takeTurns(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    const deadlineMs = performance.now() + LIMITS.busRequestMs;
    while (this.#messages.queuedBytes > LIMITS.ipcHighWaterBytes) {
      if (performance.now() > deadlineMs) throw new Error('the controller does not take it');
      await Bun.sleep(PAUSE_MS);
    }
  }

  #send({ asking, id }: Asked, flags: number, missing: number, items: Uint8Array): void {
    const writer = this.#messages.frame(BusFrame.answer).u32(asking).u32(id);
    writer.u8(flags).u32(missing).raw(items).finish();
    this.#messages.send();
  }
}

function standInOf(answer: RequestAnswer, item: unknown, reason: string): unknown {
  if (answer.standIn !== undefined) return answer.standIn(item, reason);
  throw new TypeError(`an answer to another worker cannot be sent: ${reason}`);
}
