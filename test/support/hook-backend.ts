/**
 * A backend of hooks that a test scripts: it checks the signature as docs/HOOKS.md has it, notes
 * what it was asked, and answers as it is told, also wrongly.
 */

import { createHmac } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import type { Certificate } from './certificates.ts';

export const HOOK_SECRET: string = 'a-secret-that-only-tests-know-of-0123456789';

/** The body of a call. */
export interface HookBody {
  readonly id: string;
  readonly call: string;
  readonly [member: string]: unknown;
}

export type HookAnswers = (body: HookBody) => unknown;

/** Answers in JSON, in time and with 200; what is a `Response` is given as it is. */
export class HookBackend implements AsyncDisposable {
  readonly calls: HookBody[] = [];
  /** Signatures that were wrong. */
  forged = 0;
  mostAtOnce = 0;
  answers: HookAnswers;
  readonly #server: Bun.Server<undefined>;
  #atOnce = 0;

  /** @param tls with a certificate it speaks TLS */
  constructor(answers: HookAnswers = () => ({}), port = 0, tls?: Certificate) {
    this.answers = answers;
    this.#server = Bun.serve({
      hostname: '127.0.0.1',
      port,
      ...(tls === undefined ? {} : { tls }),
      fetch: (request) => this.#take(request),
    });
  }

  get port(): number {
    return this.#server.port as number;
  }

  get url(): string {
    return `${this.#server.url.protocol}//127.0.0.1:${this.port}/hooks`;
  }

  /** What was asked of one kind. */
  asked(call: string): readonly HookBody[] {
    return this.calls.filter((one) => one.call === call);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }

  async #take(request: Request): Promise<Response> {
    const text = await request.text();
    const timestamp = request.headers.get('holdfast-timestamp') ?? '';
    const signed = createHmac('sha256', HOOK_SECRET).update(`${timestamp}.${text}`).digest('hex');
    const isFresh = Math.abs(Date.now() - Number(timestamp)) < 60_000;
    if (request.headers.get('holdfast-signature') !== `sha256=${signed}` || !isFresh) this.forged++;
    const body = JSON.parse(text) as HookBody;
    this.calls.push(body);
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#atOnce);
    try {
      const answer = await this.answers(body);
      return answer instanceof Response ? answer : Response.json(answer);
    } finally {
      this.#atOnce--;
    }
  }
}

/** A server that does with the socket of each request, whose first bytes it reads, what it will. */
export class RawBackend implements AsyncDisposable {
  requests = 0;
  readonly #server: Server;
  readonly #sockets: Set<Socket> = new Set();

  private constructor(take: (socket: Socket, text: string) => void) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
      socket.once('data', (bytes) => {
        this.requests++;
        take(socket, bytes.toString());
      });
    });
  }

  static async listen(take: (socket: Socket, text: string) => void): Promise<RawBackend> {
    const backend = new RawBackend(take);
    await new Promise<void>((done) => backend.#server.listen(0, '127.0.0.1', done));
    return backend;
  }

  get url(): string {
    const address = this.#server.address() as { readonly port: number };
    return `http://127.0.0.1:${address.port}/hooks`;
  }

  /** Sockets that the other side has not closed. */
  get open(): number {
    return this.#sockets.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((done) => this.#server.close(done));
  }
}

/** A whole answer as bytes, the last of its connection. */
export function rawAnswer(body: string, type = 'application/json', status = '200 OK'): string {
  const length = Buffer.byteLength(body);
  const head = `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: ${length}\r\n`;
  return `${head}content-type: ${type}\r\n\r\n${body}`;
}
