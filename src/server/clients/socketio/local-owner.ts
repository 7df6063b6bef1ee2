/** The sessions of this worker, as requests by session id reach them. */

import type {
  FrameHandler,
  Reply,
  SessionOwner,
  SocketOffer,
} from '../../core/contracts/client-connection.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { decodePayload } from '../../protocol/engine-packet.ts';
import type { EngineContext } from './engine-context.ts';
import { engineError } from './engine-error.ts';
import { UpgradeProbe } from './upgrade-probe.ts';

export class LocalOwner implements SessionOwner {
  readonly #context: EngineContext;

  constructor(context: EngineContext) {
    this.#context = context;
  }

  poll(sessionId: string, reply: Reply): void {
    const session = this.#context.findPolling(sessionId);
    if (session !== undefined) session.poll(reply);
    else reply(this.#context.takeLastWords(sessionId) ?? engineError('unknownSession'));
  }

  abandonPoll(sessionId: string, reply: Reply): void {
    this.#context.findPolling(sessionId)?.abandonPoll(reply);
  }

  beginPost(sessionId: string): void {
    const session = this.#context.findPolling(sessionId);
    if (session?.polling === undefined) return;
    if (session.polling.isPosting) session.fail();
    else session.polling.isPosting = true;
  }

  post(sessionId: string, body: string | undefined, reply: Reply): void {
    const session = this.#context.findPolling(sessionId);
    if (session?.polling === undefined) {
      reply(engineError('unknownSession'));
      return;
    }
    session.polling.isPosting = false;
    if (body === undefined) {
      reply(engineError('badRequest'));
      return;
    }
    const packets = decodePayload(body, LIMITS.packetsPerPayload);
    if (packets === undefined) {
      session.fail();
      reply(engineError('badRequest'));
      return;
    }
    for (const packet of packets) session.receive(packet);
    reply({ status: 200, type: 'text/html', body: 'ok' });
  }

  mayUpgrade(sessionId: string): boolean {
    const polling = this.#context.findPolling(sessionId)?.polling;
    return polling !== undefined && polling.probe === undefined;
  }

  offerSocket(offer: SocketOffer): FrameHandler | undefined {
    const session = this.#context.findPolling(offer.sessionId);
    if (session?.polling === undefined || session.polling.probe !== undefined) return undefined;
    return new UpgradeProbe(session, offer, this.#context.settings.upgradeTimeoutMs);
  }
}
