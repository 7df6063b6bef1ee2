/**
 * A server on loopback that speaks the plain protocol as docs/PROTOCOL.md has it, and whatever else
 * a test tells it: it may refuse, cut, say things twice or keep silent.
 *
 * It is written from that page and shares no code with the server of this repository. Told nothing,
 * it opens sessions, acks events with their own name and arguments, and acks joins and leaves.
 */

import type { Server, ServerWebSocket } from 'bun';

/** A message in either direction. */
export interface Message {
  readonly type: string;
  readonly [member: string]: unknown;
}

export interface Script {
  /** Answers a request in place of the server. */
  readonly answer?: (
    request: Request,
    body: string,
  ) => Response | undefined | Promise<Response | undefined>;
  /** Takes a message of a client in place of the server, by returning true. */
  readonly take?: (session: ScriptedSession, message: Message) => boolean;
  /** The members of `connect` that differ. */
  readonly connect?: Readonly<Record<string, unknown>>;
  /** Opens nothing: the answer begins and the first message does not come. */
  readonly isMute?: boolean;
  readonly port?: number;
}

/** How long a poll is held. */
const HOLD_MS = 5_000;

/** One session, and the way to its client. */
export class ScriptedSession {
  readonly id: string = crypto.randomUUID();
  readonly transport: string;
  /** Of the request that opened it. */
  readonly query: URLSearchParams;
  /** What the client presented in a message `connect`. */
  auth: unknown;
  /** What came, in order. */
  readonly received: Message[] = [];
  /** Each POST with the messages of its body. */
  readonly bodies: Message[][] = [];
  isOver = false;
  /** Says a line of JSON. */
  say: (message: object) => void = () => {};
  /** Cuts the connection without a word. */
  cut: () => void = () => {};

  constructor(transport: string, query: URLSearchParams) {
    this.transport = transport;
    this.query = query;
  }

  /** The events that came, as name and arguments. */
  get events(): readonly (readonly unknown[])[] {
    return this.received
      .filter(({ type }) => type === 'event')
      .map(({ event, args }) => [event, ...(args as unknown[])]);
  }
}

/** The state of a polling session. */
interface Polled {
  readonly session: ScriptedSession;
  waiting: Message[];
  position: number;
  /** What the position before this one was answered with. */
  last: { readonly since: number; readonly messages: readonly Message[] };
  wake: () => void;
}

interface SocketData {
  readonly session: ScriptedSession;
  isOpen: boolean;
}

export class PlainScript implements AsyncDisposable {
  readonly sessions: ScriptedSession[] = [];
  /** The requests that came: method, path and query. */
  readonly requests: string[] = [];
  readonly #script: Script;
  readonly #polled: Map<string, Polled> = new Map();
  readonly #server: Server<SocketData>;

