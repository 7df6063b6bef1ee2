/**
 * Requests that name a session: to whom they go, and how long their connections are kept.
 *
 *     poll, post, socket  → the worker named in the session's id, this one or another
 */

import type { HttpAnswer, SessionOwner } from '../../core/contracts/client-connection.ts';
import type { AnswerHeaders, Exchange, WholeBody } from '../../core/contracts/exchange.ts';
import { decodeSessionId, idOf, type SessionAddress } from '../../protocol/session-id.ts';
import type { ConnectionWatch } from '../source/connection-watch.ts';
import type { ClientTable } from './client-table.ts';
import { RequestTimes } from './request-times.ts';
import type { WaitingPolls } from './waiting-polls.ts';

/** How long a connection that brought a session's request may be idle while files get short. */
const KEPT_SECONDS = 5;

/** No answer is anybody else's, or anything but what it says to be. */
export const ANSWER_HEADERS: AnswerHeaders = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
};

export interface SessionRequestsOptions {
  readonly table: ClientTable;
  readonly watch: ConnectionWatch;
  readonly waiting: WaitingPolls;
  /** The owner of a session; `undefined` when no such node or worker is known. */
  ownerOf(address: SessionAddress): SessionOwner | undefined;
}

/** Who can say whether a session is there. */
export type KnowingOwner = Pick<SessionOwner, 'knows'>;

export class SessionRequests {
  readonly #options: SessionRequestsOptions;
  readonly #table: ClientTable;
  readonly #times: RequestTimes;

  constructor(options: SessionRequestsOptions) {
    this.#options = options;
    this.#table = options.table;
    this.#times = new RequestTimes(options.table.settings);
  }

  /** @param id of a session, perhaps with more behind it; `undefined` for none that is known */
  ownerOf(id: string): SessionOwner | undefined {
    const address = decodeSessionId(idOf(id));
    const owner = address && this.#options.ownerOf(address);
    if (owner === undefined) return undefined;
    const { node, worker, counters } = this.#table;
    if (address?.worker !== worker || address.node !== node) counters.requestsForwarded++;
    return owner;
  }

  /** Polls that wait on this worker. */
  get waiting(): WaitingPolls {
    return this.#options.waiting;
  }

  /** A poll of Engine.IO is answered by the next ping at the latest. */
  get pollSeconds(): number {
    return this.#times.pollSeconds;
  }

  /** Reads the body of a request with packets. */
  readBody(exchange: Exchange, done: (body: WholeBody) => void): void {
    exchange.allowIdle(this.#times.postSeconds);
    exchange.readBody(this.#table.settings.maxPayloadBytes, (body) => {
      if ('fault' in body && body.fault === 'tooLong') {
        this.#table.refusals.count('payloadTooLarge');
      }
      done(body);
    });
  }

  /**
   * The body of a POST may come later than its head: while files are short its connection is no
   * stranger's. For kinds of client of which a session has one POST at a time, since otherwise one
   * session would shelter as many connections as it likes.
   */
  async vouchForPost(exchange: Exchange, owner: KnowingOwner, id: string): Promise<void> {
    const { watch } = this.#options;
    if (watch.isWatching && (await owner.knows(id))) watch.vouch(exchange.connection, KEPT_SECONDS);
  }

  /** Answers a request of a session, or one that turned out to have none. */
  finish(exchange: Exchange, answer: HttpAnswer, headers: AnswerHeaders): void {
    this.#table.counters.requestsAnswered++;
    if (answer.status < 400) this.#keep(exchange);
    else this.#refused(exchange);
    exchange.answer(answer, { ...ANSWER_HEADERS, ...headers });
  }

  /** The connection brought a request of a session, and stays for more. */
  #keep(exchange: Exchange): void {
    const { watch } = this.#options;
    exchange.keepFor(watch.isWatching ? KEPT_SECONDS : this.#times.keepAliveSeconds);
    if (!watch.isWatching) return;
    watch.vouch(exchange.connection, KEPT_SECONDS);
  }

  #refused(exchange: Exchange): void {
    const { watch } = this.#options;
    watch.disown(exchange.connection);
    if (watch.isLastAnswer(exchange.connection)) exchange.makeLast();
  }
}

/** Without the byte order mark that some encoders put in front. */
export function textOf(bytes: Buffer): string {
  return new TextDecoder().decode(bytes);
}

/** The same; `undefined` for what is no UTF-8. */
export function strictTextOf(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
