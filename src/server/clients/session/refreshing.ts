/**
 * Sessions whose token runs out: asked for a new one in time, and ended when they bring none.
 *
 *     admitted until … ─▶ asked ─▶ it brings a new one ─▶ judged ─▶ admitted until …
 *                           └──── none in time, or a bad one ──────┴─▶ ended
 *
 * What a new token says of rooms holds for what the client asks for from then on; its user has to
 * be the same. How a client is asked, answers and is told of the end is the business of its kind.
 */

import { NotNow } from '../../core/app/client-error.ts';
import type { Admitted, Identity, OpenHandshake } from '../../core/contracts/identity.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { Reason } from '../../core/limits/reasons.ts';
import type { Refusals } from '../../core/limits/refusals.ts';
import type { Expiries, Expiry } from '../../core/sessions/expiries.ts';
import type { Namespace } from '../../core/sessions/namespace.ts';
import type { NamespaceSession } from '../../core/sessions/namespace-session.ts';
import type { JsonObject } from '../../protocol/socketio-packet.ts';
import type { ClientSession } from './client-session.ts';

/** What refreshing needs of the worker's core. */
export interface RefreshCore {
  readonly namespaces: ReadonlyMap<string, Namespace>;
  readonly identity: Identity;
  readonly expiries: Expiries;
  readonly refusals: Refusals;
}

export interface RefreshOptions {
  /** How long before its end a session is asked, at the most. */
  readonly refreshMs: number;
  /** The time in milliseconds since the epoch. */
  readonly now?: () => number;
}

/** Of the time that is left when a session is asked, so much is by chance: not all at once. */
const SPREAD = 0.25;

export class Refreshing {
  readonly #core: RefreshCore;
  readonly #refreshMs: number;
  readonly #now: () => number;

  constructor(core: RefreshCore, { refreshMs, now = Date.now }: RefreshOptions) {
    this.#core = core;
    this.#refreshMs = refreshMs;
    this.#now = now;
  }

  /** A session has come in that is known for a time only. */
  begin(session: NamespaceSession, expiresAtMs: number): void {
    const leftMs = expiresAtMs - this.#now();
    const early = Math.min(this.#refreshMs, leftMs / 2) * (1 - SPREAD * Math.random());
    this.#core.expiries.set(session, expiresAtMs, expiresAtMs - early);
  }

  /** Asks and ends those that are due. Called at each heartbeat tick. */
  sweep(): void {
    const { expiries } = this.#core;
    const nowMs = this.#now();
    for (const due of expiries.takeDue(nowMs, LIMITS.refreshesPerTick)) {
      if (nowMs >= due.expiresAtMs) this.#end(due.session, 'sessionExpired');
      else {
        expiries.putOff(due.session, due.expiresAtMs);
        this.#ask(due, due.expiresAtMs - nowMs);
      }
    }
  }

  /**
   * Takes what a client brings instead of what it had.
   *
   * @returns false when it was not asked, or has answered already
   */
  take(session: NamespaceSession, auth: JsonObject): boolean {
    const expiry = this.#core.expiries.of(session);
    if (expiry?.state !== 'asked') return false;
    expiry.state = 'judged';
    void this.#judge(session, expiry, auth);
    return true;
  }

  #ask(expiry: Expiry, withinMs: number): void {
    expiry.state = 'asked';
    const { session } = expiry;
    (session.carrier as ClientSession).askToRefresh(session, Math.floor(withinMs), (auth) => {
      this.take(session, auth);
    });
  }

  async #judge(session: NamespaceSession, expiry: Expiry, auth: JsonObject): Promise<void> {
    const { identity } = this.#core;
    try {
      const verdict = await identity.refresh(handshakeOf(session, auth));
      if (!session.connected) return;
      if (verdict.kind === 'admitted') this.#goOn(session, expiry, verdict);
      else this.#end(session, verdict.reason);
    } catch (error) {
      if (error instanceof NotNow && session.connected) {
        // There is time left: it is asked once more in half of it.
        this.begin(session, expiry.expiresAtMs);
        return;
      }
      session.home.runner.failed('refresh', error);
      this.#end(session, 'sessionExpired');
    }
  }

  #goOn(session: NamespaceSession, expiry: Expiry, { grants, expiresAtMs }: Admitted): void {
    const { expiries, namespaces } = this.#core;
    if (expiresAtMs !== undefined && expiresAtMs <= expiry.expiresAtMs) {
      // The same again, as a client has it that keeps its token: it may bring another in time.
      expiry.state = 'asked';
      return;
    }
    namespaces.get(session.namespace)?.grants.set(session, grants);
    if (expiresAtMs === undefined) expiries.forget(session);
    else this.begin(session, expiresAtMs);
  }

  #end(session: NamespaceSession, reason: Reason): void {
    if (!session.connected) return;
    this.#core.refusals.count(reason);
    (session.carrier as ClientSession).expire(session);
  }
}

/** Of its first request nothing is left, and the new token has to say all. */
function handshakeOf(session: NamespaceSession, auth: JsonObject): OpenHandshake {
  const { namespace, transport, user } = session;
  return {
    namespace,
    auth,
    headers: {},
    query: new URLSearchParams(),
    address: '',
    transport,
    user,
  };
}
