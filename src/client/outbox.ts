/**
 * What the client has to say: messages that wait to be sent, and questions that wait for an answer.
 *
 *     emit ─▶ waiting ─▶ take (a link) ─▶ server
 *                ▲          │
 *                └ putBack ─┘ ack, error ─▶ the question's promise
 */

import { HoldfastError } from './client-error.ts';
import type { Outgoing } from './link.ts';
import { encode } from './wire.ts';

/** Timers of browsers and Node take no longer times. */
const TIMER_MAX_MS = 2 ** 31 - 1;

interface Question {
  readonly message: Outgoing;
  /** To ask it twice does no harm, so it is asked again after a reconnect. */
  readonly isRepeatable: boolean;
  readonly timer: ReturnType<typeof setTimeout>;
  resolve(values: readonly unknown[]): void;
  reject(error: HoldfastError): void;
}

export class Outbox {
  /** The most bytes of one body, once the server has told. */
  maxPayload: number = Number.POSITIVE_INFINITY;
  readonly #max: number;
  /** Hears of messages that nobody waits for. */
  readonly #failed: (error: HoldfastError) => void;
  readonly #questions: Map<number, Question> = new Map();
  #waiting: Outgoing[] = [];
  #lastId = 0;

  constructor(max: number, failed: (error: HoldfastError) => void) {
    this.#max = max;
    this.#failed = failed;
  }

  /** @throws HoldfastError `queueFull`; TypeError for what JSON cannot say */
  add(message: object, isAnswer = false): void {
    this.#checkRoom();
    this.#waiting.push(outgoing(message, undefined, isAnswer));
  }

  /**
   * Adds a message that is to be answered.
   *
   * @param timeoutMs without it the question stays until it is answered, over reconnects
   * @param isFirst goes before all that waits, and finds room in any case
   * @returns the values of the ack; rejects as `add` throws, and with what became of it otherwise
   */
  ask(question: object, timeoutMs?: number, isFirst = false): Promise<readonly unknown[]> {
    return new Promise((resolve, reject) => {
      if (!isFirst) this.#checkRoom();
      const id = ++this.#lastId;
      const message = outgoing({ ...question, id }, id, false);
      const timer = setTimeout(
        () => {
          this.#waiting = this.#waiting.filter((one) => one !== message);
          this.fail(id, new HoldfastError('timeout', 'no ack came in time'));
        },
        Math.min(timeoutMs ?? TIMER_MAX_MS, TIMER_MAX_MS),
      );
      const isRepeatable = timeoutMs === undefined;
      this.#questions.set(id, { message, isRepeatable, timer, resolve, reject });
      if (isFirst) this.#waiting.unshift(message);
      else this.#waiting.push(message);
    });
  }

  /** The messages to send next: as many as one body may have. */
  take(): readonly Outgoing[] {
    let count = 0;
    let bytes = 0;
    for (const message of this.#waiting) {
      if (bytes + message.bytes > this.maxPayload) break;
      bytes += message.bytes + 1;
      count++;
    }
    const [first] = this.#waiting;
    if (count > 0 || first === undefined) return this.#waiting.splice(0, count);
    this.#waiting.shift();
    this.refuse([first], new HoldfastError('payloadTooLarge', `${first.bytes} bytes are too many`));
    return this.take();
  }

  putBack(messages: readonly Outgoing[]): void {
    this.#waiting.unshift(...messages);
  }

  refuse(messages: readonly Outgoing[], error: HoldfastError): void {
    for (const { id } of messages) this.fail(id, error);
  }

  answer(id: number | undefined, values: readonly unknown[]): void {
    this.#settled(id)?.resolve(values);
  }

  /** Fails a question, or tells of a message that was none. */
  fail(id: number | undefined, error: HoldfastError): void {
    if (id === undefined) this.#failed(error);
    else this.#settled(id)?.reject(error);
  }

  /** The session is over: what was asked of it will not be answered, its questions neither. */
  lost(error: HoldfastError): void {
    this.#waiting = this.#waiting.filter(({ isAnswer }) => !isAnswer);
    const waiting = new Set(this.#waiting);
    const again: Outgoing[] = [];
    for (const [id, { message, isRepeatable }] of this.#questions) {
      if (waiting.has(message)) continue;
      if (isRepeatable) again.push(message);
      else this.fail(id, error);
    }
    this.putBack(again);
  }

  /** Fails all that is left. */
  close(error: HoldfastError): void {
    for (const id of [...this.#questions.keys()]) this.fail(id, error);
  }

  #checkRoom(): void {
    if (this.#waiting.length < this.#max) return;
    throw new HoldfastError('queueFull', `${this.#max} messages wait to be sent`);
  }

  #settled(id: number | undefined): Question | undefined {
    const question = this.#questions.get(id as number);
    clearTimeout(question?.timer);
    this.#questions.delete(id as number);
    return question;
  }
}

function outgoing(message: object, id: number | undefined, isAnswer: boolean): Outgoing {
  const text = encode(message);
  return { text, bytes: new TextEncoder().encode(text).length, id, isAnswer };
}
