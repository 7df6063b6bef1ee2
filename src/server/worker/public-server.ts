/**
 * The ports of a worker: the public one, shared with the other workers, and perhaps one of its own.
 *
 * Requests are told apart by path: kinds of client, files for browsers, health and readiness; the
 * rest is the app's.
 */

import {
  readTlsPair,
  type TlsPair,
  type TlsPaths,
  tlsPaths,
  watchTls,
} from '../../host/access/tls-files.ts';
import type { ConnectionWatch } from '../clients/source/connection-watch.ts';
import type { App, Server } from '../core/app/app.ts';
import type { FileAnswer, ServedFiles } from '../core/app/served-files.ts';
import type { ClientKind } from '../core/contracts/client-kind.ts';
import type { BodyFault, Exchange, WholeBody } from '../core/contracts/exchange.ts';
import type { MemoryBudget } from '../core/limits/memory-budget.ts';
import type { Refusals } from '../core/limits/refusals.ts';
import { timeoutSeconds } from '../core/limits/timeout-seconds.ts';
import { describeError, type Log } from '../core/log/log.ts';
import type { WorkerSettings } from '../links/bus/worker-settings.ts';
import { requestTarget } from '../protocol/request-target.ts';
import { answerOfApp, appRequest, discard, sendResponse } from './app-request.ts';
import { clientFiles } from './client-files.ts';
import { deferAccept } from './door/defer-accept.ts';
import { Front } from './front/front.ts';

export interface PublicServerOptions {
  readonly settings: WorkerSettings;
  readonly kinds: readonly ClientKind[];
  readonly budget: MemoryBudget;
  readonly watch: ConnectionWatch;
  readonly app: App;
  readonly server: Server;
  readonly log: Log;
  readonly refusals: Refusals;
  /** The worker takes sessions now. */
  isReady(): boolean;
}

export class PublicServer {
  readonly #options: PublicServerOptions;
  readonly #front: Front;
  readonly #tlsPaths: TlsPaths | undefined;
  #tls: TlsPair | undefined;
  #stopWatching: (() => void) | undefined;
  readonly #clientFiles: ServedFiles;

  constructor(options: PublicServerOptions) {
    this.#options = options;
    const { path, tlsCert, tlsKey, maxPayloadBytes, webSocketCompression } =
      options.settings.config;
    this.#tlsPaths = tlsPaths(tlsCert, tlsKey);
    this.#clientFiles = clientFiles(path);
    const { budget, refusals, log } = options;
    const handle = (exchange: Exchange): void => this.#handle(exchange);
    const isShort = (): boolean => options.watch.isWatching;
    const front = { maxPayloadBytes, isCompressing: webSocketCompression, budget, refusals };
    this.#front = new Front({ ...front, handle, isShort }, log);
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

  #listenOn(port: number, isShared: boolean): void {
    const { host: hostname } = this.#options.settings.config;
    const file = this.#front.listen({ hostname, port, isShared, tls: this.#tls });
    void deferAccept(file);
  }

  /** Connections that are open keep the certificate they came with. */
  #renew(pair: TlsPair): void {
    this.#tls = pair;
    this.#front.replaceListeners(() => this.#listenOnAll());
    this.#options.log.info('a new certificate is used from now on');
  }

  /** The number of the connection that has an open file; see `Exchange.connection`. */
  connectionAt(file: number): number {
    return this.#front.connectionAt(file);
  }

  /** WebSockets that are open: those of sessions, at an edge, and on their way to either. */
  get socketCount(): number {
    return this.#front.socketCount;
  }

  /** Takes no more connections; those that are open stay. */
  stopListening(): void {
    this.#stopWatching?.();
    this.#front.stopListening();
  }

  /** Closes what is still open. */
  close(): void {
    this.#front.close();
  }

  #handle(exchange: Exchange): void {
    try {
      this.#answer(exchange);
    } catch (error) {
      this.#failed(exchange, error);
    }
  }

  #answer(exchange: Exchange): void {
    const { path: pathname, query } = requestTarget(exchange.target);
    for (const kind of this.#options.kinds) {
      if (!kind.serves(pathname)) continue;
      kind.handle(exchange, query);
      return;
    }
    const { watch } = this.#options;
    if (watch.isLastAnswer(exchange.connection)) exchange.makeLast();
    this.#answerStranger(exchange, pathname);
  }

  /** Answers what needs no session. */
  #answerStranger(exchange: Exchange, pathname: string): void {
    switch (pathname) {
      case '/health':
        text(exchange, 200, 'ok');
        return;
      case '/ready':
        if (this.#options.isReady()) text(exchange, 200, 'ready');
        else text(exchange, 503, 'not taking sessions');
        return;
      default: {
        const file = this.#clientFiles.find(exchange, pathname);
        if (file === undefined) this.#askApp(exchange);
        else void this.#sendFile(exchange, file);
      }
    }
  }

  #askApp(exchange: Exchange): void {
    exchange.allowIdle(timeoutSeconds(this.#options.settings.config.requestTimeoutMs));
    exchange.readBody(this.#options.settings.config.maxPayloadBytes, (body) => {
      void this.#send(exchange, this.#answerOfApp(exchange, body));
    });
  }

  async #answerOfApp(exchange: Exchange, body: WholeBody): Promise<Response> {
    if ('fault' in body) return this.#refuseBody(body.fault);
    const gone = new AbortController();
    exchange.waiter = { abandoned: () => gone.abort() };
    const scheme = this.#tls === undefined ? 'http' : 'https';
    const request = appRequest(exchange, scheme, body.bytes, gone.signal);
    if (request === undefined) return new Response('bad request\n', { status: 400 });
    const { settings, app, refusals, server } = this.#options;
    const { requestTimeoutMs } = settings.config;
    const answering = answerOfApp(app, request, server);
    const answer = await within(requestTimeoutMs, answering);
    if (answer !== undefined) return answer;
    answering.then(discard, () => {});
    refusals.count('appTooSlow', requestTarget(exchange.target).path);
    exchange.makeLast();
    return new Response('this took too long\n', { status: 503, headers: { 'retry-after': '5' } });
  }

  #refuseBody(fault: BodyFault): Response {
    if (fault === 'letGo') return new Response('overloaded\n', { status: 503 });
    if (fault === 'brokenOff') return new Response('bad request\n', { status: 400 });
    this.#options.refusals.count('payloadTooLarge');
    return new Response('payload too large\n', { status: 413 });
  }

  async #sendFile(exchange: Exchange, finding: FileAnswer | Promise<FileAnswer>): Promise<void> {
    try {
      const { status, headers, body } = await finding;
      exchange.answerBytes(status, Object.entries(headers), body ?? '', true);
    } catch (error) {
      this.#failed(exchange, error);
    }
  }

  async #send(exchange: Exchange, answering: Response | Promise<Response>): Promise<void> {
    const { requestTimeoutMs } = this.#options.settings.config;
    try {
      await sendResponse(exchange, await answering, timeoutSeconds(requestTimeoutMs));
    } catch (error) {
      this.#failed(exchange, error);
    }
  }

  #failed(exchange: Exchange, error: unknown): void {
    this.#options.log.error('a request failed', { error: describeError(error) });
    text(exchange, 500, 'internal error');
  }
}

function text(exchange: Exchange, status: number, line: string): void {
  const type = 'text/plain; charset=utf-8';
  exchange.answer({ status, type, body: `${line}\n` }, { 'x-content-type-options': 'nosniff' });
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
