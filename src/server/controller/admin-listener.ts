/**
 * The port of the admin API: taken by this node alone, with TLS where there is a certificate.
 *
 * When the certificate changes a second listener takes over, since Bun keeps the one that a
 * listener was made with; connections that are open stay with the first.
 */
import { addressOf } from '../../host/access/loopback.ts';
import { readTlsPair, type TlsPair, type TlsPaths, watchTls } from '../../host/access/tls-files.ts';
import type { Log } from '../core/log/log.ts';
import { asksForLastAnswer, lastAnswer } from '../protocol/last-answer.ts';

export interface AdminListenerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly tls: TlsPaths | undefined;
  readonly log: Log;
  readonly answer: (request: Request, server: Bun.Server<undefined>) => Promise<Response>;
}

export class AdminListener {
  readonly port: number;
  readonly #options: AdminListenerOptions;
  readonly #servers: Bun.Server<undefined>[] = [];
  readonly #stopWatching: (() => void) | undefined;

  /** @throws the system's error when the port cannot be taken */
  constructor(options: AdminListenerOptions) {
    this.#options = options;
    const { tls, log, port } = options;
    if (tls === undefined) {
      this.port = this.#listen(port, undefined);
      return;
    }
    const pair = readTlsPair(tls);
    // Listeners that take over from each other share the port, so it is taken alone first.
    this.port = this.#listen(port, undefined);
    void this.#servers.pop()?.stop(true);
    this.#listen(this.port, pair);
    this.#stopWatching = watchTls(tls, {
      onPair: (renewed) => this.#renew(renewed),
      onFault: (reason) => log.error('a new certificate is not used', { reason }),
    });
  }

  /** As the system knows it, whatever name was given. */
  get address(): string {
    return addressOf(this.#servers.at(-1) ?? {}, this.#options.host);
  }

  async stop(): Promise<void> {
    this.#stopWatching?.();
    await Promise.all(this.#servers.map((server) => server.stop(true)));
  }

  #renew(pair: TlsPair): void {
    const before = [...this.#servers];
    this.#listen(this.port, pair);
    for (const server of before) void server.stop(false);
    this.#options.log.info('the admin port uses a new certificate from now on');
  }

  #listen(port: number, tls: TlsPair | undefined): number {
    const { host, answer } = this.#options;
    // With `development: false`, Bun shares a taken port unless it is told not to.
    const server = Bun.serve({
      hostname: host,
      port,
      reusePort: tls !== undefined,
      development: false,
      ...(tls === undefined ? {} : { tls }),
      fetch: async (request, answering) => {
        const isLast = asksForLastAnswer(request);
        const answered = await answer(request, answering);
        return isLast ? lastAnswer(answered) : answered;
      },
    });
    this.#servers.push(server);
    return server.port ?? port;
  }
}
