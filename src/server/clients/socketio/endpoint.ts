/**
 * The HTTP face of Engine.IO: every request on its path, handed to the session's owner.
 *
 *     handshake          → a session of this worker
 *     poll, post, probe  → the worker named in the session id, this one or another
 *
 * Source: the Engine.IO protocol, revision 4, "Handshake" and "HTTP long-polling".
 */

import type { TransportName } from '../../core/app/app.ts';
import type { HttpAnswer, Reply, SessionOwner } from '../../core/contracts/client-connection.ts';
import type { ClientKind } from '../../core/contracts/client-kind.ts';
import type {
  AnswerHeaders,
  BodyFault,
  Exchange,
  WholeBody,
} from '../../core/contracts/exchange.ts';
import type { Reason } from '../../core/limits/reasons.ts';
import { type Entrance, RETRY_AFTER_SECONDS, type TurnedAway } from '../session/entrance.ts';
import { HeldPoll } from '../session/held-poll.ts';
import { type SessionRequests, textOf } from '../session/session-requests.ts';
import type { OriginPolicy } from '../source/origin-policy.ts';
import { preflightHeaders } from '../source/preflight.ts';
import { type EngineErrorName, engineError } from './engine-error.ts';
import type { EngineHome } from './engine-home.ts';
import { payloadAnswer } from './engine-polling.ts';
import { type EngineRequest, readEngineRequest } from './engine-request.ts';
import { EngineSession } from './engine-session.ts';
import { NewSession, OfferToSession } from './socket-openers.ts';

type ProtocolError = Exclude<EngineErrorName, 'tooMany'>;

/** How the protocol's own refusals are counted. */
const REASON_OF = {
  unknownTransport: 'badRequest',
  unknownSession: 'sessionUnknown',
  badMethod: 'badRequest',
  badRequest: 'badRequest',
  forbidden: 'originForbidden',
  unsupportedVersion: 'badRequest',
} as const satisfies Record<ProtocolError, Reason>;

/** Hears the answer to a request that is gone. */
const NOBODY: Reply = { answer: () => {} };

/** Binary bodies were the previous revision's; in this one bytes travel as base64. */
const BINARY_REFUSED: WholeBody = { fault: 'brokenOff' };

const TURNED_AWAY: Readonly<Record<TurnedAway['status'], HttpAnswer>> = {
  400: engineError('badRequest'),
  429: engineError('tooMany'),
  // At capacity, or about to stop.
  503: { status: 503, type: 'text/plain', body: 'not taking sessions now, try again later\n' },
};

const BODY_ANSWERS: Readonly<Record<BodyFault, HttpAnswer>> = {
  // Without a text, as the reference says it: clients pass on what they read.
  tooLong: { status: 413, type: 'text/plain', body: '' },
  brokenOff: engineError('badRequest'),
  letGo: { status: 503, type: 'text/plain', body: 'overloaded\n' },
};

export interface EndpointOptions {
  readonly home: EngineHome<EngineSession>;
  /** Where Socket.IO clients connect: `/socket.io/`. */
  readonly path: string;
  readonly entrance: Entrance;
  readonly requests: SessionRequests;
  readonly origins: OriginPolicy;
}

export class EngineEndpoint implements ClientKind {
  readonly name: string = 'socket.io';
  readonly transports: readonly TransportName[] = ['polling', 'websocket'];
  readonly #home: EngineHome<EngineSession>;
  readonly #options: EndpointOptions;
  readonly #requests: SessionRequests;

  constructor(options: EndpointOptions) {
    this.#home = options.home;
    this.#options = options;
    this.#requests = options.requests;
  }

  serves(path: string): boolean {
    return path === this.#options.path || `${path}/` === this.#options.path;
  }

  sweep(): void {
    this.#home.router.sweep();
  }

