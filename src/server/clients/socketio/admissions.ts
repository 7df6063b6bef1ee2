/**
 * Clients on their way into a namespace.
 *
 *     CONNECT → authenticate (perhaps later) → admitted → end of the turn: in, told, `connected`
 *
 * Those admitted in one turn of the event loop go in together: what they add to the worker's
 * interest is one write on the bus instead of one each, and it leaves before any of them is told
 * that it has joined. A packet from a client that did not wait for that answer lets it in first.
 *
 * A client is asked about once at a time in each namespace, for `connectTimeoutMs` at the most.
 * When it sends another CONNECT meanwhile, as one that leaves and joins again in a hurry does, it
 * gets one answer, by what it presented last.
 */

import type { Admission } from '../../core/app/app.ts';
import type { NodeLink } from '../../core/contracts/node-link.ts';
import type { Counters } from '../../core/limits/counters.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { MemoryBudget } from '../../core/limits/memory-budget.ts';
import type { Refusals } from '../../core/limits/refusals.ts';
import { checkKey, checkRoomCount, distinct, toList } from '../../core/rooms/key.ts';
import type { Namespace } from '../../core/sessions/namespace.ts';
import { NamespaceSession } from '../../core/sessions/namespace-session.ts';
import { CLOSE_CODE } from '../../protocol/close-code.ts';
import type { SessionIdFactory } from '../../protocol/session-id.ts';
import {
  encodeConnect,
  encodeConnectError,
  type JsonObject,
} from '../../protocol/socketio-packet.ts';
import type { EngineSession } from './engine-session.ts';
import { HandshakeReads, HeaderNames } from './handshake-reads.ts';
import { bytesOfKept, type HeldHandshakes } from './held-handshakes.ts';
import type { Joining } from './session-extras.ts';

/** Of a class of its own, so that it is logged and not told. */
class SlowAuthenticate extends Error {
  constructor() {
    super('authenticate was not done within connectTimeoutMs');
  }
}

/** A client that `authenticate` is asked about. */
interface Asked {
  readonly engine: EngineSession;
  readonly home: Namespace;
  readonly reads: HandshakeReads;
}

interface AskedForLong extends Asked {
  readonly joining: Joining;
}

interface Admitted extends Asked {
  readonly session: NamespaceSession;
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
  readonly budget: MemoryBudget;
  readonly heartbeat: { readonly tick: number };
  readonly settings: { readonly maxSessionsPerUser: number };
  /** Clients have had the time to join that began up to this tick. */
  readonly lateTick: number;
  readonly handshakes: HeldHandshakes;
  /** A session has joined its first namespace. */
  joined(engine: EngineSession): void;
}

export class Admissions {
  readonly #core: () => AdmissionCore;
  readonly #engines: () => AdmissionEngines;
  #admitted: Admitted[] = [];
  readonly #waiting: Set<EngineSession> = new Set();
  /** Oldest first. */
  readonly #asking: Set<AskedForLong> = new Set();
  readonly #headerNames: HeaderNames = new HeaderNames();

  constructor(core: () => AdmissionCore, engines: () => AdmissionEngines) {
    this.#core = core;
    this.#engines = engines;
  }

  /** Takes a client's CONNECT. One that comes before the answer to another takes its place. */
  connect(engine: EngineSession, namespace: string, auth: JsonObject, bytes: number): void {
    const home = this.#core().namespaces.get(namespace);
    if (home === undefined) {
      this.#engines().refusals.count('namespaceUnknown');
      engine.send([encodeConnectError(namespace, 'Invalid namespace')]);
      return;
    }
    if (engine.sessionIn(namespace) !== undefined) {
      engine.fail();
      return;
    }
    const joining = engine.joining?.get(namespace);
    if (joining !== undefined) {
      this.#engines().budget.give(joining.nextBytes);
      joining.next = auth;
      joining.nextBytes = bytes;
      this.#engines().budget.take(bytes);
      return;
    }
    if (this.#waiting.has(engine)) {
      this.#admitted = this.#admitted.filter((one) => one.engine !== engine || one.home !== home);
    }
    this.#ask(engine, home, auth, bytes);
  }

  /** Gives up on those whose `authenticate` takes too long. Called at each heartbeat tick. */
  sweep(): void {
    const late = this.#engines().lateTick;
    for (const one of this.#asking) {
      if (one.joining.since > late) return;
      this.#forget(one);
      if (one.engine.closed) continue;
      hold(one, undefined);
      this.#refuse(one, new SlowAuthenticate());
    }
  }

