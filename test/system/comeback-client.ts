/**
 * Clients that are cut off and come back, one interface for all transports: they do what
 * docs/PROTOCOL.md ("Coming back") says and no more.
 */

import { io, type Socket } from 'socket.io-client';
import { within } from '../support/raw-deadline.ts';

export type Kind = 'websocket' | 'sse' | 'stream' | 'polling' | 'io-websocket' | 'io-polling';
export const PLAIN: readonly Kind[] = ['websocket', 'sse', 'stream', 'polling'];
export const ALL: readonly Kind[] = [...PLAIN, 'io-websocket', 'io-polling'];

export type Auth = Readonly<Record<string, unknown>>;

export interface Asked {
  readonly rooms?: readonly string[];
  readonly auth?: Auth;
  readonly namespace?: string;
  /** A position, by `since` or as the transport has it. */
  readonly since?: string | undefined;
  readonly recovery?: string | undefined;
}

/** An event as it came, without what the transport adds to it. */
export type Event = readonly [name: string, ...args: unknown[]];

export interface Connect {
  readonly id: string;
  readonly recovered: boolean;
  readonly rooms?: readonly string[] | undefined;
  readonly position?: string | undefined;
  readonly recovery?: string | undefined;
}

const TIMEOUT_MS = 15_000;

/** A client of one connection; who comes back is another. */
export abstract class Comer {
  readonly events: Event[] = [];
  readonly acks: Map<number, readonly unknown[]> = new Map();
  connect: Connect | undefined;
  /** That of the last event or of `connect`. */
  position: string | undefined;
  /** That of the last answer to a poll. */
  pollPosition: string | undefined;
  /** Why it is no longer connected. */
  over: string | undefined;
  #waiting: (() => void)[] = [];

  /** Asks the app, and gives its first answer. */
  abstract ask(event: string, ...args: readonly unknown[]): Promise<unknown>;
  /** Joins by itself. */
  abstract join(room: string): Promise<unknown>;
  /** Is gone, without a word. */
  abstract cut(): void;
  /** As it comes back by what it knows now; `asked` says what is otherwise. */
  abstract again(asked?: Asked): Promise<Comer>;

  protected changed(): void {
    for (const look of this.#waiting.splice(0)) look();
  }

  async until(what: string, holds: () => boolean): Promise<void> {
    const wait = async (): Promise<void> => {
      while (!holds()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    };
    try {
      await within(what, wait(), TIMEOUT_MS);
    } catch (cause) {
      const last = JSON.stringify(this.events.slice(-4));
      const told = `${this.events.length} events, last ${last}, over: ${this.over}`;
      throw new Error(`${what}; ${told}`, { cause });
    }
  }

  /** What came of one name: the first values of each. */
  of(name: string): readonly unknown[] {
    return this.events.filter(([event]) => event === name).map(([, value]) => value);
  }

  /** Waits for what the app said first. */
  async hello(): Promise<Hello> {
    await this.until('hello', () => this.of('hello').length > 0);
    return this.of('hello')[0] as Hello;
  }

  /** Waits for an event whose first value is this. */
  async heard(value: unknown, name = 'said'): Promise<void> {
    await this.until(`heard ${String(value)}`, () => this.of(name).includes(value));
  }
}

export interface Hello {
  readonly recovered: boolean;
  readonly unrecovered: boolean;
  readonly id: string;
  readonly rooms: readonly string[];
  readonly data: unknown;
}

/** Opens a client that has heard `connect`. */
export async function come(url: string, kind: Kind, asked: Asked = {}): Promise<Comer> {
  if (kind.startsWith('io-')) return await IoComer.open(url, kind, asked);
  return await PlainComer.open(url, kind, asked);
}

function queryOf({ rooms = [], auth, namespace, since, recovery }: Asked): URLSearchParams {
  const query = new URLSearchParams();
  for (const room of rooms) query.append('room', room);
  if (auth !== undefined) query.set('auth', JSON.stringify(auth));
  if (namespace !== undefined) query.set('namespace', namespace);
  if (since !== undefined) query.set('since', since);
  if (recovery !== undefined) query.set('recovery', recovery);
  return query;
}

interface PlainMessage {
  readonly type: string;
  readonly [member: string]: unknown;
}

class PlainComer extends Comer {
  readonly #url: string;
  readonly #kind: Kind;
  readonly #asked: Asked;
  readonly #gone: AbortController = new AbortController();
  #socket: WebSocket | undefined;
  #session = '';
  #lastAsk = 0;
  #lastEventId: string | undefined;
  #before: PlainComer | undefined;

  private constructor(url: string, kind: Kind, asked: Asked) {
    super();
    this.#url = url;
    this.#kind = kind;
    this.#asked = asked;
  }

  static async open(url: string, kind: Kind, asked: Asked, before?: PlainComer) {
    const comer = new PlainComer(url, kind, asked);
    comer.#before = before;
    if (kind === 'websocket') comer.#openSocket();
    else if (kind === 'polling') await comer.#openPolls();
    else await comer.#openStream();
    await comer.until('connect', () => comer.connect !== undefined || comer.over !== undefined);
    if (comer.connect === undefined) throw new Error(`refused: ${comer.over}`);
    return comer;
  }

  #openSocket(): void {
    const query = queryOf(this.#asked);
    const socket = new WebSocket(`${this.#url.replace(/^http/, 'ws')}/ws?${String(query)}`);
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#take(JSON.parse(String(data)));
    socket.onclose = ({ code, reason }) => this.#end(`${code} ${reason}`);
  }

  async #openStream(): Promise<void> {
    const { since, ...others } = this.#asked;
    const isSse = this.#kind === 'sse';
    // An EventSource names its position by itself.
    const query = queryOf(isSse ? others : this.#asked);
    if (!isSse) query.set('stream', '1');
    const headers: Record<string, string> = { connection: 'close' };
    if (isSse && since !== undefined) headers['last-event-id'] = since;
    const path = isSse ? '/sse' : '/poll';
    const { signal } = this.#gone;
    const answer = await fetch(`${this.#url}${path}?${String(query)}`, { headers, signal });
    if (!answer.ok || answer.body === null) {
      this.#end(`${answer.status} ${await answer.text()}`);
      return;
    }
    const end = (why: unknown): void => this.#end(String(why));
    this.#read(answer.body).then(() => end('the end'), end);
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of body) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#line(line);
    }
  }

