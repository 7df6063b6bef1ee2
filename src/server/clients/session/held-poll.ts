/**
 * A request that waits for what its session has to say: how it is answered, and what becomes of it
 * when its client goes away.
 */

import type { HttpAnswer, Reply, SessionOwner } from '../../core/contracts/client-connection.ts';
import type { AnswerHeaders, Exchange, Waiter } from '../../core/contracts/exchange.ts';
import { copyOf } from '../../protocol/query-params.ts';
import type { SessionRequests } from './session-requests.ts';
import type { WaitingPoll } from './waiting-polls.ts';

export class HeldPoll implements Reply, Waiter, WaitingPoll {
  place = -1;
  protected readonly requests: SessionRequests;
  protected readonly exchange: Exchange;
  readonly #owner: SessionOwner;
  readonly #id: string;
  readonly #headers: AnswerHeaders;

  /** @param headers of the answer */
  constructor(
    requests: SessionRequests,
    exchange: Exchange,
    owner: SessionOwner,
    id: string,
    headers: AnswerHeaders,
  ) {
    this.requests = requests;
    this.exchange = exchange;
    this.#owner = owner;
    this.#id = copyOf(id);
    this.#headers = headers;
  }

  /**
   * Waits for so long at the most.
   *
   * @param keepsHead somebody still asks for the headers of the request, or its query
   */
  hold(seconds: number, keepsHead = false): void {
    const { exchange } = this;
    exchange.waiter = this;
    exchange.isHeld = true;
    exchange.allowIdle(seconds);
    this.requests.waiting.add(this, seconds);
    this.#owner.poll(this.#id, this);
    if (!keepsHead) exchange.forgetHead();
  }

  get connection(): number {
    return this.exchange.connection;
  }

  answer(given: HttpAnswer): void {
    this.requests.waiting.remove(this);
    this.finish(given);
  }

  protected finish(given: HttpAnswer): void {
    this.requests.finish(this.exchange, given, this.#headers);
  }

  abandoned(): void {
    this.requests.waiting.remove(this);
    this.#owner.abandonPoll(this.#id, this);
  }
}