  constructor(script: Script = {}) {
    this.#script = script;
    this.#server = Bun.serve<SocketData>({
      hostname: '127.0.0.1',
      port: script.port ?? 0,
      idleTimeout: 0,
      fetch: (request) => this.#fetch(request),
      websocket: {
        open: (socket) => this.#socketOpened(socket),
        message: (socket, data) => this.#socketSaid(socket, data),
        close: ({ data }) => void (data.session.isOver = true),
      },
    });
  }

  get port(): number {
    return this.#server.port as number;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** The session that was opened last. */
  get session(): ScriptedSession {
    const session = this.sessions.at(-1);
    if (session === undefined) throw new Error('no session was opened');
    return session;
  }

  /** How often a path was asked for. */
  count(path: string): number {
    return this.requests.filter((line) => line.split(/[ ?]/)[1] === path).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }

  async #fetch(request: Request): Promise<Response | undefined> {
    const { pathname, search, searchParams } = new URL(request.url);
    this.requests.push(`${request.method} ${pathname}${search}`);
    const body = request.method === 'POST' ? await request.text() : '';
    const own = await this.#script.answer?.(request, body);
    if (own !== undefined) return own;
    if (pathname === '/ws') return this.#upgrade(request, searchParams);
    const session = searchParams.get('session');
    if (session !== null) return this.#posted(session, body);
    const auth = body === '' ? undefined : JSON.parse(body).auth;
    if (pathname === '/sse') return this.#stream('sse', searchParams, auth, request.signal);
    if (pathname !== '/poll') return new Response('no such path', { status: 404 });
    if (searchParams.get('stream') === '1') {
      return this.#stream('stream', searchParams, auth, request.signal);
    }
    return await this.#poll(searchParams, auth);
  }

  #create(transport: string, query: URLSearchParams, auth: unknown): ScriptedSession {
    const session = new ScriptedSession(transport, query);
    session.auth = auth;
    this.sessions.push(session);
    return session;
  }

  #sayConnect(session: ScriptedSession): void {
    const rooms = session.query.getAll('room');
    const intervals = { pingInterval: 25_000, pingTimeout: 20_000, maxPayload: 1_000_000 };
    const names = session.transport === 'websocket' ? {} : { session: session.id };
    const head = { type: 'connect', ...names, id: `id of ${session.id}`, namespace: '/' };
    const told = { rooms, recovered: false, ...intervals, ...this.#script.connect };
    if (!this.#script.isMute) session.say({ ...head, ...told });
  }

  #upgrade(request: Request, query: URLSearchParams): Response | undefined {
    const session = new ScriptedSession('websocket', query);
    const isUpgraded = this.#server.upgrade(request, { data: { session, isOpen: false } });
    return isUpgraded ? undefined : new Response('', { status: 426 });
  }

  #socketOpened(socket: ServerWebSocket<SocketData>): void {
    const { session } = socket.data;
    session.say = (message) => {
      socket.send(JSON.stringify(message));
      if ((message as Message | null)?.type === 'disconnect') socket.close(1012);
    };
    session.cut = () => socket.terminate();
    if (session.query.get('auth') !== 'message') this.#openSocket(socket);
  }

  #openSocket({ data }: ServerWebSocket<SocketData>): void {
    data.isOpen = true;
    this.sessions.push(data.session);
    this.#sayConnect(data.session);
  }

  #socketSaid(socket: ServerWebSocket<SocketData>, data: string | Buffer): void {
    const message = JSON.parse(String(data)) as Message;
    if (socket.data.isOpen) return this.#take(socket.data.session, message);
    socket.data.session.auth = message['auth'];
    this.#openSocket(socket);
  }

  #stream(
    transport: 'sse' | 'stream',
    query: URLSearchParams,
    auth: unknown,
    signal: AbortSignal,
  ): Response {
    const session = this.#create(transport, query, auth);
    const isEvents = transport === 'sse';
    const body = new ReadableStream<string>({
      start: (controller) => {
        // What has ended takes no more.
        const enqueue = (text: string): void => {
          if (!session.isOver) controller.enqueue(text);
        };
        const end = (): void => {
          if (session.isOver) return;
          session.isOver = true;
          controller.close();
        };
        signal.addEventListener('abort', () => void (session.isOver = true));
        session.cut = end;
        session.say = (message) => {
          const json = JSON.stringify(message);
          enqueue(isEvents ? `data: ${json}\n\n` : `${json}\n`);
          if ((message as Message | null)?.type === 'disconnect') end();
        };
        enqueue(isEvents ? `retry: 1000\nid: ${session.id}\n: hello\n\n` : '\n');
        this.#sayConnect(session);
      },
    });
    const type = isEvents ? 'text/event-stream' : 'application/x-ndjson';
    return new Response(body as unknown as ReadableStream<Uint8Array>, {
      headers: { 'content-type': type, 'cache-control': 'no-store' },
    });
  }

  async #poll(query: URLSearchParams, auth: unknown): Promise<Response> {
    const [id = '', at = ''] = query.get('since')?.split('.') ?? [];
    const polled = this.#polled.get(id) ?? this.#openPolled(query, auth);
    const since = this.#polled.has(id) ? Number(at) : 0;
    const isRepeated = since === polled.last.since && since < polled.position;
    if (!isRepeated) {
      if (polled.waiting.length === 0) await this.#held(polled);
      polled.last = { since: polled.position, messages: polled.waiting };
      polled.position += polled.waiting.length;
      polled.waiting = [];
    }
    return Response.json({
      session: polled.session.id,
      position: `${polled.session.id}.${polled.position}`,
      messages: polled.last.messages,
    });
  }

  #openPolled(query: URLSearchParams, auth: unknown): Polled {
    const session = this.#create('polling', query, auth);
    const last = { since: -1, messages: [] };
    const polled: Polled = { session, waiting: [], position: 0, last, wake: () => {} };
    this.#polled.set(session.id, polled);
    session.cut = () => {
      this.#polled.delete(session.id);
      polled.wake();
    };
    session.say = (message) => {
      polled.waiting.push(message as Message);
      polled.wake();
    };
    this.#sayConnect(session);
    return polled;
  }

  async #held(polled: Polled): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    polled.wake = resolve;
    const timer = setTimeout(resolve, HOLD_MS);
    await promise;
    clearTimeout(timer);
  }

  #posted(id: string, body: string): Response {
    const session = this.sessions.find((one) => one.id === id && !one.isOver);
    if (session === undefined) {
      return Response.json({ type: 'error', reason: 'sessionUnknown' }, { status: 404 });
    }
    const messages = body.split('\n').map((line) => JSON.parse(line) as Message);
    session.bodies.push(messages);
    for (const message of messages) this.#take(session, message);
    return Response.json({ accepted: messages.length });
  }

  #take(session: ScriptedSession, message: Message): void {
    session.received.push(message);
    if (this.#script.take?.(session, message)) return;
    const { type, id, event, args } = message;
    if (type === 'ping') session.say({ type: 'pong' });
    if (type === 'disconnect') {
      session.isOver = true;
      session.cut();
    }
    if (id === undefined || type === 'ack') return;
    session.say({ type: 'ack', id, args: type === 'event' ? [[event, ...(args as [])]] : [] });
  }
}
