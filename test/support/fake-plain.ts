/** Plain clients on a worker with fakes for the bus, the sockets and the requests. */

import { ForeignJson } from '../../src/host/runtime/foreign-json.ts';
import { PlainHome } from '../../src/server/clients/plain/plain-home.ts';
import { PlainRouter } from '../../src/server/clients/plain/plain-router.ts';
import { PlainSession } from '../../src/server/clients/plain/plain-session.ts';
import { StreamSocket } from '../../src/server/clients/plain/stream-socket.ts';
import type { StreamFormat } from '../../src/server/clients/plain/wire-formats.ts';
import type { HandshakeSource } from '../../src/server/clients/session/session-extras.ts';
import type { App } from '../../src/server/core/app/app.ts';
import type { HttpAnswer } from '../../src/server/core/contracts/client-connection.ts';
import type { AnswerStream, Exchange, Waiter } from '../../src/server/core/contracts/exchange.ts';
import type { SharedText } from '../../src/server/core/contracts/outgoing-event.ts';
import { ENGINE_SETTINGS, FakeEngine, FakeSocket, settle } from './fake-engine.ts';
import { replyTo } from './reply-to.ts';

const HANDSHAKE: HandshakeSource = {
  headers: new Headers(),
  query: '',
  address: '127.0.0.1',
  addressKey: 1,
  connection: 2,
  transport: 'sse',
};

export class FakePlain extends FakeEngine {
  readonly plainHome: PlainHome<PlainSession>;

  constructor(app: App, budgetBytes?: number) {
    super(app, budgetBytes);
    const router = new PlainRouter(this.core, {
      admissions: this.admissions,
      json: new ForeignJson({ maxKeys: 20_000, maxDepth: 1_000 }),
      intake: this.context.intake,
      verbs: this.verbs,
      refreshing: this.refreshing,
    });
    const settings = { ...ENGINE_SETTINGS, pollHoldMs: 1_000 };
    this.plainHome = new PlainHome(this.context, router, settings);
  }

  #session(query: string): PlainSession {
    return new PlainSession(this.plainHome, { ...HANDSHAKE, query });
  }

  async openPlainSocket(query = ''): Promise<{ session: PlainSession; socket: FakeSocket }> {
    const [session, socket] = [this.#session(query), new FakeSocket()];
    socket.data = session;
    session.openSocket(socket, false);
    session.askToJoin(this.admissions, {}, 0);
    await settle();
    return { session, socket };
  }

  async openStream(
    format: StreamFormat,
    query = '',
  ): Promise<{ session: PlainSession; exchange: FakeExchange }> {
    const [session, exchange] = [this.#session(query), new FakeExchange()];
    session.openStream(new StreamSocket(exchange.asExchange(), format, {}));
    session.askToJoin(this.admissions, {}, 0);
    await settle();
    return { session, exchange };
  }

  async openPlainPoller(query = ''): Promise<PlainPoller> {
    const session = this.#session(query);
    const poller = new PlainPoller(this, session, session.openPolling());
    poller.poll(0);
    session.askToJoin(this.admissions, {}, 0);
    await settle();
    return poller;
  }
}

/** A request whose answer is a stream, and what its client has been sent. */
export class FakeExchange implements AnswerStream {
  waiter: Waiter | undefined;
  isHeld = false;
  readonly pieces: string[] = [];
  readonly answers: HttpAnswer[] = [];
  /** How it ended. */
  ended: 'end' | 'cut' | undefined;
  waitingBytes = 0;
  /** What is sent waits. */
  isBehind = false;
  onDrain: (() => void) | undefined;

  asExchange(): Exchange {
    return this as unknown as Exchange;
  }

  allowIdle(): void {}

  forgetHead(): void {}

  answer(answer: HttpAnswer): void {
    this.answers.push(answer);
  }

  stream(): AnswerStream {
    return this;
  }

  write(piece: string | Uint8Array): boolean {
    this.pieces.push(String(piece));
    if (this.isBehind) this.waitingBytes += piece.length;
    return !this.isBehind;
  }

  writeShared({ text }: SharedText): boolean {
    return this.write(text);
  }

  cork(callback: () => void): void {
    const before = this.pieces.length;
    callback();
    const together = this.pieces.splice(before);
    if (together.length > 0) this.pieces.push(together.join(''));
  }

  end(): void {
    this.ended = 'end';
  }

  cut(): void {
    this.ended = 'cut';
  }

  /** What was sent since the last look, each write by itself. */
  news(): string[] {
    return this.pieces.splice(0);
  }
}

/** The client of a session that polls. */
export class PlainPoller {
  readonly session: PlainSession;
  readonly id: string;
  readonly answers: HttpAnswer[] = [];
  readonly #fake: FakePlain;

  constructor(fake: FakePlain, session: PlainSession, id: string) {
    this.#fake = fake;
    this.session = session;
    this.id = id;
  }

  /** @returns gives up waiting */
  poll(since: number): () => void {
    const reply = replyTo((given) => this.answers.push(given));
    this.#fake.owner.poll(`${this.id}.${since}`, reply);
    return () => this.#fake.owner.abandonPoll(this.id, reply);
  }

  /** Position and messages of the answers since the last look; the status of others. */
  news(): unknown[] {
    return this.answers.splice(0).map(({ status, body }) => {
      if (status !== 200) return status;
      const { position, messages } = JSON.parse(body) as { position: string; messages: object[] };
      return [Number(position.split('.')[1]), ...messages];
    });
  }
}
