/**
 * The hooks of a worker: what the core asks and tells, as calls to the backend, and what the
 * answers mean for it.
 *
 * What has failed counts as allowed only where the config says so for that call; what was refused,
 * or not understood, never does.
 */

import type { Config } from '../../../host/config/schema.ts';
import type { ForeignJson } from '../../../host/runtime/foreign-json.ts';
import { AckValues, type Handshake, type Session } from '../../core/app/app.ts';
import { HookRefusal, NotNow } from '../../core/app/client-error.ts';
import type { Hooks } from '../../core/contracts/hooks.ts';
import type { IdentitySource, IdentityVerdict } from '../../core/contracts/identity.ts';
import type { HookCall, HookCounters, HookGauges } from '../../core/limits/hook-counters.ts';
import type { Refusals } from '../../core/limits/refusals.ts';
import type { Log } from '../../core/log/log.ts';
import {
  type Allowed,
  type NotAllowed,
  readConnectAnswer,
  readEventAnswer,
  readJoinAnswer,
} from './answers.ts';
import { connectMembers, disconnectMembers, eventMembers, joinMembers } from './call-bodies.ts';
import { HookClient } from './hook-client.ts';

/** The keys of the config that hooks follow. */
type HookSettings = Pick<
  Config,
  'hookCalls' | 'hookHeaders' | 'hookTimeoutMs' | 'hookConcurrency' | 'hookAllowOnFailure'
>;

export interface HttpHooksOptions {
  readonly url: string;
  readonly secret: string;
  readonly settings: HookSettings;
  readonly json: ForeignJson;
  readonly counters: HookCounters;
  readonly refusals: Refusals;
  readonly log: Log;
}

/** What clients read that are refused, where the backend has no words for them. */
const NOT_AUTHENTICATED = 'not authenticated';
/** What clients read of an event whose answer is none. */
const NOT_TAKEN = 'the event was not taken';

const NO_VALUES = new AckValues([]);
const SECOND_MS = 1_000;

export class HttpHooks implements Hooks {
  /** Says who clients are; empty when the backend is not asked that. */
  readonly sources: readonly IdentitySource[];
  readonly mayJoin: Hooks['mayJoin'];
  readonly event: Hooks['event'];
  readonly joined: Hooks['joined'];
  readonly ended: Hooks['ended'];
  readonly #client: HookClient;
  readonly #settings: HookSettings;
  readonly #refusals: Refusals;
  readonly #log: Log;
  /** When sessions joined, in milliseconds; only where the backend hears of their end: 53 bytes. */
  readonly #since: WeakMap<Session, number> = new WeakMap();
  /** The last event under way of each session that has some. */
  readonly #lastEvents: Map<Session, Promise<unknown>> = new Map();

  constructor({ settings, log, ...options }: HttpHooksOptions) {
    const { hookCalls, hookTimeoutMs: timeoutMs, hookConcurrency: concurrency } = settings;
    this.#settings = settings;
    this.#refusals = options.refusals;
    this.#log = log;
    this.#client = new HookClient({ ...options, timeoutMs, concurrency });
    const sends = (call: HookCall): boolean => hookCalls.includes(call);
    const identify: IdentitySource['identify'] = (handshake) => this.#identify(handshake);
    this.sources = sends('connect') ? [{ name: 'hook', identify }] : [];
    if (sends('join')) this.mayJoin = (session, rooms) => this.#mayJoin(session, rooms);
    if (sends('event')) this.event = (session, name, args) => this.#event(session, name, args);
    if (sends('disconnect')) {
      this.joined = (session) => void this.#since.set(session, performance.now());
      this.ended = (session, reason) => this.#ended(session, reason);
    }
  }

  gauges(): HookGauges {
    return this.#client.gauges();
  }

  /** Tells the backend what is still to be told, within a bounded time. */
  async close(): Promise<void> {
    const count = await this.#client.close();
    if (count > 0) this.#log.warn('the backend of hooks was not told of ends', { count });
  }

  async #identify(handshake: Handshake): Promise<IdentityVerdict> {
    const members = connectMembers(handshake, this.#settings.hookHeaders);
    const outcome = await this.#client.ask('connect', {}, members, readConnectAnswer);
    if (outcome.kind === 'answered') return verdictOf(outcome.answer);
    if (outcome.kind === 'refused') {
      return { kind: 'refused', reason: 'hookRefused', message: NOT_AUTHENTICATED };
    }
    this.#allowOrThrow('connect');
    const { user } = handshake;
    return { kind: 'admitted', admission: user === undefined ? {} : { user } };
  }

  async #mayJoin(session: Session, rooms: readonly string[]): Promise<boolean> {
    const members = joinMembers(session, rooms);
    const outcome = await this.#client.ask('join', {}, members, readJoinAnswer);
    if (outcome.kind === 'answered') return outcome.answer.allow;
    if (outcome.kind === 'refused') return false;
    this.#allowOrThrow('join');
    return true;
  }

  #event(session: Session, name: string, args: readonly unknown[]): Promise<AckValues> {
    const answer = this.#askAboutEvent(session, name, args);
    if (this.ended !== undefined) this.#noteLast(session, answer);
    return answer;
  }

  async #askAboutEvent(
    session: Session,
    name: string,
    args: readonly unknown[],
  ): Promise<AckValues> {
    const members = eventMembers(session, name, args);
    const outcome = await this.#client.ask('event', session, members, readEventAnswer);
    if (outcome.kind === 'answered') {
      const { answer } = outcome;
      if ('ack' in answer) return new AckValues(answer.ack);
      throw new HookRefusal(answer.error, { data: answer.data });
    }
    if (outcome.kind === 'refused') throw new HookRefusal(NOT_TAKEN);
    this.#allowOrThrow('event');
    return NO_VALUES;
  }

  /** The end of a session is told after its events. */
  #noteLast(session: Session, answer: Promise<unknown>): void {
    const over = answer
      .catch(() => {})
      .then(() => {
        if (this.#lastEvents.get(session) === over) this.#lastEvents.delete(session);
      });
    this.#lastEvents.set(session, over);
  }

  #ended(...[session, reason]: Parameters<NonNullable<Hooks['ended']>>): void {
    const sinceMs = this.#since.get(session);
    if (sinceMs === undefined) return;
    this.#since.delete(session);
    const seconds = Math.round((performance.now() - sinceMs) / SECOND_MS);
    const members = disconnectMembers(session, reason, seconds);
    const last = this.#lastEvents.get(session);
    if (last === undefined) this.#client.tell('disconnect', members);
    else void last.then(() => this.#client.tell('disconnect', members));
  }

  /** @throws NotNow unless calls of this kind count as allowed when they fail */
  #allowOrThrow(call: 'connect' | 'event' | 'join'): void {
    if (this.#settings.hookAllowOnFailure.includes(call)) return;
    this.#refusals.count('hookFailed', call);
    throw new NotNow();
  }
}

function verdictOf(answer: Allowed | NotAllowed): IdentityVerdict {
  if (!answer.allow) {
    const { message = NOT_AUTHENTICATED, data } = answer;
    return { kind: 'refused', reason: 'hookRefused', message, data };
  }
  const { user, rooms, grants, data, expiresAtMs } = answer;
  if (expiresAtMs !== undefined && expiresAtMs <= Date.now()) {
    return { kind: 'refused', reason: 'hookRefused', message: NOT_AUTHENTICATED };
  }
  const admission = {
    rooms,
    ...(user === undefined ? {} : { user }),
    ...(data === undefined ? {} : { data }),
  };
  return { kind: 'admitted', admission, grants, expiresAtMs };
}
