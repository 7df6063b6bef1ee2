/**
 * The HTTP face of Engine.IO: every request on its path, handed to the session's owner.
 *
 *     handshake          → a session of this worker
 *     poll, post, probe  → the worker named in the session id, this one or another
 *
 * Source: the Engine.IO protocol, revision 4, "Handshake" and "HTTP long-polling".
 */

import type { ForeignJson } from '../../../host/runtime/foreign-json.ts';
import type {
  HttpAnswer,
  SessionOwner,
  SocketOpener,
} from '../../core/contracts/client-connection.ts';
import type { KindAnswer, RequestServer } from '../../core/contracts/client-kind.ts';
import type { Reason } from '../../core/limits/reasons.ts';
import type { BodyFault, BodyText, RequestBodies } from '../../core/limits/request-bodies.ts';
import { decodeSessionId } from '../../protocol/session-id.ts';
import type { AddressCrowd } from '../source/address-crowd.ts';
import type { ConnectionWatch } from '../source/connection-watch.ts';
import type { OriginPolicy } from '../source/origin-policy.ts';
import type { RequestSources } from '../source/request-sources.ts';
import type { EngineContext } from './engine-context.ts';
import { type EngineErrorName, engineError } from './engine-error.ts';
import {
  type AnswerHeaders,
  type EngineRequest,
  preflightHeaders,
  readEngineRequest,
} from './engine-request.ts';
import { EngineSession } from './engine-session.ts';
import { payloadAnswer } from './polling-transport.ts';
import { RequestTimes } from './request-times.ts';
import { NewSession, OfferToSession } from './socket-openers.ts';
import { type Asked, WaitingPolls } from './waiting-polls.ts';

/** Long enough for others to leave, short enough for people to wait. */
const RETRY_AFTER_SECONDS = '5';

/** How long a connection that brought a session's request may be idle while files get short. */
const KEPT_SECONDS = 5;

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

const BODY_ANSWERS: Readonly<Record<BodyFault, HttpAnswer>> = {
  // Without a text, as the reference says it: clients pass on what they read.
  tooLong: { status: 413, type: 'text/plain', body: '' },
  brokenOff: engineError('badRequest'),
  letGo: { status: 503, type: 'text/plain', body: 'overloaded\n' },
};

export interface EndpointOptions {
  readonly context: EngineContext;
  /** Judges names of headers and of the query, which become keys of objects. */
  readonly json: ForeignJson;
  readonly bodies: RequestBodies;
  readonly sources: RequestSources;
  readonly crowd: AddressCrowd;
  readonly watch: ConnectionWatch;
  readonly origins: OriginPolicy;
  /** The owner of sessions of a worker of this node; `undefined` when there is no such worker. */
  ownerOf(worker: number): SessionOwner | undefined;
  isStopping(): boolean;
}

export class EngineEndpoint {
  readonly #context: EngineContext;
  readonly #options: EndpointOptions;
  readonly #times: RequestTimes;
  readonly #waiting: WaitingPolls;

  constructor(options: EndpointOptions) {
    this.#context = options.context;
    this.#options = options;
    this.#times = new RequestTimes(options.context.settings);
    this.#waiting = new WaitingPolls(options.sources, options.watch);
  }

  /** Polls that wait for packets: each holds an open file. */
  get waitingPolls(): number {
    return this.#waiting.size;
  }

  /** The watch of connections has begun: those with a poll that waits are no strangers. */
  vouchForWaiting(): void {
    this.#waiting.vouchForAll();
  }