  #line(line: string): void {
    if (this.#kind !== 'sse') {
      if (line !== '') this.#take(JSON.parse(line));
      return;
    }
    if (line.startsWith('id:')) this.#lastEventId = line.slice(3).trim();
    if (line.startsWith('data:')) this.#take(JSON.parse(line.slice(5)));
  }

  async #openPolls(): Promise<void> {
    const before = this.#before;
    if (before?.connect === undefined) await this.#poll();
    else {
      // It goes on where nobody has noticed the cut; else it is told that it is a new session.
      this.#session = before.#session;
      this.connect = { ...before.connect, recovered: true };
    }
    void this.#polls();
  }

  async #polls(): Promise<void> {
    try {
      while (this.over === undefined) await this.#poll();
    } catch (error) {
      this.#end(String(error));
    }
  }

  async #poll(): Promise<void> {
    const since = this.pollPosition ?? this.#asked.since;
    const query = queryOf({ ...this.#asked, since });
    const { signal } = this.#gone;
    const headers = { connection: 'close' };
    const answer = await fetch(`${this.#url}/poll?${String(query)}`, { headers, signal });
    if (!answer.ok) return this.#end(`${answer.status} ${await answer.text()}`);
    const batch = (await answer.json()) as { position: string; messages: PlainMessage[] };
    this.pollPosition = batch.position;
    for (const message of batch.messages) this.#take(message);
  }

  #take(message: PlainMessage): void {
    if (this.over === 'cut') return;
    const { type, position } = message;
    if (type === 'connect') {
      this.connect = message as unknown as Connect;
      this.#session = String(message['session']);
    }
    if (typeof position === 'string') this.position = position;
    if (type === 'event') {
      this.events.push([String(message['event']), ...(message['args'] as unknown[])]);
    }
    if (type === 'ack') {
      this.acks.set(Number(message['id']), message['args'] as readonly unknown[]);
    }
    if (type === 'error') {
      this.acks.set(Number(message['id']), [message['reason']]);
      if (message['id'] === undefined) this.over ??= JSON.stringify(message);
    }
    if (type === 'disconnect') this.#end(JSON.stringify(message));
    this.changed();
  }

  #end(why: string): void {
    this.over ??= why;
    this.changed();
  }

  async #send(message: PlainMessage): Promise<void> {
    const text = JSON.stringify(message);
    if (this.#socket !== undefined) {
      this.#socket.send(text);
      return;
    }
    const path = this.#kind === 'sse' ? '/sse' : '/poll';
    const url = `${this.#url}${path}?session=${this.#session}`;
    const headers = { connection: 'close' };
    const answer = await fetch(url, { method: 'POST', body: text, headers });
    if (answer.status !== 200) throw new Error(`POST answered ${answer.status}`);
  }

  async #answer(message: PlainMessage): Promise<unknown> {
    this.#lastAsk += 1;
    const id = this.#lastAsk;
    await this.#send({ ...message, id });
    await this.until(`the answer to ${JSON.stringify(message)}`, () => this.acks.has(id));
    return this.acks.get(id)?.[0];
  }

  async ask(event: string, ...args: readonly unknown[]): Promise<unknown> {
    return await this.#answer({ type: 'event', event, args });
  }

  async join(room: string): Promise<unknown> {
    return await this.#answer({ type: 'join', room });
  }

  cut(): void {
    this.over ??= 'cut';
    if (this.#socket !== undefined) this.#socket.terminate();
    this.#gone.abort();
  }

  async again(asked: Asked = {}): Promise<Comer> {
    // An `EventSource` knows no other than the last `id:`.
    const known = { sse: this.#lastEventId, polling: this.pollPosition, others: this.position };
    const kind = this.#kind === 'sse' || this.#kind === 'polling' ? this.#kind : 'others';
    const position = known[kind] ?? this.#asked.since;
    const recovery = this.connect?.recovery;
    const own: Asked = { ...this.#asked, since: position, recovery };
    return await PlainComer.open(this.#url, this.#kind, { ...own, ...asked }, this);
  }
}

/** The library does it all by itself, in the same object; it is handed over to a new `Comer`. */
class IoComer extends Comer {
  readonly #socket: Socket;
  #auth: Auth;

  private constructor(socket: Socket, auth: Auth) {
    super();
    this.#socket = socket;
    this.#auth = auth;
    socket.auth = (give) => give({ ...this.#auth });
    socket.onAny((name: string, ...args: unknown[]) => {
      this.events.push([name, ...args]);
      const last: unknown = args.at(-1);
      if (typeof last === 'string') this.position = last;
      this.changed();
    });
    socket.on('connect', () => {
      const { _pid: recovery } = socket as unknown as { readonly _pid?: string };
      this.connect = { id: String(socket.id), recovered: socket.recovered, recovery };
      this.changed();
    });
    socket.on('connect_error', ({ message }) => {
      this.over ??= message;
      this.changed();
    });
    socket.on('disconnect', (why) => {
      this.over ??= why;
      this.changed();
    });
  }

  static async open(url: string, kind: Kind, asked: Asked): Promise<IoComer> {
    const transport = kind.slice(3) as 'websocket' | 'polling';
    const socket = io(`${url}${asked.namespace ?? '/'}`, {
      forceNew: true,
      reconnection: false,
      autoConnect: false,
      transports: [transport],
    });
    const shown = asked.recovery === undefined ? {} : { pid: asked.recovery, offset: asked.since };
    const comer = new IoComer(socket, { ...shown, ...asked.auth });
    socket.connect();
    await comer.#ready();
    for (const room of asked.rooms ?? []) {
      await comer.join(room).catch((error: unknown) => {
        // Another one has come for the session meanwhile.
        if (comer.over === undefined) throw error;
      });
    }
    return comer;
  }

  async #ready(): Promise<void> {
    await this.until('connect', () => this.connect !== undefined || this.over !== undefined);
    if (this.connect === undefined) throw new Error(`refused: ${this.over}`);
  }

  async ask(event: string, ...args: readonly unknown[]): Promise<unknown> {
    return await within(`an answer to ${event}`, this.#socket.emitWithAck(event, ...args));
  }

  async join(room: string): Promise<unknown> {
    const answer = await this.ask('holdfast:join', room);
    return answer;
  }

  cut(): void {
    this.over ??= 'cut';
    this.#socket.io.engine?.close();
  }

  async again({ auth }: Asked = {}): Promise<Comer> {
    await this.until('the cut', () => !this.#socket.connected);
    this.#socket.removeAllListeners();
    this.#socket.offAny();
    const next = new IoComer(this.#socket, auth ?? this.#auth);
    this.#socket.connect();
    await next.#ready();
    return next;
  }
}

/** Closes all, whatever became of them. */
export function closeAll(comers: readonly Comer[]): void {
  for (const comer of comers) comer.cut();
}
