/**
 * The ports of a worker: the public one, shared with the other workers, and perhaps one of its own.
 *
 * Requests are told apart by path: Socket.IO, its files for browsers, health and readiness; the
 * rest is the app's.
 */

import type { Server as BunServer, ServerWebSocket } from 'bun';
import {
  readTlsPair,
  type TlsPair,
  type TlsPaths,
  tlsPaths,
  watchTls,
} from '../../host/access/tls-files.ts';
import type { EngineEndpoint } from '../clients/socketio/endpoint.ts';
import type { ConnectionWatch } from '../clients/source/connection-watch.ts';
import type { RequestSources } from '../clients/source/request-sources.ts';
import type { App, Server } from '../core/app/app.ts';
import type { ServedFiles } from '../core/app/served-files.ts';
import type { FrameSocket, SocketData } from '../core/contracts/client-connection.ts';
import type { Refusals } from '../core/limits/refusals.ts';
import type { RequestBodies } from '../core/limits/request-bodies.ts';
import { timeoutSeconds } from '../core/limits/timeout-seconds.ts';
import { describeError, type Log } from '../core/log/log.ts';
import type { WorkerSettings } from '../links/bus/worker-settings.ts';
import { CLOSE_CODE } from '../protocol/close-code.ts';
import { asksForLastAnswer, lastAnswer } from '../protocol/last-answer.ts';
import { requestTarget } from '../protocol/request-target.ts';
import { answerOfApp } from './app-request.ts';
import { clientFiles } from './client-files.ts';

export interface PublicServerOptions {
  readonly settings: WorkerSettings;
  readonly endpoint: EngineEndpoint;
  readonly bodies: RequestBodies;
  readonly sources: RequestSources;
  readonly watch: ConnectionWatch;
  readonly app: App;
  readonly server: Server;
  readonly log: Log;
  readonly refusals: Refusals;
  /** The worker takes sessions now. */
  isReady(): boolean;
}

/**
 * Who connects and says nothing, or drips a request, holds an open file for so long; requests that
 * get somewhere set a longer time for themselves. Bun counts it in grains of 4 s, from the last
 * request on, whatever has come since. When files are short the door is quicker (door/door.ts).
 */
const IDLE_SECONDS = 10;

export class PublicServer {
  readonly #options: PublicServerOptions;
  /** Those that listen, and those that only serve what came while an older certificate stood. */
  readonly #servers: BunServer<SocketData>[] = [];
  readonly #tlsPaths: TlsPaths | undefined;
  #tls: TlsPair | undefined;
  #stopWatching: (() => void) | undefined;
  readonly #clientFiles: ServedFiles;

  constructor(options: PublicServerOptions) {
    this.#options = options;
    const { path, tlsCert, tlsKey } = options.settings.config;
    this.#tlsPaths = tlsPaths(tlsCert, tlsKey);
    this.#clientFiles = clientFiles(path);
  }

