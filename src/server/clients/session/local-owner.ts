/** The sessions of this worker, as requests by session id reach them. */

import type {
  FrameHandler,
  Reply,
  SessionOwner,
  SocketOffer,
} from '../../core/contracts/client-connection.ts';
import { UNKNOWN_SESSION } from '../../protocol/unknown-session.ts';
import type { ClientTable } from './client-table.ts';

export class LocalOwner implements SessionOwner {
  readonly #table: ClientTable;

  constructor(table: ClientTable) {
    this.#table = table;
  }

  poll(id: string, reply: Reply): void {
    const session = this.#table.find(id);
    if (session !== undefined) session.poll(id, reply);
    else reply.answer(this.#table.lastWords.next(id) ?? UNKNOWN_SESSION);
  }

  abandonPoll(id: string, reply: Reply): void {
    this.#table.find(id)?.abandonPoll(reply);
  }

  beginPost(id: string): void {
    this.#table.find(id)?.beginPost();
  }

  post(id: string, body: string | undefined, reply: Reply): void {
    const session = this.#table.find(id);
    if (session !== undefined) session.post(body, reply);
    else reply.answer(this.#table.lastWords.answerToPost(id, body) ?? UNKNOWN_SESSION);
  }

  knows(sessionId: string): boolean {
    return this.#table.knows(sessionId);
  }

  offerSocket(offer: SocketOffer): FrameHandler | undefined {
    const handler = this.#table.find(offer.sessionId)?.takeSocket(offer);
    if (handler === undefined) this.#table.refusals.count('secondSocket');
    return handler;
  }
}
