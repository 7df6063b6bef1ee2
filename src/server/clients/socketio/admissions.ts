/**
 * Clients on their way into a namespace.
 *
 *     CONNECT → authenticate (perhaps later) → admitted → end of the turn: in, told, `connected`
 *
 * Those admitted in one turn of the event loop go in together: what they add to the worker's
 * interest is one write on the bus instead of one each, and it leaves before any of them is told
 * that it has joined. A packet from a client that has not waited for that answer lets it in first.
 */

import type { Admission, Handshake } from '../../core/app/app.ts';
import type { NodeLink } from '../../core/contracts/node-link.ts';
import type { Counters } from '../../core/limits/counters.ts';
import type { Refusals } from '../../core/limits/refusals.ts';
import { checkKey, checkRoomCount, distinct } from '../../core/rooms/key.ts';
import type { Namespace } from '../../core/sessions/namespace.ts';
import { NamespaceSession } from '../../core/sessions/namespace-session.ts';
import type { SessionIdFactory } from '../../protocol/session-id.ts';
import {
  encodeConnect,
  encodeConnectError,
  type JsonObject,
} from '../../protocol/socketio-packet.ts';
import type { EngineSession } from './engine-session.ts';
import type { HandshakeSource } from './session-extras.ts';

interface Admitted {
  readonly engine: EngineSession;
  readonly session: NamespaceSession;
  readonly home: Namespace;
  readonly rooms: readonly string[];
}

/** What admissions need of the worker's core. */
export interface AdmissionCore {
  readonly namespaces: ReadonlyMap<string, Namespace>;
  readonly link: NodeLink;
}

/** What admissions need of the table of Engine.IO sessions. */
export interface AdmissionEngines {
  readonly ids: SessionIdFactory;
  readonly counters: Counters;
  readonly refusals: Refusals;
  /** A session has joined its first namespace. */
  joined(engine: EngineSession): void;
}

export class Admissions {
  readonly #core: () => AdmissionCore;
  readonly #engines: () => AdmissionEngines;
  #admitted: Admitted[] = [];
  readonly #waiting: Set<EngineSession> = new Set();

  constructor(core: () => AdmissionCore, engines: () => AdmissionEngines) {
    this.#core = core;
    this.#engines = engines;
  }

  /** Takes a client's CONNECT. */
  connect(engine: EngineSession, namespace: string, auth: JsonObject): void {
    const home = this.#core().namespaces.get(namespace);
    if (home === undefined) {
      this.#engines().refusals.count('namespaceUnknown');
      engine.send([encodeConnectError(namespace, 'Invalid namespace')]);
      return;
    }
    const isKnown = engine.sessionIn(namespace) !== undefined || engine.joining?.has(namespace);
    if (isKnown === true) {
      engine.fail();
      return;
    }
    const source = engine.handshake;
    if (source === undefined) {
      // An app with one namespace keeps no handshake after the first join, and `authenticate`
      // must not be asked without one.
      engine.send([encodeConnectError(namespace, 'connect again over a new connection')]);
      return;
    }
    try {
      const admission = home.runner.authenticate(handshakeOf(source, engine, namespace, auth));
      if (admission instanceof Promise) void this.#admitLater(engine, home, admission);
      else this.#admit(engine, home, admission);
    } catch (error) {
      this.#refuse(engine, home, error);
    }
  }

  /** Lets a client in now, if it has been admitted: it has sent something else already. */
  completeFor(engine: EngineSession): void {
    if (this.#waiting.size > 0 && this.#waiting.has(engine)) this.complete();
  }

  /** Lets in all who have been admitted. */
  readonly complete = (): void => {
    const admitted = this.#admitted.filter((one) => !one.engine.closed);
    this.#admitted = [];
    this.#waiting.clear();
    for (const one of admitted) this.#enter(one);
    this.#core().link.announceInterest();
    for (const { engine, session } of admitted) {
      engine.send([encodeConnect(session.namespace, session.id)]);
    }
    // One of them may end another, such as an older session of the same user.
    for (const { session } of admitted) {
      if (session.connected) session.home.runner.connected(session);
    }
  };

  async #admitLater(
    engine: EngineSession,
    home: Namespace,
    admission: Promise<Admission>,
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
  #admit(engine: EngineSession, home: Namespace, admission: Admission): void {
    const { user, rooms = [], data } = admission;
    if (user !== undefined) checkKey(user);
    const wanted = distinct(rooms.map(checkKey));
    checkRoomCount(wanted.length, home.maxRoomsPerSession);
    const id = this.#engines().ids.create(engine.slot);
    const session = new NamespaceSession(id, user, data, engine, home);
    if (this.#admitted.length === 0) setImmediate(this.complete);
    this.#admitted.push({ engine, session, home, rooms: wanted });
    this.#waiting.add(engine);
  }

  #enter({ engine, session, home, rooms }: Admitted): void {
    home.add(session, rooms);
    engine.addSession(session);
    this.#engines().joined(engine);
    // Only an app with more namespaces may need what the first request said again.
    engine.packHandshake(this.#core().namespaces.size > 1);
  }

  #refuse(engine: EngineSession, home: Namespace, error: unknown): void {
    const { message, data } = home.runner.refusal(error);
    this.#engines().counters.handshakesRefused++;
    this.#engines().refusals.count('notAuthenticated');
    if (!engine.closed) engine.send([encodeConnectError(home.name, message, data)]);
  }
}

/** The set without one name; `undefined` when nothing is left. */
function without(names: ReadonlySet<string> | undefined, name: string): Set<string> | undefined {
  const rest = new Set(names);
  rest.delete(name);
  return rest.size === 0 ? undefined : rest;
}

function handshakeOf(
  source: HandshakeSource,
  engine: EngineSession,
  namespace: string,
  auth: JsonObject,
): Handshake {
  return {
    namespace,
    auth,
    headers: source.headers,
    query: new URLSearchParams(source.query),
    address: source.address,
    transport: engine.transport,
  };
}