  /** Starts to listen. @throws the system's error when a port is taken */
  listen(): void {
    const paths = this.#tlsPaths;
    if (paths !== undefined) {
      this.#tls = readTlsPair(paths);
      this.#stopWatching = watchTls(paths, {
        onPair: (pair) => this.#renew(pair),
        onFault: (reason) => this.#options.log.error('a new certificate is not used', { reason }),
      });
    }
    this.#listenOnAll();
  }

  #listenOnAll(): void {
    const { publicPort, ownPort } = this.#options.settings;
    this.#listenOn(publicPort, true);
    // With TLS a second listener takes over from the first when the certificate changes.
    if (ownPort !== 0) this.#listenOn(ownPort, this.#tls !== undefined);
  }

  /** Connections that are open keep the certificate they came with. */
  #renew(pair: TlsPair): void {
    const before = [...this.#servers];
    this.#tls = pair;
    this.#listenOnAll();
    for (const server of before) void server.stop(false);
    this.#options.log.info('a new certificate is used from now on');
  }

  /** WebSockets that are open: those of sessions, at an edge, and on their way to either. */
  get socketCount(): number {
    return this.#servers.reduce((sum, { pendingWebSockets }) => sum + pendingWebSockets, 0);
  }

  /** Takes no more connections; those that are open stay. */
  stopListening(): void {
    this.#stopWatching?.();
    for (const server of this.#servers) void server.stop(false);
  }

  /** Closes what is still open. */
  close(): void {
    for (const server of this.#servers) void server.stop(true);
  }

  #listenOn(port: number, isShared: boolean): void {
    const { config, memoryBudgetBytes } = this.#options.settings;
    this.#servers.push(
      Bun.serve<SocketData>({
        hostname: config.host,
        port,
        reusePort: isShared,
        ...(this.#tls === undefined ? {} : { tls: this.#tls }),
        development: false,
        idleTimeout: IDLE_SECONDS,
        // Bodies are bounded as they are read; see request-bodies.ts.
        maxRequestBodySize: Number.MAX_SAFE_INTEGER,
        fetch: (request, server) => this.#handle(request, server),
        error: (error) => this.#failed(error),
        websocket: {
          perMessageDeflate: false,
          // Liveness is the heartbeat's business; see core/heartbeat.ts.
          idleTimeout: 0,
          sendPings: false,
          maxPayloadLength: config.maxPayloadBytes,
          // Sessions are judged by how long much has waited for them; see slow-readers.ts.
          backpressureLimit: memoryBudgetBytes,
          closeOnBackpressureLimit: false,
          open: openSocket,
          message: takeFrame,
          ping: takePing,
          close: closeSocket,
        },
      }),
    );
  }

  #handle(
    request: Request,
    server: BunServer<SocketData>,
  ): Response | undefined | Promise<Response | undefined> {
    const answer = this.#answerByPath(request, server);
    if (answer === undefined || !asksForLastAnswer(request)) return answer;
    return answer instanceof Response ? lastAnswer(answer) : answer.then(lastAnswer);
  }

  #answerByPath(
    request: Request,
    server: BunServer<SocketData>,
  ): Response | undefined | Promise<Response | undefined> {
    const { path } = this.#options.settings.config;
    const { path: pathname, query } = requestTarget(request.url);
    if (pathname === path || `${pathname}/` === path) {
      return this.#options.endpoint.handle(request, query, server);
    }
    return this.#answerStranger(request, pathname, server);
  }

  /** Answers what needs no session. */
  #answerStranger(
    request: Request,
    pathname: string,
    server: BunServer<SocketData>,
  ): Response | Promise<Response> {
    const { bodies, sources, watch } = this.#options;
    if (bodies.isTooLong(request)) return this.#refuseBody();
    const isLast = watch.isLastAnswer(sources.connectionOf(request, server));
    const answer = this.#answer(request, pathname, server);
    if (!isLast) return answer;
    return answer instanceof Response ? lastAnswer(answer) : answer.then(lastAnswer);
  }

  #answer(
    request: Request,
    pathname: string,
    server: BunServer<SocketData>,
  ): Response | Promise<Response> {
    switch (pathname) {
      case '/health':
        return new Response('ok\n');
      case '/ready':
        return this.#options.isReady()
          ? new Response('ready\n')
          : new Response('not taking sessions\n', { status: 503 });
      default:
        return this.#clientFiles.answer(request, pathname) ?? this.#askApp(request, server);
    }
  }

  async #askApp(request: Request, server: BunServer<SocketData>): Promise<Response> {
    const { url } = request;
    // Such as `Host: a:99999`: an app that reads the address would only fail.
    if (!url.startsWith('/') && !URL.canParse(url)) {
      return new Response('bad request\n', { status: 400 });
    }
    const whole = url.startsWith('/') ? new Request(`http://localhost${url}`, request) : request;
    const { settings, app, refusals, bodies } = this.#options;
    let isTooLong = false;
    const asked = bodies.bounded(whole, () => {
      isTooLong = true;
    });
    const { requestTimeoutMs } = settings.config;
    // The app's own time is kept here; Bun's is for answers that are streams, while they pause.
    server.timeout(request, timeoutSeconds(requestTimeoutMs));
    const answering = answerOfApp(app, asked, this.#options.server);
    const answer = await within(requestTimeoutMs, answering).catch((error: unknown) => {
      if (isTooLong) return undefined;
      throw error;
    });
    if (isTooLong) return this.#refuseBody();
    if (answer !== undefined) return answer;
    refusals.count('appTooSlow', requestTarget(url).path);
    return new Response('this took too long\n', {
      status: 503,
      headers: { connection: 'close', 'retry-after': '5' },
    });
  }

  #refuseBody(): Response {
    this.#options.refusals.count('payloadTooLarge');
    return new Response('payload too large\n', { status: 413 });
  }

  #failed(error: unknown): Response {
    this.#options.log.error('a request failed', { error: describeError(error) });
    return new Response('internal error\n', { status: 500 });
  }
}

function openSocket(socket: ServerWebSocket<SocketData>): void {
  if (!('open' in socket.data)) return;
  const handler = socket.data.open(socket as FrameSocket);
  if (handler === undefined) socket.close(CLOSE_CODE.policy, 'no socket is taken');
  else socket.data = handler;
}

function takeFrame(socket: ServerWebSocket<SocketData>, frame: string | Buffer): void {
  if ('onFrame' in socket.data) socket.data.onFrame(socket as FrameSocket, frame);
}

function takePing(socket: ServerWebSocket<SocketData>, { byteLength }: Buffer): void {
  if ('onFrame' in socket.data) socket.data.onPing?.(socket as FrameSocket, byteLength);
}

function closeSocket(socket: ServerWebSocket<SocketData>): void {
  if ('onFrame' in socket.data) socket.data.onSocketClose(socket as FrameSocket);
}

/** @returns undefined when the time is over first */
async function within<T>(durationMs: number, work: Promise<T>): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, durationMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
