/**
 * One attempt and, where it succeeds, the session that comes of it: opened in time, watched for
 * signs of life, ended once. It tells its owner what the session says and nothing after the end, so
 * that links need not know whether anybody still listens.
 */

import { HoldfastError } from './client-error.ts';
import type { ClientOptions, TransportName } from './contract.ts';
import { HttpLink } from './http-link.ts';
import type { Link, LinkHost, Loss, Outgoing } from './link.ts';
import type { Outbox } from './outbox.ts';
import { openWebSocket } from './web-socket-link.ts';
import type { Incoming } from './wire.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** As long as the server may be silent when it does not say; its own defaults. */
const PING_INTERVAL_MS = 25_000;
const PING_TIMEOUT_MS = 20_000;

export interface ConnectionOwner {
  readonly url: string;
  readonly options: ClientOptions;
  readonly outbox: Outbox;
  delayMs(attempt: number): number;
  /** The message `connect`, the first of all. */
  opened(message: Incoming): void;
  /** Whatever else is not about the connection itself. */
  message(message: Incoming): void;
  /** The last call. */
  ended(loss: Loss, wasOpen: boolean): void;
}

export class Connection implements LinkHost {
  readonly url: string;
  readonly query: URLSearchParams;
  readonly opening: string | undefined;
  isOver = false;
  readonly #owner: ConnectionOwner;
  #link: Link | undefined;
  #isOpen = false;
  #isSocket = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pingIntervalMs = PING_INTERVAL_MS;
  #pingTimeoutMs = PING_TIMEOUT_MS;

  constructor(owner: ConnectionOwner, query: URLSearchParams, opening: string | undefined) {
    this.#owner = owner;
    this.url = owner.url;
    this.query = new URLSearchParams(query);
    this.opening = opening;
  }

  open(transport: TransportName): void {
    const { options } = this.#owner;
    const { connectTimeoutMs = CONNECT_TIMEOUT_MS, withCredentials } = options;
    this.#timer = setTimeout(() => this.lost({ reason: 'connect timeout' }), connectTimeoutMs);
    this.#isSocket = transport === 'websocket';
    try {
      this.#link =
        transport === 'websocket'
          ? openWebSocket(options.WebSocket ?? globalThis.WebSocket, this)
          : new HttpLink(transport, withCredentials ? 'include' : 'same-origin', this);
    } catch (error) {
      // There is none in this runtime, or the page may not use it.
      this.lost({ reason: String(error) });
    }
  }

  /** The session is there. */
  get isLive(): boolean {
    return this.#isOpen && !this.isOver;
  }

  /** Sends what waits. */
  flush(): void {
    if (this.isLive) this.#link?.flush();
  }

  /** Ends it without a word to the owner. @param isPolite sends what waits, and says goodbye */
  close(isPolite: boolean): void {
    if (this.isOver) return;
    this.isOver = true;
    clearTimeout(this.#timer);
    this.#link?.close(isPolite && this.#isOpen);
  }

  heard(): void {
    if (!this.isLive) return;
    clearTimeout(this.#timer);
    // A page is not shown the pings of a WebSocket. Over HTTP the server says something by then; it
    // is worth a request only where it is late, or holds polls for longer.
    const graceMs = this.#isSocket ? 0 : this.#pingTimeoutMs / 2;
    const lost = (): void => this.lost({ reason: 'ping timeout' });
    this.#timer = setTimeout(() => {
      this.#timer = setTimeout(lost, this.#pingTimeoutMs - graceMs);
      this.#link?.ping();
    }, this.#pingIntervalMs + graceMs);
  }

  message(said: unknown): void {
    if (this.isOver) return;
    const message = Object(said) as Incoming;
    const { type, reason = type, retry } = message;
    if (type === 'disconnect') {
      this.lost({ reason, retryMs: retry, isFinal: retry === undefined });
    } else if (this.#isOpen) {
      this.#owner.message(message);
    } else if (type === 'error') {
      this.lost({ reason, message: message.message, data: message.data, isFinal: true });
    } else if (type === 'connect') {
      this.#isOpen = true;
      this.#pingIntervalMs = message.pingInterval ?? PING_INTERVAL_MS;
      this.#pingTimeoutMs = message.pingTimeout ?? PING_TIMEOUT_MS;
      this.#owner.outbox.maxPayload = message.maxPayload ?? Number.POSITIVE_INFINITY;
      this.heard();
      this.#owner.opened(message);
    }
  }

  lost(loss: Loss): void {
    if (this.isOver) return;
    this.close(false);
    this.#owner.ended(loss, this.#isOpen);
  }

  take(): readonly Outgoing[] {
    return this.#owner.outbox.take();
  }

  putBack(messages: readonly Outgoing[]): void {
    this.#owner.outbox.putBack(messages);
  }

  refuse(messages: readonly Outgoing[], { reason, message, data }: Loss): void {
    const code = reason === 'payloadTooLarge' ? reason : 'refused';
    const error = new HoldfastError(code, message ?? reason, reason, data);
    this.#owner.outbox.refuse(messages, error);
  }

  delayMs(attempt: number): number {
    return this.#owner.delayMs(attempt);
  }
}
