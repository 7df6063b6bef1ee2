/**
 * Clients of the plain protocol, one for each transport, that a test uses alike.
 *
 * They do what docs/PROTOCOL.md says of a client and no more: whoever looks at bytes, headers or
 * positions sends requests of its own (`plainRequest`). Over polling the next request leaves as
 * soon as an answer is there, and for as long as the client is open.
 */

import type { ConnectMessage, Message, PollAnswer } from './plain-messages.ts';
import { EventReader, Inbox, LineReader } from './plain-messages.ts';
import { ANSWER_TIMEOUT_MS, within } from './raw-deadline.ts';
import type { Answer, Endpoint } from './raw-polling.ts';
import { RawWebSocket } from './raw-websocket.ts';

export const PLAIN_KINDS = ['websocket', 'sse', 'stream', 'polling'] as const;
export type PlainKind = (typeof PLAIN_KINDS)[number];
/** Those that send by POST. */
export const HTTP_KINDS = ['sse', 'stream', 'polling'] as const;
export type HttpKind = (typeof HTTP_KINDS)[number];

/** What a client asks for in its first request. */
export interface Opening {
  readonly rooms?: readonly string[];
  readonly namespace?: string;
  readonly auth?: unknown;
  /** How `auth` travels: in the query, or in a first message. */
  readonly by?: 'query' | 'message';
  /** Further parameters. */
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface PlainClient {
  readonly kind: PlainKind;
  /** The first message. */
  readonly connect: ConnectMessage;
  /** What requests name the session by; fails for a WebSocket, which has no such name. */
  readonly session: string;
  /** What the app and others call it. */
  readonly id: string;
  next(what?: string, milliseconds?: number): Promise<Message>;
  /** Messages that came and were not read yet; a WebSocket's are not told. */
  send(...messages: readonly (Message | string)[]): Promise<void>;
  /** Settles when the server has ended the session. */
  ended(milliseconds?: number): Promise<void>;
  /** Leaves, without a word where the transport allows it. */
  close(): Promise<void>;
}

export const PATHS: Readonly<Record<PlainKind, string>> = {
  websocket: '/ws',
  sse: '/sse',
  stream: '/poll',
  polling: '/poll',
};

export function queryOf(kind: PlainKind, opening: Opening): string {
  const { rooms = [], namespace, auth, by = 'query', query = {} } = opening;
  const parameters = new URLSearchParams(query);
  for (const room of rooms) parameters.append('room', room);
  if (namespace !== undefined) parameters.set('namespace', namespace);
  if (kind === 'stream') parameters.set('stream', '1');
  if (by === 'message' && kind === 'websocket') parameters.set('auth', 'message');
  else if (auth !== undefined && by === 'query') parameters.set('auth', JSON.stringify(auth));
  return String(parameters);
}

/** The request that opens a session over HTTP. */
export function openingRequest(kind: HttpKind, opening: Opening): [string, RequestInit] {
  const path = `${PATHS[kind]}?${queryOf(kind, opening)}`;
  const headers = { ...opening.headers };
  if (opening.by !== 'message') return [path, { headers }];
  const body = JSON.stringify({ type: 'connect', auth: opening.auth });
  return [path, { method: 'POST', headers, body }];
}

/** One HTTP request, answered whole within a bound. */
export async function plainRequest(
  endpoint: Endpoint,
  path: string,
  init: RequestInit = {},
  milliseconds: number = ANSWER_TIMEOUT_MS,
): Promise<Answer> {
  const what = `an answer to ${init.method ?? 'GET'} ${path.slice(0, 120)}`;
  const answered = fetch(`${endpoint.url}${path}`, {
    ...init,
    keepalive: !endpoint.freshConnections,
  }).then(async (response) => {
    const { status, headers } = response;
    return { status, headers, body: await response.text() };
  });
  return await within(what, answered, milliseconds);
}

/** The body of an answer that must be one of a poll. */
export function pollAnswerOf({ status, body }: Answer): PollAnswer {
  if (status !== 200) throw new Error(`a poll was answered ${status} ${body.slice(0, 200)}`);
  return JSON.parse(body) as PollAnswer;
}

export async function poll(
  endpoint: Endpoint,
  query: string,
  init: RequestInit = {},
): Promise<PollAnswer> {
  return pollAnswerOf(await plainRequest(endpoint, `/poll?${query}`, init, 2 * ANSWER_TIMEOUT_MS));
}

/** Sends messages, a line each, to a session that has no socket; the answer is told. */
export function postTo(
  endpoint: Endpoint,
  session: string,
  ...messages: readonly (Message | string)[]
): Promise<Answer> {
  const body = messages.map(textOf).join('\n');
  return plainRequest(endpoint, `/poll?session=${session}`, { method: 'POST', body });
}

/** Opens a session, and fails with what came when it is refused. */
export async function openPlain(
  endpoint: Endpoint,
  kind: PlainKind,
  opening: Opening = {},
): Promise<PlainClient> {
  const wire = kind === 'websocket' ? new SocketWire(endpoint, opening) : httpWire(kind);
  const first = await wire.open(endpoint, opening);
  if (first.type !== 'connect') {
    await wire.close();
    throw new Error(`the first message over ${kind} is ${JSON.stringify(first)}`);
  }
  const connect = first as ConnectMessage;
  return {
    kind,
    connect,
    id: connect.id,
    get session() {
      if (connect.session === undefined) throw new Error(`a session over ${kind} has no secret`);
      return connect.session;
    },
    next: (what = 'a message', milliseconds) => wire.next(what, milliseconds),
    send: (...messages) => wire.send(messages.map(textOf)),
    ended: (milliseconds) => wire.ended(milliseconds),
    close: () => wire.close(),
  };
}

function textOf(message: Message | string): string {
  return typeof message === 'string' ? message : JSON.stringify(message);
}

interface Wire {
  open(endpoint: Endpoint, opening: Opening): Promise<Message>;
  next(what: string, milliseconds?: number): Promise<Message>;
  send(texts: readonly string[]): Promise<void>;
  ended(milliseconds?: number): Promise<void>;
  close(): Promise<void>;
}

class SocketWire implements Wire {
  readonly #socket: RawWebSocket;

