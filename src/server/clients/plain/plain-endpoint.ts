/**
 * The HTTP face of the plain protocol: `/ws`, `/sse` and `/poll`.
 *
 *     first request        → a session of this worker
 *     poll, POST with id   → the worker named in the session's id, this one or another
 */

import type { ForeignJson } from '../../../host/runtime/foreign-json.ts';
import type { TransportName } from '../../core/app/app.ts';
import type {
  FrameHandler,
  FrameSocket,
  HttpAnswer,
  Reply,
  SessionOwner,
  SocketOpener,
} from '../../core/contracts/client-connection.ts';
import type { ClientKind } from '../../core/contracts/client-kind.ts';
import type { AnswerHeaders, BodyFault, Exchange } from '../../core/contracts/exchange.ts';
import type { Reason } from '../../core/limits/reasons.ts';
import { timeoutSeconds } from '../../core/limits/timeout-seconds.ts';
import { type QueryParams, queryParams } from '../../protocol/query-params.ts';
import { requestTarget } from '../../protocol/request-target.ts';
import { UNKNOWN_SESSION } from '../../protocol/unknown-session.ts';
import type { Admissions } from '../session/admissions.ts';
import { type Entrance, RETRY_AFTER_SECONDS, type TurnedAway } from '../session/entrance.ts';
import { HeldPoll } from '../session/held-poll.ts';
import type { HandshakeSource } from '../session/session-extras.ts';
import { ANSWER_HEADERS, type SessionRequests, strictTextOf } from '../session/session-requests.ts';
import type { OriginPolicy } from '../source/origin-policy.ts';
import { preflightHeaders } from '../source/preflight.ts';
import { errorAnswer } from './plain-answers.ts';
import type { PlainHome } from './plain-home.ts';
import { isUpgrade, type Opening, readOpening, readSince } from './plain-request.ts';
import { PlainSession } from './plain-session.ts';
import { RawSession } from './raw-session.ts';
import { STREAM_HEADERS, StreamSocket } from './stream-socket.ts';
import { LINES_FORMAT, SSE_FORMAT, type StreamFormat } from './wire-formats.ts';

type Door = 'ws' | 'sse' | 'poll';

/** A request, and what is needed to answer it. */
interface Ask {
  readonly exchange: Exchange;
  readonly door: Door;
  readonly query: string;
  readonly params: QueryParams;
  /** Headers that let the page read the answer. */
  readonly cors: AnswerHeaders;
}

export interface PlainEndpointOptions {
  readonly home: PlainHome<PlainSession>;
  /** The way to the sessions of this worker. */
  readonly own: SessionOwner;
  /** What stands before `ws`, `sse` and `poll`: `/`. */
  readonly path: string;
  readonly json: ForeignJson;
  readonly admissions: Admissions;
  readonly entrance: Entrance;
  readonly requests: SessionRequests;
  readonly origins: OriginPolicy;
}

/** A poll is answered a little later than it is due, by the grain of heartbeats. */
const HOLD_MARGIN_MS = 15_000;

const DOORS: readonly Door[] = ['ws', 'sse', 'poll'];

const NOT_UPGRADED = errorAnswer(426, 'badRequest', 'this is the place of a WebSocket');
const FORBIDDEN = errorAnswer(403, 'originForbidden', 'pages of this origin may not ask');
const NO_SESSION = errorAnswer(404, 'sessionUnknown', 'there is no such session: open a new one');

const BODY_ANSWERS: Readonly<Record<BodyFault, HttpAnswer>> = {
  tooLong: errorAnswer(413, 'payloadTooLarge', 'the body is longer than `maxPayload`'),
  brokenOff: errorAnswer(400, 'badRequest', 'the body is not whole'),
  letGo: errorAnswer(503, 'memoryBudget', 'overloaded'),
};

const TURNED_AWAY: Readonly<Record<TurnedAway['status'], string>> = {
  400: 'the request has names that are made to collide',
  429: 'too many from this address, try again later',
  503: 'not taking sessions now, try again later',
};

/** Pages of other origins may not read it otherwise. */
const COME_BACK: AnswerHeaders = {
  'retry-after': RETRY_AFTER_SECONDS,
  'access-control-expose-headers': 'Retry-After',
};

export class PlainEndpoint implements ClientKind {
  readonly name: string = 'plain';
  readonly transports: readonly TransportName[] = ['websocket', 'sse', 'stream', 'polling'];
  readonly #options: PlainEndpointOptions;
  readonly #home: PlainHome<PlainSession>;
  readonly #requests: SessionRequests;
  readonly #doors: ReadonlyMap<string, Door>;
  readonly #holdSeconds: number;

  constructor(options: PlainEndpointOptions) {
    this.#options = options;
    this.#home = options.home;
    this.#requests = options.requests;
    this.#doors = new Map(DOORS.map((door) => [options.path + door, door]));
    this.#holdSeconds = timeoutSeconds(options.home.plain.pollHoldMs + HOLD_MARGIN_MS);
  }