  /** Lets a client in now, if it has been admitted: it has sent something else already. */
  completeFor(engine: EngineSession): void {
    if (this.#waiting.size > 0 && this.#waiting.has(engine)) this.complete();
  }

  /** Lets in all who have been admitted. */
  readonly complete = (): void => {
    const waiting = this.#admitted;
    this.#admitted = [];
    this.#waiting.clear();
    const admitted = waiting.filter((one) => !one.engine.closed && this.#tryEnter(one));
    this.#core().link.announceInterest();
    for (const { engine, session } of admitted) {
      engine.send([encodeConnect(session.namespace, session.id)]);
    }
    // One of them may end another, such as an older session of the same user.
    for (const { session } of admitted) {
      if (session.connected) session.home.runner.connected(session);
    }
  };

  #ask(engine: EngineSession, home: Namespace, auth: JsonObject, bytes: number): void {
    const reads = new HandshakeReads(engine.handshake, engine.kept);
    const one: Asked = { engine, home, reads };
    try {
      const handshake = reads.handshake(home.name, auth, engine.transport);
      const admission = home.runner.authenticate(handshake);
      if (admission instanceof Promise) void this.#admitLater(one, admission, bytes);
      else this.#admit(one, admission);
    } catch (error) {
      this.#refuse(one, error);
    }
  }

  async #admitLater(asked: Asked, admission: Promise<Admission>, bytes: number): Promise<void> {
    const since = this.#engines().heartbeat.tick;
    const held = bytes + LIMITS.unfinishedEventBytes;
    const joining: Joining = { since, bytes: held, next: undefined, nextBytes: 0 };
    const one = { ...asked, joining };
    this.#asking.add(one);
    hold(one, joining);
    this.#engines().budget.take(held);
    const [outcome] = await Promise.allSettled([admission]);
    const isGivenUp = !this.#forget(one);
    if (isGivenUp) return;
    hold(one, undefined);
    const { engine, home } = one;
    if (joining.next !== undefined && !engine.closed) {
      this.#ask(engine, home, joining.next, joining.nextBytes);
    } else if (outcome.status === 'rejected') this.#refuse(one, outcome.reason);
    else this.#admitOrRefuse(one, outcome.value);
  }

  /** @returns false when it was forgotten before */
  #forget(one: AskedForLong): boolean {
    if (!this.#asking.delete(one)) return false;
    this.#engines().budget.give(one.joining.bytes + one.joining.nextBytes);
    return true;
  }

  #admitOrRefuse(one: Asked, admission: Admission): void {
    try {
      this.#admit(one, admission);
    } catch (error) {
      this.#refuse(one, error);
    }
  }

  /** @throws TypeError when the app gave a user or rooms that cannot be, or are another's */
  #admit({ engine, home, reads }: Asked, admission: Admission): void {
    if (engine.closed) return;
    if (reads.isMissing) throw new Error('authenticate went on without what it asked for');
    const { user, rooms = [], data } = admission;
    if (user !== undefined) checkKey(user);
    const wanted = distinct(toList(rooms));
    checkRoomCount(wanted.length, home.maxRoomsPerSession);
    const id = this.#engines().ids.create(engine.slot);
    home.checkRooms(id, wanted);
    const session = new NamespaceSession(id, user, data, engine, home);
    if (this.#admitted.length === 0) setImmediate(this.complete);
    this.#admitted.push({ engine, session, home, rooms: wanted, reads });
    this.#waiting.add(engine);
  }

  /** @returns false when it failed; the others of this turn go on, and its client comes again */
  #tryEnter(one: Admitted): boolean {
    if (this.#hasTooMany(one)) return false;
    try {
      this.#enter(one);
      return true;
    } catch (fault) {
      one.home.runner.failed('connect', fault);
      one.home.withdraw(one.session);
      one.engine.end('transport error');
      return false;
    }
  }

  /** Whether the user of a client has as many sessions as it may; the client is told. */
  #hasTooMany({ engine, session: { user }, home }: Admitted): boolean {
    const most = this.#engines().settings.maxSessionsPerUser;
    if (most === 0 || user === undefined || home.users.get(user).length < most) return false;
    this.#engines().counters.handshakesRefused++;
    this.#engines().refusals.count('userSessions', user);
    engine.send([encodeConnectError(home.name, 'too many sessions of this user')]);
    return true;
  }

  #enter({ engine, session, home, rooms, reads }: Admitted): void {
    home.add(session, rooms);
    engine.addSession(session);
    this.#engines().joined(engine);
    // Another namespace of the app may ask for anything that the first request said.
    const { handshakes } = this.#engines();
    if (this.#core().namespaces.size > 1) handshakes.keep(engine, engine.packHandshake());
    else if (engine.handshake !== undefined) {
      const kept = reads.keep(this.#headerNames);
      engine.keepOfHandshake(kept);
      handshakes.keep(engine, bytesOfKept(kept));
    }
  }

  #refuse({ engine, home, reads }: Asked, error: unknown): void {
    if (reads.isMissing && !engine.closed) {
      this.#engines().refusals.count('handshakeGone');
      engine.end('transport close', CLOSE_CODE.policy);
      return;
    }
    const { message, data } = home.runner.refusal(error);
    this.#engines().counters.handshakesRefused++;
    this.#engines().refusals.count('notAuthenticated');
    if (!engine.closed) engine.send([encodeConnectError(home.name, message, data)]);
  }
}

/** Notes or forgets that a client is being asked about. */
function hold({ engine, home }: Asked, joining: Joining | undefined): void {
  const all = new Map(engine.joining);
  if (joining === undefined) all.delete(home.name);
  else all.set(home.name, joining);
  engine.hold({ joining: all.size === 0 ? undefined : all });
}