  /** @returns the answer; `undefined` once the request has become a WebSocket */
  handle(request: Request, query: string, server: RequestServer): KindAnswer {
    const asked = { request, server };
    if (request.method === 'OPTIONS') return this.#preflight(asked);
    const ask = readEngineRequest(request, query, this.#options.origins);
    if ('refused' in ask) {
      this.#context.counters.handshakesRefused++;
      return this.#refuse(asked, ask.refused, ask.cors);
    }
    if (ask.sessionId !== undefined) return this.#withSession(asked, ask, ask.sessionId);
    const fault = this.#options.json.faultInNames(namesIn, ask, request);
    if (fault === undefined) return this.#handshake(asked, ask);
    this.#context.refusals.count(fault);
    return toResponse(engineError('badRequest'), ask.cors);
  }

  #handshake(asked: Asked, ask: EngineRequest): KindAnswer {
    if (this.#options.isStopping()) return this.#notNow(asked, ask.cors);
    const from = this.#options.sources.sourceOf(ask.request, asked.server);
    const tooMany = this.#context.addressLimits.refusalOf(from.addressKey);
    if (tooMany !== undefined) return this.#tooMany(asked, ask.cors, tooMany, from.address);
    if (!this.#context.places.take(from)) return this.#notNow(asked, ask.cors);
    this.#context.addressLimits.opened(from.addressKey);
    this.#options.crowd.opened(from);
    const { address, addressKey, connection } = from;
    const { headers } = ask.request;
    const { query, transport } = ask;
    const source = { address, addressKey, connection, headers, query, transport };
    if (ask.transport === 'websocket') {
      return this.#upgrade(asked, ask, new NewSession(this.#context, source, ask.isTextOnly));
    }
    const session = new EngineSession(this.#context, source);
    const answer = toResponse(payloadAnswer([session.openPolling()]), ask.cors);
    this.#keep(asked, connection);
    return answer;
  }

  #preflight(asked: Asked): Response {
    const { headers } = asked.request;
    const cors = this.#options.origins.headersFor(headers);
    if (cors === undefined) return this.#refuse(asked, 'forbidden', {});
    return new Response(null, { status: 204, headers: { ...cors, ...preflightHeaders(headers) } });
  }

  #withSession(asked: Asked, ask: EngineRequest, sessionId: string): KindAnswer {
    const address = decodeSessionId(sessionId);
    const isOfThisNode = address !== undefined && address.node === this.#context.node;
    const owner = isOfThisNode ? this.#options.ownerOf(address.worker) : undefined;
    if (owner === undefined) return this.#refuse(asked, 'unknownSession', ask.cors);
    if (address?.worker !== this.#context.worker) this.#context.counters.requestsForwarded++;
    if (ask.transport === 'websocket') return this.#offerSocket(asked, ask, owner, sessionId);
    if (ask.request.method === 'POST') return this.#post(asked, ask, owner, sessionId);
    return this.#poll(asked, ask, owner, sessionId);
  }

  #poll(
    asked: Asked,
    ask: EngineRequest,
    owner: SessionOwner,
    sessionId: string,
  ): Promise<Response> {
    asked.server.timeout(ask.request, this.#times.pollSeconds);
    this.#waiting.add(asked, this.#times.pollSeconds);
    return new Promise((resolve) => {
      const reply = (answer: HttpAnswer): void => {
        this.#waiting.remove(asked);
        resolve(this.#finish(asked, answer, ask.cors));
      };
      ask.request.signal.addEventListener('abort', () => {
        this.#waiting.remove(asked);
        owner.abandonPoll(sessionId, reply);
      });
      owner.poll(sessionId, reply);
    });
  }

  async #post(
    asked: Asked,
    ask: EngineRequest,
    owner: SessionOwner,
    sessionId: string,
  ): Promise<Response> {
    asked.server.timeout(ask.request, this.#times.postSeconds);
    owner.beginPost(sessionId);
    const body = await this.#readBody(ask.request);
    if ('fault' in body) {
      owner.post(sessionId, undefined, () => {});
      return this.#refuseBody(asked, body.fault, ask.cors);
    }
    return await new Promise((resolve) => {
      owner.post(sessionId, body.text, (answer) => resolve(this.#finish(asked, answer, ask.cors)));
    });
  }

  async #readBody(request: Request): Promise<BodyText> {
    // Binary bodies were the previous revision's; in this one bytes travel as base64.
    const isBinary = request.headers.get('content-type') === 'application/octet-stream';
    return isBinary ? { fault: 'brokenOff' } : await this.#options.bodies.text(request);
  }

  #refuseBody(asked: Asked, fault: BodyFault, cors: AnswerHeaders): Response {
    if (fault === 'tooLong') this.#context.refusals.count('payloadTooLarge');
    return this.#finish(asked, BODY_ANSWERS[fault], cors);
  }

  async #offerSocket(
    asked: Asked,
    ask: EngineRequest,
    owner: SessionOwner,
    sessionId: string,
  ): Promise<Response | undefined> {
    if (!(await owner.knows(sessionId))) return this.#refuse(asked, 'unknownSession', ask.cors);
    const connection = this.#options.sources.connectionOf(asked.request, asked.server);
    const offer = new OfferToSession(owner, sessionId, ask.isTextOnly, connection);
    return this.#upgrade(asked, ask, offer);
  }

  #upgrade(asked: Asked, ask: EngineRequest, data: SocketOpener): Response | undefined {
    const isUpgraded = asked.server.upgrade(ask.request, { data });
    return isUpgraded ? undefined : this.#refuse(asked, 'badRequest', ask.cors);
  }

  /** Answers a request of a session, or one that turned out to have none. */
  #finish(asked: Asked, answer: HttpAnswer, cors: AnswerHeaders): Response {
    if (answer.status < 400) {
      this.#keep(asked);
      return toResponse(answer, cors);
    }
    const { sources, watch } = this.#options;
    const isLast = watch.isLastAnswer(sources.connectionOf(asked.request, asked.server));
    return toResponse(answer, isLast ? { ...cors, connection: 'close' } : cors);
  }

  /** The connection brought a request of a session, and stays for more. */
  #keep({ request, server }: Asked, connection?: number): void {
    const { sources, watch } = this.#options;
    server.timeout(request, watch.isWatching ? KEPT_SECONDS : this.#times.keepAliveSeconds);
    if (!watch.isWatching) return;
    watch.vouch(connection ?? sources.connectionOf(request, server), KEPT_SECONDS);
  }

  #refuse(asked: Asked, name: ProtocolError, cors: AnswerHeaders): Response {
    this.#context.refusals.count(REASON_OF[name]);
    return this.#finish(asked, engineError(name), cors);
  }

  /** An address has, or sends, more than it may. */
  #tooMany(asked: Asked, cors: AnswerHeaders, reason: Reason, address: string): Response {
    this.#context.counters.handshakesRefused++;
    this.#context.refusals.count(reason, address);
    const headers = { ...cors, 'retry-after': RETRY_AFTER_SECONDS };
    return this.#finish(asked, engineError('tooMany'), headers);
  }

  /** At capacity, or about to stop. */
  #notNow(asked: Asked, cors: AnswerHeaders): Response {
    this.#context.counters.handshakesRefused++;
    this.#context.refusals.count(this.#options.isStopping() ? 'stopping' : 'atCapacity');
    const body = 'not taking sessions now, try again later\n';
    const headers = { ...cors, 'retry-after': RETRY_AFTER_SECONDS };
    return this.#finish(asked, { status: 503, type: 'text/plain', body }, headers);
  }
}

function* namesIn({ request, query }: EngineRequest): Generator<string> {
  yield* request.headers.keys();
  yield* new URLSearchParams(query).keys();
}

function toResponse(answer: HttpAnswer, cors: AnswerHeaders): Response {
  return new Response(answer.body, {
    status: answer.status,
    headers: {
      'content-type': answer.type,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...cors,
    },
  });
}
