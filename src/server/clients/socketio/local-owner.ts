/** The sessions of this worker, as requests by session id reach them. */

import type {
  FrameHandler,
  HttpAnswer,
  Reply,
  SessionOwner,
  SocketOffer,
} from '../../core/contracts/client-connection.ts';
import { PLAIN_PACKET } from '../../protocol/engine-packet.ts';
import type { EngineContext } from './engine-context.ts';
import { engineError } from './engine-error.ts';
import { UpgradeProbe } from './upgrade-probe.ts';

const TAKEN: HttpAnswer = { status: 200, type: 'text/html', body: 'ok' };

export class LocalOwner implements SessionOwner {
  readonly #context: EngineContext;

  constructor(context: EngineContext) {
    this.#context = context;
  }

  poll(sessionId: string, reply: Reply): void {
    const session = this.#context.findPolling(sessionId);
    if (session !== undefined) session.poll(reply);
    else reply(this.#context.lastWords.next(sessionId) ?? engineError('unknownSession'));
  }

  abandonPoll(sessionId: string, reply: Reply): void {
    this.#context.findPolling(sessionId)?.abandonPoll(reply);
  }

  beginPost(sessionId: string): void {
    const session = this.#context.findPolling(sessionId);
    if (session?.polling === undefined) return;
    if (session.polling.isPosting) session.failEngine();
    else session.polling.isPosting = true;
  }

  post(sessionId: string, body: string | undefined, reply: Reply): void {
    const session = this.#context.findPolling(sessionId);
    if (session?.polling === undefined) {
      this.#postTooLate(sessionId, body, reply);
      return;
    }
    const { polling } = session;
    if (body === undefined) {
      polling.isPosting = false;
      reply(engineError('badRequest'));
      return;
    }
    this.#context.router.intake.takePayload(session, body, (isWhole) => {
      polling.isPosting = false;
      reply(isWhole ? TAKEN : engineError('badRequest'));
    });
  }

  /** A client that does not know yet that its session is over must not take it for a failure. */
  #postTooLate(sessionId: string, body: string | undefined, reply: Reply): void {
    const { lastWords } = this.#context;
    const isTaken = lastWords.endOf(sessionId) === 'server';
    reply(isTaken ? TAKEN : engineError('unknownSession'));
    if (body === PLAIN_PACKET.close) lastWords.forget(sessionId);
  }

  knows(sessionId: string): boolean {
    return this.#context.knows(sessionId);
  }

  offerSocket(offer: SocketOffer): FrameHandler | undefined {
    const session = this.#context.findPolling(offer.sessionId);
    if (session?.polling === undefined || session.polling.probe !== undefined) {
      this.#context.refusals.count('secondSocket');
      return undefined;
    }
    return new UpgradeProbe(session, offer, this.#context);
  }
}