  constructor({ url }: Endpoint, opening: Opening) {
    this.#socket = new RawWebSocket(url, {
      path: PATHS.websocket,
      wholeQuery: queryOf('websocket', opening),
      headers: { ...opening.headers },
      answerPings: false,
    });
  }

  async open(_endpoint: Endpoint, { auth, by }: Opening): Promise<Message> {
    await within('the WebSocket opens', this.#socket.opened);
    if (by === 'message') this.#socket.send(JSON.stringify({ type: 'connect', auth }));
    return await this.next('the first message');
  }

  async next(what: string, milliseconds?: number): Promise<Message> {
    const frame = await this.#socket.next(what, milliseconds);
    if (typeof frame !== 'string') return { type: 'bytes', bytes: frame };
    return JSON.parse(frame) as Message;
  }

  async send(texts: readonly string[]): Promise<void> {
    this.#socket.send(...texts);
  }

  async ended(milliseconds?: number): Promise<void> {
    await this.#socket.end('the server ends the session', milliseconds);
  }

  async close(): Promise<void> {
    this.#socket.close();
    await this.#socket.end('the WebSocket closes');
  }
}

function httpWire(kind: HttpKind): Wire {
  return kind === 'polling' ? new PollingWire() : new StreamWire(kind);
}

/** What those that send by POST have in common. */
abstract class HttpWire implements Wire {
  protected readonly inbox: Inbox = new Inbox();
  protected readonly stop: AbortController = new AbortController();
  #endpoint: Endpoint | undefined;
  #session = '';
  #posting: Promise<unknown> = Promise.resolve();

  protected abstract start(endpoint: Endpoint, opening: Opening): Promise<void>;

  async open(endpoint: Endpoint, opening: Opening): Promise<Message> {
    this.#endpoint = endpoint;
    await this.start(endpoint, opening);
    const first = await this.next('the first message');
    this.#session = String(first['session']);
    return first;
  }

