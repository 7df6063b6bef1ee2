/**
 * The HTTP face of Engine.IO: every request on its path, handed to the session's owner.
 *
 *     handshake          → a session of this worker
 *     poll, post, probe  → the worker named in the session id, this one or another
 *
 * Source: the Engine.IO protocol, revision 4, "Handshake" and "HTTP long-polling".
 */

import type { ForeignJson } from '../../../host/runtime/foreign-json.ts';
import type { HttpAnswer, SessionOwner } from '../../core/contracts/client-connection.ts';
import type {
  AnswerHeaders,
  BodyFault,
  Exchange,
  WholeBody,
} from '../../core/contracts/exchange.ts';
import type { Reason } from '../../core/limits/reasons.ts';
import { requestTarget } from '../../protocol/request-target.ts';
import { decodeSessionId } from '../../protocol/session-id.ts';
import type { AddressCrowd } from '../source/address-crowd.ts';
import type { ConnectionWatch } from '../source/connection-watch.ts';
import type { OriginPolicy } from '../source/origin-policy.ts';
import type { RequestSources } from '../source/request-sources.ts';
import type { EngineContext } from './engine-context.ts';
import { type EngineErrorName, engineError } from './engine-error.ts';
import { type EngineRequest, preflightHeaders, readEngineRequest } from './engine-request.ts';
import { EngineSession } from './engine-session.ts';
import { payloadAnswer } from './polling-transport.ts';
import { RequestTimes } from './request-times.ts';
import { NewSession, OfferToSession } from './socket-openers.ts';
import { WaitingPolls } from './waiting-polls.ts';

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

/** Binary bodies were the previous revision's; in this one bytes travel as base64. */
const BINARY_REFUSED: WholeBody = { fault: 'brokenOff' };

