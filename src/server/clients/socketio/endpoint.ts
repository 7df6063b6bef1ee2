/**
 * The HTTP face of Engine.IO: every request on its path, handed to the session's owner.
 *
 *     handshake          → a session of this worker
 *     poll, post, probe  → the worker named in the session id, this one or another
 *
 * Source: the Engine.IO protocol, revision 4, "Handshake" and "HTTP long-polling".
 */

import type {
  HttpAnswer,
  SessionOwner,
  SocketOpener,
} from '../../core/contracts/client-connection.ts';
import type { KindAnswer, RequestServer } from '../../core/contracts/client-kind.ts';
import type { Reason } from '../../core/limits/reasons.ts';
import { decodeSessionId } from '../../protocol/session-id.ts';
import type { OriginPolicy } from '../source/origin-policy.ts';
import type { TrustedProxies } from '../source/trusted-proxies.ts';
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
import type { HandshakeSource } from './session-extras.ts';
import { NewSession, OfferToSession } from './socket-openers.ts';

/** Long enough for others to leave, short enough for people to wait. */
const RETRY_AFTER_SECONDS = '5';

/** Bun takes no longer times, and counts them in grains of 4 seconds that may end early. */
const IDLE_MAX_SECONDS = 255;
const IDLE_GRAIN_SECONDS = 8;

/** How the protocol's own refusals are counted. */
const REASON_OF = {
  unknownTransport: 'badRequest',
  unknownSession: 'sessionUnknown',
  badMethod: 'badRequest',
  badRequest: 'badRequest',
  forbidden: 'originForbidden',
  unsupportedVersion: 'badRequest',
} as const satisfies Record<EngineErrorName, Reason>;

export interface EndpointOptions {
  readonly context: EngineContext;
  readonly proxies: TrustedProxies;
  readonly origins: OriginPolicy;
  /** The owner of sessions of a worker of this node; `undefined` when there is no such worker. */
  ownerOf(worker: number): SessionOwner | undefined;
  isStopping(): boolean;
}

export class EngineEndpoint {
  readonly #context: EngineContext;
  readonly #options: EndpointOptions;
  /** A poll is answered by the next ping at the latest. */
  readonly #pollSeconds: number;

  constructor(options: EndpointOptions) {
    this.#context = options.context;
    this.#options = options;
    const { pingIntervalMs, pingTimeoutMs } = options.context.settings;
    this.#pollSeconds = Math.min(
      Math.ceil((pingIntervalMs + pingTimeoutMs) / 1000) + IDLE_GRAIN_SECONDS,
      IDLE_MAX_SECONDS,
    );
  }

  /** @returns the answer; `undefined` once the request has become a WebSocket */
  handle(request: Request, query: string, server: RequestServer): KindAnswer {
    if (request.method === 'OPTIONS') return this.#preflight(request);
    const ask = readEngineRequest(request, query, this.#options.origins);
    if ('refused' in ask) {
      this.#context.counters.handshakesRefused++;
      return this.#refuse(ask.refused, ask.cors);
    }
    if (ask.sessionId !== undefined) return this.#withSession(ask, ask.sessionId, server);
    if (this.#context.isFull || this.#options.isStopping()) return this.#notNow(ask.cors);
    const source = this.#sourceOf(ask, server);
    if (ask.transport === 'polling') {
      const session = new EngineSession(this.#context, source);
      return toResponse(payloadAnswer([session.openPolling()]), ask.cors);
    }
    return this.#upgrade(ask, new NewSession(this.#context, source, ask.isTextOnly), server);
  }

  #sourceOf(ask: EngineRequest, server: RequestServer): HandshakeSource {
    const { headers } = ask.request;
    const peer = server.requestIP(ask.request)?.address ?? '';
    const { address } = this.#options.proxies.sourceOf(headers, peer);
    return { headers: headers.toJSON(), query: ask.query, address, transport: ask.transport };
  }

  #preflight(request: Request): Response {
    const cors = this.#options.origins.headersFor(request.headers);
    if (cors === undefined) return this.#refuse('forbidden', {});
    const headers = { ...cors, ...preflightHeaders(request.headers) };
    return new Response(null, { status: 204, headers });
  }

  #withSession(ask: EngineRequest, sessionId: string, server: RequestServer): KindAnswer {
    const address = decodeSessionId(sessionId);
    const isOfThisNode = address !== undefined && address.node === this.#context.node;
    const owner = isOfThisNode ? this.#options.ownerOf(address.worker) : undefined;
    if (owner === undefined) return this.#refuse('unknownSession', ask.cors);
    if (address?.worker !== this.#context.worker) this.#context.counters.requestsForwarded++;
    if (ask.transport === 'websocket') return this.#offerSocket(ask, owner, sessionId, server);
    if (ask.request.method === 'POST') return this.#post(ask, owner, sessionId);
    server.timeout(ask.request, this.#pollSeconds);
    return this.#poll(ask, owner, sessionId);
  }

  #poll(ask: EngineRequest, owner: SessionOwner, sessionId: string): Promise<Response> {
    return new Promise((resolve) => {
      const reply = (answer: HttpAnswer): void => resolve(toResponse(answer, ask.cors));
      ask.request.signal.addEventListener('abort', () => owner.abandonPoll(sessionId, reply));
      owner.poll(sessionId, reply);
    });
  }

  async #post(ask: EngineRequest, owner: SessionOwner, sessionId: string): Promise<Response> {
    owner.beginPost(sessionId);
    const body = await readBody(ask.request, this.#context.settings.maxPayloadBytes);
    if (typeof body !== 'string') {
      owner.post(sessionId, undefined, () => {});
      return toResponse(body, ask.cors);
    }
    return await new Promise((resolve) => {
      owner.post(sessionId, body, (answer) => resolve(toResponse(answer, ask.cors)));
    });
  }

  async #offerSocket(
    ask: EngineRequest,
    owner: SessionOwner,
    sessionId: string,
    server: RequestServer,
  ): Promise<Response | undefined> {
    if (!(await owner.knows(sessionId))) return this.#refuse('unknownSession', ask.cors);
    return this.#upgrade(ask, new OfferToSession(owner, sessionId, ask.isTextOnly), server);
  }

  #upgrade(ask: EngineRequest, data: SocketOpener, server: RequestServer): Response | undefined {
    const isUpgraded = server.upgrade(ask.request, { data });
    return isUpgraded ? undefined : this.#refuse('badRequest', ask.cors);
  }

  #refuse(name: EngineErrorName, cors: AnswerHeaders): Response {
    this.#context.refusals.count(REASON_OF[name]);
    return toResponse(engineError(name), cors);
  }

  /** At capacity, or about to stop. */
  #notNow(cors: AnswerHeaders): Response {
    this.#context.counters.handshakesRefused++;
    this.#context.refusals.count(this.#options.isStopping() ? 'stopping' : 'atCapacity');
    return new Response('not taking sessions now, try again later\n', {
      status: 503,
      headers: { ...cors, 'retry-after': RETRY_AFTER_SECONDS },
    });
  }
}

/** Reads a request's body as text, or says why not. */
async function readBody(request: Request, maxBytes: number): Promise<string | HttpAnswer> {
  // Binary bodies were the previous revision's; in this one bytes travel as base64.
  if (request.headers.get('content-type') === 'application/octet-stream') {
    return engineError('badRequest');
  }
  const tooLarge: HttpAnswer = { status: 413, type: 'text/plain', body: 'payload too large\n' };
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) return tooLarge;
  try {
    const body = await request.text();
    return Buffer.byteLength(body) > maxBytes ? tooLarge : body;
  } catch {
    return engineError('badRequest');
  }
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
