/**
 * Calls the app's handlers of one namespace and contains what they throw.
 *
 * A handler that throws or rejects is logged with its event name; the ack, when the client asked
 * for one, is answered with `{ "error": … }`, in the words that a client may be told
 * (`client-error.ts`). What handlers return is waited for when it is a promise of any kind;
 * handlers that return none cost none.
 */

import type { Counters } from '../limits/counters.ts';
import { EventLimits } from '../limits/event-limits.ts';
import type { MemoryBudget } from '../limits/memory-budget.ts';
import { describeError, type Log } from '../log/log.ts';
import { LogLimiter } from '../log/log-limiter.ts';
import { readAdmission } from './admission.ts';
import {
  AckValues,
  type Admission,
  type DisconnectReason,
  type Handshake,
  type NamespaceHandlers,
  type Server,
  type Session,
} from './app.ts';
import { ClientError, HookRefusal, type Told, tellable } from './client-error.ts';
import { isThenable } from './thenable.ts';
import { type Finish, UnfinishedEvents } from './unfinished-events.ts';

/** Takes the values of an ack, once; `failure` says that they are what a failure looks like. */
export type Answer = (values: readonly unknown[], failure?: Told) => void;

type EventHandler = (session: Session, ...args: unknown[]) => unknown;
type ServerHandler = (server: Server, ...args: unknown[]) => unknown;

/** What a client is told of an error that was not meant for it. */
const INTERNAL_ERROR: Told = { message: 'internal error', data: undefined };

/**
 * Whether an event was taken: nobody may listen for it, its session may send it more often than the
 * app allows, or flood the worker.
 */
export type Taken = 'taken' | 'unheard' | 'tooOften' | 'flooding';

/** The way to other workers, which is to know on whose behalf the app says something. */
interface SpeakerLink {
  runAs<Args extends readonly unknown[], Result>(
    speaker: string,
    call: (...args: Args) => Result,
    ...args: Args
  ): Result;
}

/** Takes events that the app has no handler for. */
interface EventHook {
  readonly event?:
    | ((session: Session, name: string, args: readonly unknown[]) => Promise<unknown>)
    | undefined;
}

/** What a runner needs of its worker. */
export interface RunnerOptions {
  readonly hooks?: EventHook | undefined;
  readonly log: Log;
  readonly counters: Counters;
  readonly budget: MemoryBudget;
  readonly link: SpeakerLink;
  /** Hears that a handler has run: its session's data may be other than it was. */
  readonly reports?: { touched(session: { readonly id: string }): void } | undefined;
}

export class HandlerRunner {
  readonly #handlers: NamespaceHandlers;
  readonly #server: Server;
  readonly #hooks: EventHook | undefined;
  readonly #log: Log;
  readonly #counters: Counters;
  readonly #link: SpeakerLink;
  readonly #reports: RunnerOptions['reports'];
  readonly #limiter: LogLimiter = new LogLimiter();
  readonly #unfinished: UnfinishedEvents;
  readonly #events: ReadonlyMap<string, EventHandler>;
  readonly #limits: EventLimits | undefined;
  readonly #serverEvents: ReadonlyMap<string, ServerHandler>;