/** No answer is anybody else's, or anything but what it says to be. */
const ANSWER_HEADERS: AnswerHeaders = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
};

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
  readonly maxPayloadBytes: number;
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
    this.#waiting = new WaitingPolls(options.watch);
  }

  /** Polls that wait for packets: each holds an open file. */
  get waitingPolls(): number {
    return this.#waiting.size;
  }

  /** The watch of connections has begun: those with a poll that waits are no strangers. */
  vouchForWaiting(): void {
    this.#waiting.vouchForAll();
  }

  handle(exchange: Exchange, query: string): void {
    if (exchange.method === 'OPTIONS') {
      this.#preflight(exchange);
      return;
    }
    const ask = readEngineRequest(exchange, query, this.#options.origins);
    if ('refused' in ask) {
      this.#context.counters.handshakesRefused++;
      this.#refuse(exchange, ask.refused, ask.cors);
      return;
    }
    if (ask.sessionId !== undefined) {
      this.#withSession(exchange, ask, ask.sessionId);
      return;
    }
    const fault = this.#options.json.faultInNames(namesIn, exchange, exchange);
    if (fault === undefined) {
      this.#handshake(exchange, ask);
      return;
    }
    this.#context.refusals.count(fault);
    send(exchange, engineError('badRequest'), ask.cors);
  }

  #handshake(exchange: Exchange, ask: EngineRequest): void {
    if (this.#options.isStopping()) {
      this.#notNow(exchange, ask.cors);
      return;
    }
    const from = this.#options.sources.sourceOf(exchange);
    const tooMany = this.#context.addressLimits.refusalOf(from.addressKey);
    if (tooMany !== undefined) {
      this.#tooMany(exchange, ask.cors, tooMany, from.address);
      return;
    }
    if (!this.#context.places.take(from)) {
      this.#notNow(exchange, ask.cors);
      return;
    }
    this.#context.addressLimits.opened(from.addressKey);
    this.#options.crowd.opened(from);
    const { address, addressKey, connection } = from;
    const { headers } = exchange;
    const { query, transport } = ask;
    const source = { address, addressKey, connection, headers, query, transport };
    if (ask.transport === 'websocket') {
      exchange.upgrade(new NewSession(this.#context, source, ask.isTextOnly));
      return;
    }
    const session = new EngineSession(this.#context, source);
    const answer = payloadAnswer([session.openPolling()]);
    this.#keep(exchange);
    send(exchange, answer, ask.cors);
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
    const address = decodeSessionId(sessionId);
    const isOfThisNode = address !== undefined && address.node === this.#context.node;
    const owner = isOfThisNode ? this.#options.ownerOf(address.worker) : undefined;
    if (owner === undefined) {
      this.#refuse(exchange, 'unknownSession', ask.cors);
      return;
    }
    if (address?.worker !== this.#context.worker) this.#context.counters.requestsForwarded++;
    if (ask.transport === 'websocket') void this.#offerSocket(exchange, ask, owner, sessionId);
    else if (ask.isPost) this.#post(exchange, ask, owner, sessionId);
    else this.#poll(exchange, ask, owner, sessionId);
  }

  #poll(exchange: Exchange, ask: EngineRequest, owner: SessionOwner, sessionId: string): void {
    exchange.allowIdle(this.#times.pollSeconds);
    this.#waiting.add(exchange, this.#times.pollSeconds);
    const reply = (answer: HttpAnswer): void => {
      this.#waiting.remove(exchange);
      this.#finish(exchange, answer, ask.cors);
    };
    exchange.isHeld = true;
    exchange.onAbandon = () => {
      this.#waiting.remove(exchange);
      owner.abandonPoll(sessionId, reply);
    };
    owner.poll(sessionId, reply);
  }

  #post(exchange: Exchange, ask: EngineRequest, owner: SessionOwner, sessionId: string): void {
    exchange.allowIdle(this.#times.postSeconds);
    owner.beginPost(sessionId);
    const isBinary = exchange.headers.get('content-type') === 'application/octet-stream';
    exchange.readBody(this.#options.maxPayloadBytes, (body) => {
      const taken = isBinary ? BINARY_REFUSED : body;
      if ('fault' in taken) {
        owner.post(sessionId, undefined, () => {});
        this.#refuseBody(exchange, taken.fault, ask.cors);
        return;
      }
      const reply = (answer: HttpAnswer): void => this.#finish(exchange, answer, ask.cors);
      owner.post(sessionId, textOf(taken.bytes), reply);
    });
  }

  #refuseBody(exchange: Exchange, fault: BodyFault, cors: AnswerHeaders): void {
    if (fault === 'tooLong') this.#context.refusals.count('payloadTooLarge');
    this.#finish(exchange, BODY_ANSWERS[fault], cors);
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

  /** Answers a request of a session, or one that turned out to have none. */
  #finish(exchange: Exchange, answer: HttpAnswer, cors: AnswerHeaders): void {
    if (answer.status < 400) this.#keep(exchange);
    else if (this.#options.watch.isLastAnswer(exchange.connection)) exchange.makeLast();
    send(exchange, answer, cors);
  }

  /** The connection brought a request of a session, and stays for more. */
  #keep(exchange: Exchange): void {
    const { watch } = this.#options;
    exchange.keepFor(watch.isWatching ? KEPT_SECONDS : this.#times.keepAliveSeconds);
    if (!watch.isWatching) return;
    watch.vouch(exchange.connection, KEPT_SECONDS);
  }

  #refuse(exchange: Exchange, name: ProtocolError, cors: AnswerHeaders): void {
    this.#context.refusals.count(REASON_OF[name]);
    this.#finish(exchange, engineError(name), cors);
  }

  /** An address has, or sends, more than it may. */
  #tooMany(exchange: Exchange, cors: AnswerHeaders, reason: Reason, address: string): void {
    this.#context.counters.handshakesRefused++;
    this.#context.refusals.count(reason, address);
    const headers = { ...cors, 'retry-after': RETRY_AFTER_SECONDS };
    this.#finish(exchange, engineError('tooMany'), headers);
  }

  /** At capacity, or about to stop. */
  #notNow(exchange: Exchange, cors: AnswerHeaders): void {
    this.#context.counters.handshakesRefused++;
    this.#context.refusals.count(this.#options.isStopping() ? 'stopping' : 'atCapacity');
    const body = 'not taking sessions now, try again later\n';
    const headers = { ...cors, 'retry-after': RETRY_AFTER_SECONDS };
    this.#finish(exchange, { status: 503, type: 'text/plain', body }, headers);
  }
}

function* namesIn({ headers, target }: Exchange): Generator<string> {
  yield* headers.keys();
  yield* new URLSearchParams(requestTarget(target).query).keys();
}

function send(exchange: Exchange, answer: HttpAnswer, cors: AnswerHeaders): void {
  exchange.answer(answer, { ...ANSWER_HEADERS, ...cors });
}

/** Without the byte order mark that some encoders put in front. */
function textOf(bytes: Buffer): string {
  return new TextDecoder().decode(bytes);
}