  handle(exchange: Exchange, query: string): void {
    if (exchange.method === 'OPTIONS') {
      this.#preflight(exchange);
      return;
    }
    const ask = readEngineRequest(exchange, query, this.#options.origins);
    if ('refused' in ask) {
      this.#home.table.counters.handshakesRefused++;
      this.#refuse(exchange, ask.refused, ask.cors);
      return;
    }
    if (ask.sessionId !== undefined) {
      this.#withSession(exchange, ask, ask.sessionId);
      return;
    }
    this.#handshake(exchange, ask);
  }

  #handshake(exchange: Exchange, ask: EngineRequest): void {
    const from = this.#options.entrance.admit(exchange);
    if ('status' in from) {
      this.#turnAway(exchange, from, ask.cors);
      return;
    }
    const { address, addressKey, connection } = from;
    const { headers } = exchange;
    const { query, transport } = ask;
    const source = { address, addressKey, connection, headers, query, transport };
    if (ask.transport === 'websocket') {
      exchange.upgrade(new NewSession(this.#home, source, ask.isTextOnly));
      return;
    }
    const session = new EngineSession(this.#home, source);
    const answer = payloadAnswer([session.openPolling()]);
    this.#requests.finish(exchange, answer, ask.cors);
  }

  #preflight(exchange: Exchange): void {
    const { headers } = exchange;
    const cors = this.#options.origins.headersFor(headers);
    if (cors === undefined) this.#refuse(exchange, 'forbidden', {});
    else {
      const allowed = { ...cors, ...preflightHeaders(headers) };
      exchange.answer({ status: 204, type: '', body: '' }, allowed);
    }
  }

  #withSession(exchange: Exchange, ask: EngineRequest, sessionId: string): void {
    const owner = this.#requests.ownerOf(sessionId);
    if (owner === undefined) {
      this.#refuse(exchange, 'unknownSession', ask.cors);
      return;
    }
    if (ask.transport === 'websocket') void this.#offerSocket(exchange, ask, owner, sessionId);
    else if (ask.isPost) this.#post(exchange, ask, owner, sessionId);
    else this.#poll(exchange, ask, owner, sessionId);
  }

  #poll(exchange: Exchange, ask: EngineRequest, owner: SessionOwner, sessionId: string): void {
    const { pollSeconds } = this.#requests;
    new HeldPoll(this.#requests, exchange, owner, sessionId, ask.cors).hold(pollSeconds);
  }

  #post(exchange: Exchange, ask: EngineRequest, owner: SessionOwner, sessionId: string): void {
    owner.beginPost(sessionId);
    void this.#requests.vouchForPost(exchange, owner, sessionId);
    const isBinary = exchange.headers.get('content-type') === 'application/octet-stream';
    this.#requests.readBody(exchange, (body) => {
      const taken = isBinary ? BINARY_REFUSED : body;
      if ('fault' in taken) {
        owner.post(sessionId, undefined, NOBODY);
        this.#requests.finish(exchange, BODY_ANSWERS[taken.fault], ask.cors);
        return;
      }
      owner.post(sessionId, textOf(taken.bytes), {
        answer: (given) => this.#requests.finish(exchange, given, ask.cors),
      });
    });
  }

  async #offerSocket(
    exchange: Exchange,
    ask: EngineRequest,
    owner: SessionOwner,
    sessionId: string,
  ): Promise<void> {
    if (!(await owner.knows(sessionId))) {
      this.#refuse(exchange, 'unknownSession', ask.cors);
      return;
    }
    const { connection } = exchange;
    exchange.upgrade(new OfferToSession(owner, sessionId, ask.isTextOnly, connection));
  }

  #refuse(exchange: Exchange, name: ProtocolError, cors: AnswerHeaders): void {
    this.#home.refusals.count(REASON_OF[name]);
    this.#requests.finish(exchange, engineError(name), cors);
  }

  #turnAway(exchange: Exchange, { status }: TurnedAway, cors: AnswerHeaders): void {
    const answer = TURNED_AWAY[status];
    const again = status === 400 ? {} : { 'retry-after': RETRY_AFTER_SECONDS };
    this.#requests.finish(exchange, answer, { ...cors, ...again });
  }
}
