/**
 * A server that speaks the plain protocol to clients as docs/PROTOCOL.md has it, over all four
 * transports, and no more of it than clients that only listen need.
 */

import { ScriptedServer, text, type VisitorSocket } from './scripted-server.ts';

export interface PlainServerOptions {
  /** Milliseconds, as the first message tells them; 25,000 and 20,000 unless given. */
  readonly pingInterval?: number;
  readonly pingTimeout?: number;
  /** Answers a poll with nothing after so many milliseconds; never unless given. */
  readonly pollHoldMs?: number;
  /** Whether answers of polls have no length, but chunks. */
  readonly isChunked?: boolean;
  /** Whether it takes sessions and says nothing to them. */
  readonly isMute?: boolean;
}

type Transport = 'websocket' | 'sse' | 'stream' | 'poll';

interface Session {
  socket: VisitorSocket;
  readonly id: string;
  readonly transport: Transport;
  /** The user that it presents. */
  readonly auth: string | null;
  /** What waits for the next poll. */
  readonly waiting: string[];
  offset: number;
  isAsking: boolean;
}

export class PlainServer implements Disposable {
  readonly sessions: Map<string, Session> = new Map();
  readonly #server: ScriptedServer;
  readonly #options: PlainServerOptions;
  readonly #timers = new Set<Timer>();
  #isSilent = false;

  constructor(options: PlainServerOptions = {}) {
    this.#options = options;
    this.#server = new ScriptedServer({
      request: (socket, request) => this.#request(socket, request),
      frame: (socket, { opcode, payload }) => {
        if (opcode === 1) this.#echo(socket, payload.toString());
      },
    });
  }

  /** Without a path: each protocol asks for its own. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  get requests(): readonly string[] {
    return this.#server.requests;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#server.sockets.size;
  }

  /** Sends an event to all sessions. */
  broadcast(...args: readonly unknown[]): void {
    this.send(JSON.stringify({ type: 'event', event: 'fleet', args }));
  }

  /** Sends messages to all sessions, in one go. */
  send(...messages: readonly string[]): void {
    for (const session of this.sessions.values()) this.#deliver(session, messages);
  }

  /** Sends what keeps a stream open. */
  beat(): void {
    for (const { transport, socket } of this.sessions.values()) {
      if (transport === 'sse') socket.write(chunk(':\n\n'));
      else if (transport === 'stream') socket.write(chunk('\n'));
    }
  }

  /** Writes bytes as they are to all connections. */
  write(bytes: string): void {
    for (const { socket } of this.sessions.values()) socket.write(bytes);
  }

  /** Answers no poll any more, however long it waits. */
  fallSilent(): void {
    this.#isSilent = true;
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#server[Symbol.dispose]();
  }

  #request(socket: VisitorSocket, request: string): void {
    const url = new URL(request.split(' ')[1] ?? '', 'http://h');
    const since = url.searchParams.get('since');
    if (since !== null) {
      this.#again(socket, since);
      return;
    }
    const transport = transportOf(url);
    const session: Session = {
      socket,
      id: `S${this.sessions.size}`,
      transport,
      auth: url.searchParams.get('auth'),
      waiting: [],
      offset: 0,
      isAsking: transport === 'poll',
    };
    this.sessions.set(session.id, session);
    if (transport === 'websocket') this.#server.accept(socket);
    else if (transport !== 'poll') socket.write(streamHead(transport));
    if (this.#options.isMute !== true) this.#deliver(session, [this.#welcome(session)]);
  }

  #welcome({ id }: Session): string {
    const { pingInterval = 25_000, pingTimeout = 20_000 } = this.#options;
    const times = { pingInterval, pingTimeout, maxPayload: 1e6 };
    return JSON.stringify({ type: 'connect', session: id, namespace: '/', rooms: [], ...times });
  }

  #again(socket: VisitorSocket, since: string): void {
    const session = this.sessions.get(since.split('.')[0] ?? '');
    if (session === undefined || since !== `${session.id}.${session.offset}`) {
      socket.write('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    session.isAsking = true;
    session.socket = socket;
    if (session.waiting.length > 0) this.#deliver(session, []);
    const { pollHoldMs } = this.#options;
    if (pollHoldMs === undefined) return;
    const { offset } = session;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const isHeld = session.isAsking && session.offset === offset;
      if (isHeld && !this.#isSilent) this.#answer(session);
    }, pollHoldMs);
    this.#timers.add(timer);
  }

  #deliver(session: Session, messages: readonly string[]): void {
    const { socket, transport } = session;
    switch (transport) {
      case 'websocket':
        for (const message of messages) socket.write(text(message));
        return;
      case 'sse':
        socket.write(chunk(messages.map((message) => `data: ${message}\n\n`).join('')));
        return;
      case 'stream':
        socket.write(chunk(messages.map((message) => `${message}\n`).join('')));
        return;
      case 'poll':
        session.waiting.push(...messages);
        if (session.isAsking) this.#answer(session);
        return;
    }
  }

  #answer(session: Session): void {
    const messages = session.waiting.splice(0);
    session.isAsking = false;
    session.offset += messages.length;
    const position = `${session.id}.${session.offset}`;
    const envelope = `{"session":"${session.id}","position":"${position}"`;
    const body = `${envelope},"messages":[${messages.join(',')}]}`;
    const framing = this.#options.isChunked
      ? `Transfer-Encoding: chunked\r\n\r\n${chunk(body)}0\r\n\r\n`
      : `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
    session.socket.write(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n${framing}`);
  }

  /** An event with an id is acknowledged. */
  #echo(socket: VisitorSocket, frame: string): void {
    const { type, id } = JSON.parse(frame) as { type: string; id?: number };
    if (type === 'event' && id !== undefined) socket.write(text(`{"type":"ack","id":${id}}`));
  }
}

function transportOf(url: URL): Transport {
  if (url.pathname === '/ws') return 'websocket';
  if (url.pathname === '/sse') return 'sse';
  return url.searchParams.has('stream') ? 'stream' : 'poll';
}

export function chunk(data: string): string {
  return `${Buffer.byteLength(data).toString(16)}\r\n${data}\r\n`;
}

export function streamHead(transport: 'sse' | 'stream'): string {
  const type = transport === 'sse' ? 'text/event-stream' : 'application/x-ndjson';
  return `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`;
}
