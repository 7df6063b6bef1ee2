/** Plain clients as people write them: one interface over `WebSocket` and `fetch`. */

import { within } from './raw-deadline.ts';

const TIMEOUT_MS = 10_000;
/** So that each request may reach another worker. */
const FRESH = { connection: 'close' };

export interface Message {
  readonly type: string;
  readonly event?: string;
  readonly args?: readonly unknown[];
  readonly id?: number;
  readonly [member: string]: unknown;
}

export type PlainTransport = 'websocket' | 'sse' | 'stream' | 'polling';
export const PLAIN_TRANSPORTS: readonly PlainTransport[] = [
  'websocket',
  'sse',
  'stream',
  'polling',
];

/** A client, and all that it was told and has not been asked for. */
export abstract class PlainClient {
  protected readonly url: string;
  readonly #messages: Message[] = [];
  #wake: () => void = () => {};
  isOver = false;

  constructor(url: string) {
    this.url = url;
  }

  static async open(url: string, transport: PlainTransport, query = ''): Promise<PlainClient> {
    const client = create(url, transport);
    await client.begin(query);
    return client;
  }

  protected abstract begin(query: string): Promise<void>;
  /** Sends messages in this order. */
  abstract send(...messages: readonly object[]): Promise<void>;
  abstract close(): void;

  protected take(...messages: readonly Message[]): void {
    this.#messages.push(...messages);
    this.#wake();
  }

  protected over(): void {
    this.isOver = true;
    this.#wake();
  }

  /** The next message. */
  next(): Promise<Message> {
    return within('a message', this.#next(), TIMEOUT_MS);
  }

  /** The next message of a kind, those before it are dropped. */
  async nextOf(type: string, id?: number): Promise<Message> {
    for (;;) {
      const message = await this.next();
      if (message.type === type && (id === undefined || message.id === id)) return message;
    }
  }

  async #next(): Promise<Message> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) return message;
      if (this.isOver) throw new Error('the client has been ended');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Waits until the server has ended it. */
  async ended(): Promise<void> {
    const deadlineMs = performance.now() + TIMEOUT_MS;
    while (!this.isOver) {
      if (performance.now() > deadlineMs) throw new Error('the client was not ended');
      await Bun.sleep(5);
    }
  }
}

function create(url: string, transport: PlainTransport): PlainClient {
  if (transport === 'websocket') return new SocketClient(url);
  return transport === 'polling' ? new PollingClient(url) : new StreamClient(url, transport);
}

class SocketClient extends PlainClient {
  #socket: WebSocket | undefined;

  protected begin(query: string): Promise<void> {
    const socket = new WebSocket(`${this.url.replace(/^http/, 'ws')}/ws?${query}`);
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.take(JSON.parse(String(data))));
    socket.addEventListener('close', () => this.over());
    return within(
      'the socket is open',
      new Promise((resolve, reject) => {
        socket.addEventListener('open', () => resolve());
        socket.addEventListener('error', () => reject(new Error('the socket was refused')));
      }),
      TIMEOUT_MS,
    );
  }

  async send(...messages: readonly object[]): Promise<void> {
    for (const message of messages) this.#socket?.send(JSON.stringify(message));
  }

  close(): void {
    this.#socket?.close();
  }
}

/** Clients that send by POST. */
abstract class PostingClient extends PlainClient {
  protected session = '';
  protected readonly gone: AbortController = new AbortController();
  protected abstract readonly path: string;

  async send(...messages: readonly object[]): Promise<void> {
    const body = messages.map((message) => JSON.stringify(message)).join('\n');
    const url = `${this.url}${this.path}?session=${this.session}`;
    const answer = await fetch(url, { method: 'POST', body, headers: FRESH });
    if (answer.status !== 200) throw new Error(`POST was answered with ${answer.status}`);
  }

  protected override take(...messages: readonly Message[]): void {
    for (const { type, session } of messages) {
      if (type === 'connect') this.session = String(session);
    }
    super.take(...messages);
  }

  close(): void {
    this.gone.abort();
    this.over();
  }
}

class StreamClient extends PostingClient {
  readonly #isSse: boolean;

  constructor(url: string, transport: PlainTransport) {
    super(url);
    this.#isSse = transport === 'sse';
  }

  protected get path(): string {
    return this.#isSse ? '/sse' : '/poll';
  }

  protected async begin(query: string): Promise<void> {
    const stream = this.#isSse ? '' : '&stream=1';
    const { signal } = this.gone;
    const answer = await fetch(`${this.url}${this.path}?${query}${stream}`, { signal });
    if (!answer.ok || answer.body === null) throw new Error(`answered with ${answer.status}`);
    const over = (): void => this.over();
    this.#read(answer.body).then(over, over);
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of body) {
      text += decoder.decode(chunk, { stream: true });
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) this.#line(line);
    }
  }

  #line(line: string): void {
    const json = this.#isSse ? /^data: (.*)$/.exec(line)?.[1] : line;
    if (json !== undefined && json !== '') this.take(JSON.parse(json) as Message);
  }
}

class PollingClient extends PostingClient {
  protected readonly path = '/poll';
  #position = '';

  protected async begin(query: string): Promise<void> {
    await this.#poll(query);
    void this.#goOn(query);
  }

  async #goOn(query: string): Promise<void> {
    while (!this.isOver) {
      try {
        await this.#poll(query);
      } catch {
        this.over();
      }
    }
  }

  async #poll(query: string): Promise<void> {
    const since = this.#position === '' ? '' : `&since=${this.#position}`;
    const { signal } = this.gone;
    const answer = await fetch(`${this.url}/poll?${query}${since}`, { headers: FRESH, signal });
    if (answer.status !== 200) throw new Error(`answered with ${answer.status}`);
    const batch = (await answer.json()) as { position: string; messages: Message[] };
    this.#position = batch.position;
    this.take(...batch.messages);
    if (batch.messages.some(({ type }) => type === 'disconnect')) this.over();
  }
}