  serves(path: string): boolean {
    return this.#doors.has(path);
  }

  sweep(): void {
    this.#home.heldPolls.sweep();
    this.#home.router.sweep();
  }

  handle(exchange: Exchange, query: string): void {
    const door = this.#doors.get(requestTarget(exchange.target).path);
    const cors = this.#options.origins.headersFor(exchange.headers);
    if (cors === undefined || door === undefined) {
      this.#refuse(exchange, {}, 'originForbidden', FORBIDDEN);
      return;
    }
    const ask = { exchange, door, query, params: queryParams(query), cors };
    switch (exchange.method) {
      case 'GET':
        this.#get(ask);
        return;
      case 'POST':
        this.#post(ask);
        return;
      case 'HEAD':
        this.#head(ask);
        return;
      case 'OPTIONS':
        this.#preflight(ask);
        return;
      default:
        this.#wrongMethod(ask);
    }
  }

  #get(ask: Ask): void {
    const { exchange, door, params, cors } = ask;
    if (door === 'ws' && !isUpgrade(exchange)) {
      this.#refuse(exchange, { ...cors, upgrade: 'websocket' }, 'badRequest', NOT_UPGRADED);
      return;
    }
    const since = door === 'poll' ? readSince(params) : undefined;
    if (since === undefined) this.#open(ask, undefined);
    else if (typeof since !== 'string') this.#misunderstood(ask, since.fault);
    else this.#poll(ask, since);
  }

  /** Sends messages, or opens a session by what its body says. */
  #post(ask: Ask): void {
    const { exchange, door, params, cors } = ask;
    if (door === 'ws') {
      this.#wrongMethod(ask);
      return;
    }
    const sessionId = params.get('session') ?? '';
    this.#requests.readBody(exchange, (body) => {
      const text = 'fault' in body ? body : strictTextOf(body.bytes);
      if (text === undefined) this.#misunderstood(ask, 'the body is no UTF-8');
      else if (typeof text !== 'string') {
        this.finish(exchange, BODY_ANSWERS[text.fault], cors);
      } else if (sessionId === '') this.#open(ask, text);
      else this.#take(ask, sessionId, text);
    });
  }

  #take({ exchange, cors }: Ask, sessionId: string, body: string): void {
    const reply: Reply = {
      answer: (given) => {
        if (isUnknown(given)) this.#refuse(exchange, cors, 'sessionUnknown', NO_SESSION);
        else this.finish(exchange, given, cors);
      },
    };
    const owner = this.#requests.ownerOf(sessionId);
    if (owner === undefined) reply.answer(UNKNOWN_SESSION);
    else owner.post(sessionId, body, reply);
  }

  /** Waits for more; a session that is not there any more begins anew. */
  #poll(ask: Ask, since: string): void {
    const { exchange, cors } = ask;
    const owner = this.#requests.ownerOf(since);
    if (owner === undefined) {
      this.#open(ask, undefined);
      return;
    }
    const poll = new RepeatedPoll(this, this.#requests, exchange, owner, since, cors);
    // Whose session is elsewhere may be told that it is not there any more.
    poll.hold(this.#holdSeconds, owner !== this.#options.own);
  }

  /** Gives the answer of a session's owner, which may be too busy to be asked. */
  finish(exchange: Exchange, given: HttpAnswer, cors: AnswerHeaders): void {
    if (given.status !== 503) this.#requests.finish(exchange, given, cors);
    else this.#requests.finish(exchange, BODY_ANSWERS.letGo, { ...cors, ...COME_BACK });
  }

  /** The session of a poll is not there any more: the same request opens another. */
  reopen(exchange: Exchange, cors: AnswerHeaders): void {
    const { query } = requestTarget(exchange.target);
    const params = queryParams(query);
    this.#open({ exchange, door: 'poll', query, params, cors }, undefined);
  }

  // How a session is opened.

  #open(ask: Ask, body: string | undefined): void {
    const { exchange, door, query, cors } = ask;
    const opening = readOpening(ask.params, door === 'ws', body, this.#options.json);
    if ('fault' in opening) {
      this.#misunderstood(ask, opening.fault);
      return;
    }
    const from = this.#options.entrance.admit(exchange);
    if ('status' in from) {
      this.#turnAway(ask, from);
      return;
    }
    const { address, addressKey, connection } = from;
    const transport = transportOf(door, opening);
    const { headers } = exchange;
    const source = { address, addressKey, connection, headers, query, transport };
    if (door === 'ws') exchange.upgrade(new NewSocket(this.#options, source, opening));
    else if (door === 'sse') this.#openStream(exchange, source, opening, SSE_FORMAT, cors);
    else if (opening.isStream) this.#openStream(exchange, source, opening, LINES_FORMAT, cors);
    else this.#openPolling(ask, source, opening);
  }

  #openStream(
    exchange: Exchange,
    source: HandshakeSource,
    { auth, wish }: Opening,
    format: StreamFormat,
    cors: AnswerHeaders,
  ): void {
    exchange.allowIdle(timeoutSeconds(this.#home.settings.connectTimeoutMs));
    const session = new PlainSession(this.#home, source);
    session.openStream(new StreamSocket(exchange, format, cors));
    session.askToJoin(this.#options.admissions, auth, source.query.length, wish);
  }

  #openPolling({ exchange, cors }: Ask, source: HandshakeSource, { auth, wish }: Opening): void {
    const session = new PlainSession(this.#home, source);
    const id = session.openPolling();
    const { own } = this.#options;
    new HeldPoll(this.#requests, exchange, own, `${id}.0`, cors).hold(this.#holdSeconds, true);
    session.askToJoin(this.#options.admissions, auth, source.query.length, wish);
  }

  // Other answers.

  /** As the first request would be answered, without a session. */
  #head({ exchange, door, params, cors }: Ask): void {
    if (door === 'ws') {
      this.#refuse(exchange, { ...cors, upgrade: 'websocket' }, 'badRequest', NOT_UPGRADED);
      return;
    }
    const lines = params.get('stream') === '1' ? LINES_FORMAT : undefined;
    const stream = door === 'sse' ? SSE_FORMAT : lines;
    const type = stream?.contentType ?? 'application/json';
    const headers = { 'content-type': type, ...(stream && STREAM_HEADERS), ...cors };
    // How long its body would be is not known.
    exchange.stream(200, Object.entries({ ...ANSWER_HEADERS, ...headers })).end();
  }

  #preflight({ exchange, cors }: Ask): void {
    const allowed = { ...cors, ...preflightHeaders(exchange.headers) };
    exchange.answer({ status: 204, type: '', body: '' }, allowed);
  }

  #wrongMethod({ exchange, door, cors }: Ask): void {
    const allow = door === 'ws' ? 'GET, OPTIONS' : 'GET, HEAD, POST, OPTIONS';
    const answer = errorAnswer(405, 'badRequest', `only ${allow}`);
    this.#refuse(exchange, { ...cors, allow }, 'badRequest', answer);
  }

  #misunderstood({ exchange, cors }: Ask, fault: string): void {
    this.#refuse(exchange, cors, 'badRequest', errorAnswer(400, 'badRequest', fault));
  }

  #turnAway({ exchange, cors }: Ask, { status, reason }: TurnedAway): void {
    const answer = errorAnswer(status, reason, TURNED_AWAY[status]);
    const again = status === 400 ? {} : COME_BACK;
    this.#requests.finish(exchange, answer, { ...cors, ...again });
  }

  #refuse(exchange: Exchange, headers: AnswerHeaders, reason: Reason, answer: HttpAnswer): void {
    this.#home.refusals.count(reason);
    this.#requests.finish(exchange, answer, headers);
  }
}

/** A poll that says where it stands. */
class RepeatedPoll extends HeldPoll {
  readonly #endpoint: PlainEndpoint;
  readonly #cors: AnswerHeaders;

  constructor(
    endpoint: PlainEndpoint,
    requests: SessionRequests,
    exchange: Exchange,
    owner: SessionOwner,
    since: string,
    cors: AnswerHeaders,
  ) {
    super(requests, exchange, owner, since, cors);
    this.#endpoint = endpoint;
    this.#cors = cors;
  }

  protected override finish(given: HttpAnswer): void {
    if (isUnknown(given)) this.#endpoint.reopen(this.exchange, this.#cors);
    else this.#endpoint.finish(this.exchange, given, this.#cors);
  }
}

/** What a WebSocket becomes once it is open. */
class NewSocket implements SocketOpener {
  readonly #options: PlainEndpointOptions;
  readonly #source: HandshakeSource;
  readonly #opening: Opening;

  constructor(options: PlainEndpointOptions, source: HandshakeSource, opening: Opening) {
    this.#options = options;
    this.#source = source;
    this.#opening = opening;
  }

  open(socket: FrameSocket): FrameHandler {
    const { auth, isRaw, isAuthAwaited } = this.#opening;
    const Kind = isRaw ? RawSession : PlainSession;
    const session = new Kind(this.#options.home, this.#source);
    session.openSocket(socket, isAuthAwaited);
    const bytes = this.#source.query.length;
    if (!isAuthAwaited) session.askToJoin(this.#options.admissions, auth, bytes);
    return session;
  }
}

function transportOf(door: Door, { isStream }: Opening): TransportName {
  if (door === 'ws') return 'websocket';
  if (door === 'sse') return 'sse';
  return isStream ? 'stream' : 'polling';
}

/** Whether the owner of a session knows nothing of it. */
function isUnknown({ status, body }: HttpAnswer): boolean {
  return status === UNKNOWN_SESSION.status && body === UNKNOWN_SESSION.body;
}
