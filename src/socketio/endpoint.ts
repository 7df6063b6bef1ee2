/**
 * The HTTP face of Engine.IO: every request on its path, judged and handed to the session's owner.
 *
 *     handshake          → a session of this worker
 *     poll, post, probe  → the worker named in the session id, this one or another
 *
 * Source: the Engine.IO protocol, revision 4, "Handshake" and "HTTP long-polling".
 */

import type {
  FrameHandler,
  FrameSocket,
  HttpAnswer,
  SessionOwner,
  SocketData,
  SocketOpener,
} from '../core/client-connection.ts';
import { decodeSessionId } from '../protocol/session-id.ts';
import { corsHeaders, preflightHeaders } from './cors.ts';
import type { EngineContext } from './engine-context.ts';
import { type EngineErrorName, engineError } from './engine-error.ts';
import { EngineSession, type HandshakeSource } from './engine-session.ts';
import { payloadAnswer } from './polling-transport.ts';

const RETRY_AFTER_SECONDS = '5';

/** The part of Bun's server that a request needs. */
export interface RequestServer {
  upgrade(request: Request, options: { data: SocketData }): boolean;
  requestIP(request: Request): { readonly address: string } | null;
}

export interface EndpointOptions {
  readonly context: EngineContext;
  /** The owner of sessions of a worker of this node; `undefined` when there is no such worker. */
  ownerOf(worker: number): SessionOwner | undefined;
  isStopping(): boolean;
}

export class EngineEndpoint {
  readonly #context: EngineContext;
  readonly #ownerOf: (worker: number) => SessionOwner | undefined;
  readonly #isStopping: () => boolean;

  constructor(options: EndpointOptions) {
    this.#context = options.context;
    this.#ownerOf = (worker) => options.ownerOf(worker);
    this.#isStopping = () => options.isStopping();
  }

  /** @returns the answer; `undefined` once the request has become a WebSocket */
  handle(
    request: Request,
    query: string,
    server: RequestServer,
  ): Response | undefined | Promise<Response | undefined> {
    const cors = corsHeaders(request.headers, this.#context.settings);
    if (cors === undefined) return this.#refuse('forbidden', {});
    if (request.method === 'OPTIONS') {
      const headers = { ...cors, ...preflightHeaders(request.headers) };
      return new Response(null, { status: 204, headers });
    }
    const params = new URLSearchParams(query);
    const transport = params.get('transport');
    if (transport !== 'polling' && transport !== 'websocket') {
      return this.#refuse('unknownTransport', cors);
    }
    if (params.get('EIO') !== '4') return this.#refuse('unsupportedVersion', cors);
    if (params.has('j')) return this.#refuse('badRequest', cors);
    const isUpgrade = request.headers.get('upgrade')?.toLowerCase() === 'websocket';
    if (isUpgrade !== (transport === 'websocket')) return this.#refuse('badRequest', cors);
    const sessionId = params.get('sid');
    if (sessionId !== null) return this.#withSession(request, sessionId, isUpgrade, cors, server);
    if (request.method !== 'GET') return this.#refuse('badMethod', cors);
    if (this.#context.isFull || this.#isStopping()) return this.#atCapacity(cors);
    const source = handshakeSource(request, query, transport, server, params.has('b64'));
    if (!isUpgrade) return this.#openPolling(source, cors);
    return this.#openSocket(request, source, cors, server);
  }

  #openPolling(source: HandshakeSource, cors: Readonly<Record<string, string>>): Response {
    const session = new EngineSession(this.#context, source);
    return toResponse(payloadAnswer([session.openPolling()]), cors);
  }

  #openSocket(
    request: Request,
    source: HandshakeSource,
    cors: Readonly<Record<string, string>>,
    server: RequestServer,
  ): Response | undefined {
    const data = new NewSessionSocket(this.#context, source);
    return server.upgrade(request, { data }) ? undefined : this.#refuse('badRequest', cors);
  }

  #withSession(
    request: Request,
    sessionId: string,
    isUpgrade: boolean,
    cors: Readonly<Record<string, string>>,
    server: RequestServer,
  ): Response | Promise<Response | undefined> {
    const address = decodeSessionId(sessionId);
    const isOurs = address !== undefined && address.node === this.#context.node;
    const owner = isOurs ? this.#ownerOf(address.worker) : undefined;
    if (owner === undefined) return this.#refuse('unknownSession', cors);
    if (address?.worker !== this.#context.worker) this.#context.counters.requestsForwarded++;
    if (isUpgrade) return this.#offerSocket(request, owner, sessionId, cors, server);
    switch (request.method) {
      case 'GET':
        return this.#poll(request, owner, sessionId, cors);
      case 'POST':
        return this.#post(request, owner, sessionId, cors);
      default:
        return this.#refuse('badMethod', cors);
    }
  }

  #poll(
    request: Request,
    owner: SessionOwner,
    sessionId: string,
    cors: Readonly<Record<string, string>>,
  ): Promise<Response> {
    return new Promise((resolve) => {
      const reply = (answer: HttpAnswer): void => resolve(toResponse(answer, cors));
      request.signal.addEventListener('abort', () => owner.abandonPoll(sessionId, reply));
      owner.poll(sessionId, reply);
    });
  }

  async #post(
    request: Request,
    owner: SessionOwner,
    sessionId: string,
    cors: Readonly<Record<string, string>>,
  ): Promise<Response> {
    const body = await readBody(request, this.#context.settings.maxPayloadBytes);
    if (typeof body !== 'string') return toResponse(body, cors);
    return await new Promise((resolve) => {
      owner.post(sessionId, body, (answer) => resolve(toResponse(answer, cors)));
    });
  }

  async #offerSocket(
    request: Request,
    owner: SessionOwner,
    sessionId: string,
    cors: Readonly<Record<string, string>>,
    server: RequestServer,
  ): Promise<Response | undefined> {
    if (!(await owner.mayUpgrade(sessionId))) return this.#refuse('unknownSession', cors);
    const data = new OfferedSocket(owner, sessionId);
    return server.upgrade(request, { data }) ? undefined : this.#refuse('badRequest', cors);
  }

