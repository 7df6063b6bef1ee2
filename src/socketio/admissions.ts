/**
 * Clients on their way into a namespace.
 *
 *     CONNECT → authenticate (perhaps later) → admitted → end of the turn: in, told, `connected`
 *
 * Those admitted in one turn of the event loop go in together: what they add to the worker's
 * interest is one write on the bus instead of one each, and it leaves before any of them is told
 * that it has joined. A packet from a client that has not waited for that answer lets it in first.
 */

import type { Admission, Handshake } from '../core/app.ts';
import { checkKey } from '../core/broadcast.ts';
import type { NodeLink } from '../core/contracts.ts';
import { LIMITS } from '../core/limits.ts';
import type { Namespace } from '../core/namespace.ts';
import { NamespaceSession } from '../core/namespace-session.ts';
import { encodeConnect, encodeConnectError, type JsonObject } from '../protocol/socketio-packet.ts';
import type { EngineContext } from './engine-context.ts';
import type { EngineSession } from './engine-session.ts';

interface Admitted {
  readonly engine: EngineSession;
  readonly session: NamespaceSession;
  readonly rooms: readonly string[];
}

/** What admissions need of the worker's core. */
export interface AdmissionCore {
  readonly namespaces: ReadonlyMap<string, Namespace>;
  readonly link: NodeLink;
}

export class Admissions {
  readonly #core: () => AdmissionCore;
  readonly #context: () => EngineContext;
  #admitted: Admitted[] = [];

  constructor(core: () => AdmissionCore, context: () => EngineContext) {
    this.#core = core;
    this.#context = context;
  }

  /** Takes a client's CONNECT. */
  connect(engine: EngineSession, namespace: string, auth: JsonObject): void {
    const home = this.#core().namespaces.get(namespace);
    if (home === undefined) {
      engine.send([encodeConnectError(namespace, 'Invalid namespace')]);
      return;
    }
    const isKnown = engine.sessionIn(namespace) !== undefined || engine.joining?.has(namespace);
    const count = engine.sessions.length + (engine.joining?.size ?? 0);
    if (isKnown === true || count >= LIMITS.namespacesPerConnection) {
      engine.fail();
      return;
    }
    try {
      const admission = home.runner.authenticate(handshakeOf(engine, namespace, auth));
      if (admission instanceof Promise) void this.#admitLater(engine, home, admission);
      else this.#admit(engine, home, admission);
    } catch (error) {
      this.#refuse(engine, home, error);
    }
  }

  /** Lets a client in now, if it has been admitted: it has sent something else already. */
  completeFor(engine: EngineSession): void {
    if (this.#admitted.some((admitted) => admitted.engine === engine)) this.complete();
  }

  /** Lets in all who have been admitted. */
  readonly complete = (): void => {
    const admitted = this.#admitted.filter((one) => !one.engine.closed);
    this.#admitted = [];
    const entered = admitted.filter((one) => this.#enter(one));
    this.#core().link.announceInterest();
    for (const { engine, session } of entered) {
      engine.send([encodeConnect(session.namespace, session.id)]);
    }
    for (const { session } of entered) session.home.runner.connected(session);
  };

  async #admitLater(
    engine: EngineSession,
    home: Namespace,
    admission: Promise<Admission | void>,
  ): Promise<void> {
    engine.hold({ joining: new Set([...(engine.joining ?? []), home.name]) });
    try {
      const admitted = await admission;
      if (!engine.closed) this.#admit(engine, home, admitted);
    } catch (error) {
      this.#refuse(engine, home, error);
    } finally {
      engine.hold({ joining: without(engine.joining, home.name) });
    }
  }

  /** @throws TypeError when the app gave a user or rooms that cannot be */
  #admit(engine: EngineSession, home: Namespace, admission: Admission | void): void {
    const { user, rooms = [], data } = admission ?? {};
    if (user !== undefined) checkKey(user);
    for (const room of rooms) checkKey(room);
    const id = this.#context().ids.create(engine.slot);
    const session = new NamespaceSession(id, user, data, engine, home);
    if (this.#admitted.length === 0) setImmediate(this.complete);
    this.#admitted.push({ engine, session, rooms });
  }

  /** @returns false when the session could not enter, which its client has been told */
  #enter({ engine, session, rooms }: Admitted): boolean {
    try {
      session.home.add(session, rooms);
    } catch (error) {
      session.home.remove(session, 'server namespace disconnect');
      this.#refuse(engine, session.home, error);
      return false;
    }
    engine.addSession(session);
    this.#context().joined(engine);
    // Only an app with more namespaces may need what the first request said again.
    if (this.#core().namespaces.size === 1) engine.hold({ handshake: undefined });
    return true;
  }

  #refuse(engine: EngineSession, home: Namespace, error: unknown): void {
    const { message, data } = home.runner.refusal(error);
    if (!engine.closed) engine.send([encodeConnectError(home.name, message, data)]);
  }
}

/** The set without one name; `undefined` when nothing is left. */
function without(names: ReadonlySet<string> | undefined, name: string): Set<string> | undefined {
  const rest = new Set(names);
  rest.delete(name);
  return rest.size === 0 ? undefined : rest;
}

function handshakeOf(engine: EngineSession, namespace: string, auth: JsonObject): Handshake {
  const source = engine.handshake;
  return {
    namespace,
    auth,
    headers: source?.headers ?? {},
    query: new URLSearchParams(source?.query ?? ''),
    address: source?.address ?? '',
    transport: engine.transport,
  };
}