  next(what: string, milliseconds?: number): Promise<Message> {
    return this.inbox.next(what, milliseconds);
  }

  /** Bodies leave one after another. */
  async send(texts: readonly string[]): Promise<void> {
    const turn = this.#posting.then(() => this.#post(texts));
    this.#posting = turn.catch(() => undefined);
    await turn;
  }

  async ended(milliseconds?: number): Promise<void> {
    await this.inbox.ended('the server ends the session', milliseconds);
  }

  async close(): Promise<void> {
    this.inbox.end('closed by the test');
    this.stop.abort();
    await this.#posting;
  }

  async #post(texts: readonly string[]): Promise<void> {
    const endpoint = this.#endpoint;
    if (endpoint === undefined) throw new Error('a session sends before it is open');
    const { status, body } = await postTo(endpoint, this.#session, ...texts);
    if (status !== 200) throw new Error(`POST answered ${status} ${body.slice(0, 200)}`);
  }
}

class StreamWire extends HttpWire {
  readonly #kind: 'sse' | 'stream';

  constructor(kind: 'sse' | 'stream') {
    super();
    this.#kind = kind;
  }

  protected async start(endpoint: Endpoint, opening: Opening): Promise<void> {
    const [path, init] = openingRequest(this.#kind, opening);
    const { signal } = this.stop;
    const response = await within(
      'the head of a stream',
      fetch(`${endpoint.url}${path}`, { ...init, signal, keepalive: !endpoint.freshConnections }),
    );
    if (response.status !== 200 || response.body === null) {
      throw new Error(`a stream was answered ${response.status} ${await response.text()}`);
    }
    void this.#follow(response.body);
  }

  async #follow(body: ReadableStream<Uint8Array>): Promise<void> {
    const read = this.#kind === 'sse' ? eventMessages() : lineMessages();
    try {
      for await (const bytes of body) this.inbox.push(...read(bytes));
      this.inbox.end('the stream has ended');
    } catch (error) {
      this.inbox.end(String(error));
    }
  }
}

function eventMessages(): (bytes: Uint8Array) => readonly Message[] {
  const reader = new EventReader();
  return (bytes) =>
    reader.read(bytes).flatMap(({ data }) => (data === undefined ? [] : [JSON.parse(data)]));
}

function lineMessages(): (bytes: Uint8Array) => readonly Message[] {
  const reader = new LineReader();
  return (bytes) =>
    reader.read(bytes).flatMap((line) => (line.trim() === '' ? [] : [JSON.parse(line)]));
}

class PollingWire extends HttpWire {
  protected async start(endpoint: Endpoint, opening: Opening): Promise<void> {
    const [path, init] = openingRequest('polling', opening);
    const first = pollAnswerOf(await plainRequest(endpoint, path, init));
    this.inbox.push(...first.messages);
    void this.#follow(endpoint, first, opening.headers ?? {}).catch((error: unknown) =>
      this.inbox.end(String(error)),
    );
  }

  async #follow(
    endpoint: Endpoint,
    first: PollAnswer,
    headers: Readonly<Record<string, string>>,
  ): Promise<void> {
    let { position } = first;
    for (;;) {
      const path = `${endpoint.url}/poll?since=${encodeURIComponent(position)}`;
      const response = await fetch(path, {
        headers,
        signal: this.stop.signal,
        keepalive: !endpoint.freshConnections,
      });
      if (response.status !== 200) throw new Error(`a poll was answered ${response.status}`);
      const answer = (await response.json()) as PollAnswer;
      // A session that is over is followed by a new one, which nobody here has asked for.
      if (answer.session !== first.session) {
        await postTo(endpoint, answer.session, '{"type":"disconnect"}');
        throw new Error('the session is over');
      }
      this.inbox.push(...answer.messages);
      position = answer.position;
      if (answer.messages.some(({ type }) => type === 'disconnect')) {
        this.inbox.end('the server said so');
        return;
      }
    }
  }
}