  #refuse(name: EngineErrorName, cors: Readonly<Record<string, string>>): Response {
    this.#context.counters.handshakesRefused++;
    return toResponse(engineError(name), cors);
  }

  #atCapacity(cors: Readonly<Record<string, string>>): Response {
    this.#context.counters.handshakesRefused++;
    return new Response('at capacity, try again later\n', {
      status: 503,
      headers: { ...cors, 'retry-after': RETRY_AFTER_SECONDS },
    });
  }
}

/** A WebSocket without a session id: it opens a session of its own. */
class NewSessionSocket implements SocketOpener {
  readonly #context: EngineContext;
  readonly #source: HandshakeSource;

  constructor(context: EngineContext, source: HandshakeSource) {
    this.#context = context;
    this.#source = source;
  }

  open(socket: FrameSocket): FrameHandler {
    const session = new EngineSession(this.#context, this.#source);
    session.openSocket(socket);
    return session;
  }
}

/** A WebSocket with a session id: it is offered to the session's owner. */
class OfferedSocket implements SocketOpener {
  readonly #owner: SessionOwner;
  readonly #sessionId: string;

  constructor(owner: SessionOwner, sessionId: string) {
    this.#owner = owner;
    this.#sessionId = sessionId;
  }

  open(socket: FrameSocket): FrameHandler | undefined {
    return this.#owner.offerSocket(this.#sessionId, socket);
  }
}

function handshakeSource(
  request: Request,
  query: string,
  transport: 'polling' | 'websocket',
  server: RequestServer,
  isTextOnly: boolean,
): HandshakeSource {
  return {
    headers: request.headers.toJSON(),
    query,
    address: server.requestIP(request)?.address ?? '',
    transport,
    isTextOnly,
    openedTick: 0,
  };
}

/** Reads a request's body as text, or says why not. */
async function readBody(request: Request, maxBytes: number): Promise<string | HttpAnswer> {
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

function toResponse(answer: HttpAnswer, cors: Readonly<Record<string, string>>): Response {
  return new Response(answer.body, {
    status: answer.status,
    headers: { 'content-type': answer.type, 'cache-control': 'no-store', ...cors },
  });
}