  constructor(handlers: NamespaceHandlers, server: Server, options: RunnerOptions) {
    this.#handlers = handlers;
    this.#server = server;
    this.#hooks = options.hooks;
    this.#log = options.log;
    this.#counters = options.counters;
    this.#link = options.link;
    this.#reports = options.reports;
    this.#unfinished = new UnfinishedEvents(options.budget);
    this.#events = new Map(
      Object.entries((handlers.on ?? {}) as unknown as Record<string, EventHandler>),
    );
    const { limits = {} } = handlers;
    if (Object.keys(limits).length > 0) this.#limits = new EventLimits(limits);
    this.#serverEvents = new Map(
      Object.entries((handlers.onServer ?? {}) as unknown as Record<string, ServerHandler>),
    );
  }

  /** Asks the app who this is; throws what `authenticate` throws, or when its answer is none. */
  authenticate(handshake: Handshake): Admission | Promise<Admission> {
    const result: unknown = this.#handlers.authenticate?.(handshake);
    return isThenable(result) ? admissionLater(result) : readAdmission(result);
  }

  unrecovered(session: Session): void {
    if (this.#handlers.unrecovered === undefined) return;
    this.#contain('unrecovered', session, () => this.#handlers.unrecovered?.(session));
  }

  connected(session: Session): void {
    if (this.#handlers.connected === undefined) return;
    this.#contain('connected', session, () => this.#handlers.connected?.(session));
  }

  /** Whether the app lets a client join a room that it asks for; only a clear yes does. */
  mayJoin(session: Session, room: string): boolean {
    if (this.#handlers.mayJoin === undefined) return true;
    try {
      const answer: unknown = this.#handlers.mayJoin(session, room);
      if (typeof answer === 'boolean') return answer;
      throw new TypeError('mayJoin is to return true or false, and at once');
    } catch (error) {
      this.failed('mayJoin', error);
      return false;
    }
  }

  /** Whether the app says who may join which room. */
  get judgesJoins(): boolean {
    return this.#handlers.mayJoin !== undefined;
  }

  /** Whether the app has a handler for an event. */
  listensFor(name: string): boolean {
    return this.#events.has(name);
  }

  /** Whether the app wants to hear of ends before they happen. */
  get hearsDisconnecting(): boolean {
    return this.#handlers.disconnecting !== undefined;
  }

  get hearsDisconnected(): boolean {
    return this.#handlers.disconnected !== undefined;
  }

  disconnecting(session: Session, reason: DisconnectReason): void {
    this.#contain('disconnecting', session, () => this.#handlers.disconnecting?.(session, reason));
  }

  disconnected(session: Session, reason: DisconnectReason): void {
    this.#unfinished.forget(session);
    this.#limits?.forget(session);
    if (!this.hearsDisconnected) return;
    this.#contain('disconnected', session, () => this.#handlers.disconnected?.(session, reason));
  }

  /**
   * Runs the handler of an event.
   *
   * @param answer sends the ack, when the client asked for one; an event that nobody listens for
   *   gets none, since the caller would take it for the answer of a handler
   * @param text of the packet, and @param attachmentBytes what came with it
   */
  event(
    session: Session,
    name: string,
    args: unknown[],
    answer?: Answer,
    text = '',
    attachmentBytes = 0,
  ): Taken {
    const handler = this.#events.get(name) ?? this.#hookFor(name);
    if (handler === undefined) return 'unheard';
    if (this.#limits?.take(session, name) === false) return 'tooOften';
    if (this.#unfinished.isFull(session)) return 'flooding';
    try {
      const result = this.#link.runAs(session.id, handler, session, ...args);
      if (!isThenable(result)) answer?.(ackValues(result));
      else {
        const finish = this.#unfinished.begin(session, text, attachmentBytes);
        void this.#finish({ finish, name, id: session.id }, result, answer);
      }
    } catch (error) {
      this.failed(name, error, answer);
    }
    this.#reports?.touched(session);
    return 'taken';
  }

  #hookFor(name: string): EventHandler | undefined {
    const take = this.#hooks?.event;
    return take && ((session, ...args) => take(session, name, args));
  }

  /** What a session's unfinished events hold. */
  heldBytes(session: Session): number {
    return this.#unfinished.heldBytes(session);
  }

  /** @returns the one answer of the handler, also when it is `undefined`; none without an answer */
  async serverSide(name: string, args: readonly unknown[]): Promise<readonly unknown[]> {
    const handler = this.#serverEvents.get(name);
    if (handler === undefined) return [];
    try {
      return [await handler(this.#server, ...args)];
    } catch (error) {
      this.failed(name, error);
      return [];
    }
  }

  /** What a client that is refused is told. */
  refusal(error: unknown): Told {
    const told = this.#told('authenticate', error);
    if (told === undefined) this.failed('authenticate', error);
    return told ?? INTERNAL_ERROR;
  }

  /** What a client may be told of an error; data that JSON cannot hold is reported instead. */
  #told(name: string, error: unknown): Told | undefined {
    const told = tellable(error);
    if (told?.data === undefined) return told;
    try {
      // A copy, since what is asked for its JSON again may give another.
      const json = JSON.stringify(told.data) as string | undefined;
      return { ...told, data: json === undefined ? undefined : (JSON.parse(json) as unknown) };
    } catch (fault) {
      this.failed(name, fault);
      return { ...told, data: undefined };
    }
  }

  async #finish(
    { finish, name, id }: { readonly finish: Finish; readonly name: string; readonly id: string },
    result: PromiseLike<unknown>,
    answer?: Answer,
  ): Promise<void> {
    try {
      const value = await result;
      answer?.(ackValues(value));
    } catch (error) {
      this.failed(name, error, answer);
    } finally {
      finish();
      this.#reports?.touched({ id });
    }
  }

  #contain(name: string, session: Session, call: () => unknown): void {
    try {
      const result = this.#link.runAs(session.id, call);
      if (isThenable(result)) void this.#settled(name, session.id, result);
    } catch (error) {
      this.failed(name, error);
    }
    this.#reports?.touched(session);
  }

  /** @param id of the session: a handler that never ends must not keep that itself */
  async #settled(name: string, id: string, result: PromiseLike<unknown>): Promise<void> {
    try {
      await result;
    } catch (error) {
      this.failed(name, error);
    }
    this.#reports?.touched({ id });
  }

  /**
   * Counts and logs a failure of the app, and answers the ack when there is one to answer.
   *
   * A `ClientError` that reaches its client is an answer like any other, and no failure.
   */
  failed(name: string, error: unknown, answer?: Answer): void {
    const isLogged = answer === undefined || !(error instanceof ClientError);
    if (isLogged && !(error instanceof HookRefusal)) this.#report(name, error);
    if (answer === undefined) return;
    const told = this.#told(name, error) ?? INTERNAL_ERROR;
    const { message, data } = told;
    answer([{ error: message, ...(data === undefined ? {} : { data }) }], told);
  }

  #report(name: string, error: unknown): void {
    this.#counters.handlerErrors++;
    const suppressed = this.#limiter.pass();
    if (suppressed === undefined) return;
    const fields = { event: name, error: describeError(error) };
    this.#log.error(
      `handler '${name}' failed`,
      suppressed === 0 ? fields : { ...fields, suppressed },
    );
  }
}

async function admissionLater(result: PromiseLike<unknown>): Promise<Admission> {
  return readAdmission(await result);
}

function ackValues(result: unknown): readonly unknown[] {
  if (result instanceof AckValues) return result.values;
  return result === undefined ? [] : [result];
}
