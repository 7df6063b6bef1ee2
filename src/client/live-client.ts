/**
 * The client itself: which transport is tried when, what messages mean, who is told.
 *
 *     connecting ─▶ transports in turn ─▶ open ─▶ lost ─▶ waiting ─▶ connecting …
 *          └──── refused, or told to stay away ────┴──▶ closed
 *
 * It owns the order of attempts, the handlers, and the rooms to join again. One attempt and its
 * session are a `Connection`; what waits to be sent or answered is in the `Outbox`.
 */

import { HoldfastError } from './client-error.ts';
import { Connection, type ConnectionOwner } from './connection.ts';
import type {
  AnyEvents,
  AnyHandler,
  Asking,
  Client,
  ClientOptions,
  RoomPresence,
  State,
  StateChange,
  TransportName,
} from './contract.ts';
import type { Loss } from './link.ts';
import { Outbox } from './outbox.ts';
import { encode, type Incoming } from './wire.ts';

const TRANSPORTS: readonly TransportName[] = ['websocket', 'sse', 'polling'];
const ACK_TIMEOUT_MS = 10_000;
const RECONNECT_DELAY_MS = 1_000;
const MAX_RECONNECT_DELAY_MS = 30_000;
const MAX_QUEUED = 1_000;

export class LiveClient implements Client {
  state: State = 'connecting';
  transport: TransportName | undefined;
  id: string | undefined;
  user: string | undefined;
  readonly #url: string;
  readonly #parameters: URLSearchParams;
  readonly #options: ClientOptions;
  readonly #outbox: Outbox;
  /** By event, the handlers, and whether each is for one event only. */
  readonly #handlers: Map<string, Map<AnyHandler, boolean>> = new Map();
  /** Those to be in after a reconnect. */
  readonly #rooms: Set<string>;
  #connection: Connection | undefined;
  /** What the last session gave to come back with, and where the client stands in its rooms. */
  #recovery: string | undefined;
  #since: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Since it was last open for long. */
  #attempts = 0;
  #openedAtMs: number = Number.NaN;

  /** @throws TypeError for a URL that is none */
  constructor(url: string, options: ClientOptions) {
    const page = (globalThis as { readonly location?: { readonly href: string } }).location;
    const { href, searchParams } = new URL(url, page?.href);
    const { rooms, namespace, maxQueued = MAX_QUEUED } = options;
    if (namespace !== undefined) searchParams.set('namespace', namespace);
    this.#url = href.replace(/^ws/, 'http').replace(/\/?([?#].*)?$/, '/');
    this.#parameters = searchParams;
    this.#options = options;
    this.#rooms = new Set(rooms);
    this.#outbox = new Outbox(maxQueued, (error) => this.#options.onError?.(error));
    void this.#connect();
  }

  on(event: string, handler: AnyHandler): this {
    return this.#listen(event, handler, false);
  }

  once(event: string, handler: AnyHandler): this {
    return this.#listen(event, handler, true);
  }

  off(event: string, handler?: AnyHandler): this {
    if (handler === undefined) this.#handlers.delete(event);
    else this.#handlers.get(event)?.delete(handler);
    return this;
  }

  emit(event: string, ...args: unknown[]): void {
    this.#checkOpen();
    this.#outbox.add({ type: 'event', event, args });
    this.#flush();
  }

  emitWithAck(event: string, ...args: unknown[]): Promise<unknown> {
    return this.timeout(this.#options.ackTimeoutMs ?? ACK_TIMEOUT_MS).emitWithAck(event, ...args);
  }

  timeout(milliseconds: number): Asking<AnyEvents> {
    return {
      emitWithAck: async (event, ...args) =>
        (await this.#ask({ type: 'event', event, args }, milliseconds))[0],
    };
  }

  async join(room: string): Promise<void> {
    await this.#ask({ type: 'join', room });
    this.#rooms.add(room);
  }

  async leave(room: string): Promise<void> {
    this.#rooms.delete(room);
    await this.#ask({ type: 'leave', room });
    // A `join` before it may have been answered since.
    this.#rooms.delete(room);
  }

  async publish(room: string, event: string, ...args: unknown[]): Promise<void> {
    await this.#ask({ type: 'publish', room, event, args });
  }

  async presence(room: string): Promise<RoomPresence> {
    return (await this.#ask({ type: 'presence', room }))[0] as RoomPresence;
  }

  close(): void {
    this.#end({ reason: 'client disconnect' });
  }

  #listen(event: string, handler: AnyHandler, isOnce: boolean): this {
    const handlers = this.#handlers.get(event) ?? new Map<AnyHandler, boolean>();
    this.#handlers.set(event, handlers.set(handler, isOnce));
    return this;
  }

  #checkOpen(): void {
    if (this.state === 'closed') throw new HoldfastError('closed', 'the client is closed');
  }

  async #ask(message: object, timeoutMs?: number): Promise<readonly unknown[]> {
    this.#checkOpen();
    const answer = this.#outbox.ask(message, timeoutMs);
    this.#flush();
    return await answer;
  }

