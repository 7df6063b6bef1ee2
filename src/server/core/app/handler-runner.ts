/**
 * Calls the app's handlers of one namespace and contains what they throw.
 *
 * A handler that throws or rejects is logged with its event name; the ack, when the client asked
 * for one, is answered with `{ "error": … }`. Handlers that return no promise cost none.
 */

import type { Counters } from '../limits/counters.ts';
import { LIMITS } from '../limits/limits.ts';
import { describeError, type Log } from '../log/log.ts';
import { LogLimiter } from '../log/log-limiter.ts';
import {
  AckValues,
  type Admission,
  type DisconnectReason,
  type Handshake,
  type NamespaceHandlers,
  type Server,
  type Session,
} from './app.ts';

/** Takes the values of an ack, once. */
export type Answer = (values: readonly unknown[]) => void;

type EventHandler = (session: Session, ...args: unknown[]) => unknown;
type ServerHandler = (server: Server, ...args: unknown[]) => unknown;

/** What a programming error of the app tells the client: nothing about its inside. */
const INTERNAL_ERROR = 'internal error';

export class HandlerRunner {
  readonly #handlers: NamespaceHandlers;
  readonly #server: Server;
  readonly #log: Log;
  readonly #counters: Counters;
  readonly #limiter: LogLimiter = new LogLimiter();
  /** Handlers that have not finished; those that never do must not keep their session alive. */
  readonly #running: WeakMap<Session, number> = new WeakMap();
  readonly #events: ReadonlyMap<string, EventHandler>;
  readonly #serverEvents: ReadonlyMap<string, ServerHandler>;

  constructor(handlers: NamespaceHandlers, server: Server, log: Log, counters: Counters) {
    this.#handlers = handlers;
    this.#server = server;
    this.#log = log;
    this.#counters = counters;
    this.#events = new Map(
      Object.entries((handlers.on ?? {}) as unknown as Record<string, EventHandler>),
    );
    this.#serverEvents = new Map(
      Object.entries((handlers.onServer ?? {}) as unknown as Record<string, ServerHandler>),
    );
  }

  /** Asks the app who this is; throws what `authenticate` throws. */
  authenticate(handshake: Handshake): Admission | void | Promise<Admission | void> {
    return this.#handlers.authenticate?.(handshake);
  }

  connected(session: Session): void {
    this.#contain('connected', () => this.#handlers.connected?.(session));
  }

  disconnected(session: Session, reason: DisconnectReason): void {
    this.#contain('disconnected', () => this.#handlers.disconnected?.(session, reason));
  }

  /**
   * Runs the handler of an event.
   *
   * @param answer sends the ack, when the client asked for one
   * @returns false when the session has too many handlers running: it floods the worker
   */
  event(session: Session, name: string, args: unknown[], answer?: Answer): boolean {
    const handler = this.#events.get(name);
    if (handler === undefined) {
      answer?.([{ error: `no handler for the event '${name}'` }]);
      return true;
    }
    try {
      const result = handler(session, ...args);
      if (!isPromise(result)) answer?.(ackValues(result));
      else {
        const running = (this.#running.get(session) ?? 0) + 1;
        this.#running.set(session, running);
        void this.#finish(session, name, result, answer);
        return running <= LIMITS.handlersPerSession;
      }
    } catch (error) {
      this.failed(name, error, answer);
    }
    return true;
  }

  async serverSide(name: string, args: readonly unknown[]): Promise<unknown> {
    try {
      return await this.#serverEvents.get(name)?.(this.#server, ...args);
    } catch (error) {
      this.failed(name, error);
      return undefined;
    }
  }

  /** The text of a refusal: the app's own words, but not those of a programming error. */
  refusal(error: unknown): { message: string; data: unknown } {
    if (!(error instanceof Error) || isProgrammingError(error)) {
      this.failed('authenticate', error);
      return { message: INTERNAL_ERROR, data: undefined };
    }
    return { message: error.message, data: this.#plain((error as { data?: unknown }).data) };
  }

  /** What JSON cannot hold is left out of a refusal, which must reach the client all the same. */
  #plain(data: unknown): unknown {
    try {
      JSON.stringify(data);
      return data;
    } catch (error) {
      this.failed('authenticate', error);
      return undefined;
    }
  }

  async #finish(
    session: Session,
    name: string,
    result: Promise<unknown>,
    answer?: Answer,
  ): Promise<void> {
    try {
      const value = await result;
      answer?.(ackValues(value));
    } catch (error) {
      this.failed(name, error, answer);
    } finally {
      const running = this.#running.get(session) ?? 0;
      if (running > 1) this.#running.set(session, running - 1);
      else this.#running.delete(session);
    }
  }

  #contain(name: string, call: () => void | Promise<void>): void {
    try {
      const result = call();
      if (isPromise(result)) result.catch((error: unknown) => this.failed(name, error));
    } catch (error) {
      this.failed(name, error);
    }
  }

  /** Counts and logs a failure of the app, and answers the ack when there is one to answer. */
  failed(name: string, error: unknown, answer?: Answer): void {
    this.#counters.handlerErrors++;
    const suppressed = this.#limiter.pass();
    if (suppressed !== undefined) {
      const fields = { event: name, error: describeError(error) };
      this.#log.error(
        `handler '${name}' failed`,
        suppressed === 0 ? fields : { ...fields, suppressed },
      );
    }
    const isOwn = error instanceof Error && !isProgrammingError(error);
    answer?.([{ error: isOwn ? error.message : INTERNAL_ERROR }]);
  }
}

function ackValues(result: unknown): readonly unknown[] {
  if (result instanceof AckValues) return result.values;
  return result === undefined ? [] : [result];
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value;
}

/** Errors that the language throws, as opposed to those an app throws on purpose. */
function isProgrammingError(error: Error): boolean {
  return (
    error instanceof TypeError ||
    error instanceof ReferenceError ||
    error instanceof RangeError ||
    error instanceof SyntaxError
  );
}