  #flush(): void {
    this.#connection?.flush();
  }

  #change(change: StateChange): void {
    this.state = change.state;
    this.transport = change.state === 'open' ? change.transport : undefined;
    this.#options.onState?.(change);
  }

  #delayMs(attempt: number): number {
    const { reconnectDelayMs = RECONNECT_DELAY_MS, maxReconnectDelayMs = MAX_RECONNECT_DELAY_MS } =
      this.#options;
    return Math.random() * Math.min(maxReconnectDelayMs, reconnectDelayMs * 2 ** attempt);
  }

  async #connect(): Promise<void> {
    const { auth, rooms = [], transports = TRANSPORTS } = this.#options;
    let loss: Loss | undefined = { reason: 'no transport' };
    try {
      const given = typeof auth === 'function' ? await auth() : auth;
      const back = { recovery: this.#recovery, since: this.#since };
      const isPlain = (given ?? back.recovery ?? back.since) === undefined;
      const opening = isPlain ? undefined : encode({ type: 'connect', auth: given, ...back });
      const query = new URLSearchParams(this.#parameters);
      for (const room of rooms) if (this.#rooms.has(room)) query.append('room', room);
      for (const transport of transports) {
        if (this.state === 'closed') return;
        loss = await this.#tryOne(transport, query, opening);
        if (loss === undefined) return;
        if (loss.isFinal || loss.retryMs !== undefined) break;
      }
    } catch (error) {
      loss = { reason: String(error) };
    }
    this.#lost(loss);
  }

  /** @returns why it did not open; undefined once it has */
  #tryOne(
    transport: TransportName,
    query: URLSearchParams,
    opening: string | undefined,
  ): Promise<Loss | undefined> {
    return new Promise((resolve) => {
      const owner: ConnectionOwner = {
        url: this.#url,
        options: this.#options,
        outbox: this.#outbox,
        delayMs: (attempt) => this.#delayMs(attempt),
        opened: (message) => {
          resolve(undefined);
          this.#opened(transport, message);
        },
        message: (message) => this.#heard(message),
        ended: (loss, wasOpen) => (wasOpen ? this.#lost(loss) : resolve(loss)),
      };
      this.#connection = new Connection(owner, query, opening);
      this.#connection.open(transport);
    });
  }

  #opened(transport: TransportName, message: Incoming): void {
    const { user, rooms = [], recovered = false, recovery, position } = message;
    this.#recovery = recovery;
    this.#since = position;
    const id = message.id as string;
    this.id = id;
    this.user = user;
    this.#openedAtMs = Date.now();
    for (const room of this.#rooms) if (!rooms.includes(room)) void this.#joinAgain(room);
    this.#change({ state: 'open', transport, id, user, recovered });
    this.#flush();
  }

  async #joinAgain(room: string): Promise<void> {
    try {
      await this.#outbox.ask({ type: 'join', room }, undefined, true);
    } catch (error) {
      this.#rooms.delete(room);
      if (this.state !== 'closed') this.#options.onError?.(error as HoldfastError);
    }
  }

  #heard(message: Incoming): void {
    const { type, args = [], reason, message: words = reason ?? '', data } = message;
    const id = message.id as number | undefined;
    if (type === 'event') {
      this.#since = message.position ?? this.#since;
      void this.#called(message);
    } else if (type === 'ack') this.#outbox.answer(id, args);
    else if (type === 'refresh') void this.#refresh();
    else if (type === 'error') {
      this.#outbox.fail(id, new HoldfastError('refused', words, reason, data));
    }
  }

  /** The server wants to know again who this is. */
  async #refresh(): Promise<void> {
    const { auth, onError } = this.#options;
    const connection = this.#connection;
    try {
      const given = typeof auth === 'function' ? await auth() : auth;
      if (given === undefined || !connection?.isLive) return;
      this.#outbox.add({ type: 'auth', auth: given }, true);
      this.#flush();
    } catch (error) {
      onError?.(error as Error);
    }
  }

  /** Calls all handlers before the next event is looked at, then waits for their values. */
  async #called({ event = '', args = [], id }: Incoming): Promise<void> {
    const connection = this.#connection;
    const handlers = this.#handlers.get(event) ?? new Map<AnyHandler, boolean>();
    const values = [...handlers].map(async ([handler, isOnce]) => {
      if (isOnce) handlers.delete(handler);
      return await handler(...args);
    });
    try {
      const value = (await Promise.all(values)).find((one) => one !== undefined);
      // An answer is for the session that asked.
      if (id === undefined || values.length === 0 || !connection?.isLive) return;
      this.#outbox.add({ type: 'ack', id, args: value === undefined ? [] : [value] }, true);
      this.#flush();
    } catch (error) {
      if (this.#options.onError === undefined) throw error;
      this.#options.onError(error as Error);
    }
  }

  #lost(loss: Loss): void {
    if (this.state === 'closed') return;
    if (loss.isFinal) return this.#end(loss);
    const { maxReconnectDelayMs = MAX_RECONNECT_DELAY_MS } = this.#options;
    if (Date.now() - this.#openedAtMs > maxReconnectDelayMs) this.#attempts = 0;
    this.#openedAtMs = Number.NaN;
    this.#outbox.lost(new HoldfastError('disconnected', loss.reason, loss.reason));
    const delayMs = (loss.retryMs ?? 0) + this.#delayMs(this.#attempts++);
    this.#timer = setTimeout(() => {
      this.#change({ state: 'connecting' });
      void this.#connect();
    }, delayMs);
    this.#change({ state: 'waiting', reason: loss.reason, delayMs });
  }

  #end({ reason, message, data }: Loss): void {
    if (this.state === 'closed') return;
    clearTimeout(this.#timer);
    this.#connection?.close(true);
    this.#change({ state: 'closed', reason, message, data });
    this.#outbox.close(new HoldfastError('closed', message ?? reason, reason, data));
  }
}
