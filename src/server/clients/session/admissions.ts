/**
 * Clients on their way into a namespace.
 *
 *     CONNECT → who is it (perhaps later) → admitted → end of the turn: in, told, `connected`
 *
 * Those admitted in one turn of the event loop go in together: what they add to the worker's
 * interest is one write on the bus instead of one each, and it leaves before any of them is told
 * that it has joined. A packet from a client that did not wait for that answer lets it in first.
 *
 * A client is asked about once at a time in each namespace, for `connectTimeoutMs` at the most.
 * When it sends another CONNECT meanwhile, as one that leaves and joins again in a hurry does, it
 * gets one answer, by what it presented last.
 */

import { NotNow } from '../../core/app/client-error.ts';
import type { Admitted, IdentityVerdict } from '../../core/contracts/identity.ts';
import type { SessionSnapshot } from '../../core/contracts/snapshots.ts';
import type { Seated, SeatLink } from '../../core/contracts/user-seats.ts';
import type { Reason } from '../../core/limits/reasons.ts';
import { LACK_COUNTERS } from '../../core/limits/recovery-counters.ts';
import { checkKey, distinct, toList } from '../../core/rooms/key.ts';
import { FORBIDDEN_ROOM } from '../../core/sessions/asked-joins.ts';
import { NO_OTHERS } from '../../core/sessions/entry-rooms.ts';
import type { Namespace } from '../../core/sessions/namespace.ts';
import { NamespaceSession } from '../../core/sessions/namespace-session.ts';
import { CLOSE_CODE } from '../../protocol/close-code.ts';
import type { JsonObject } from '../../protocol/socketio-packet.ts';
import type { AdmissionCore, AdmissionTable } from './admission-needs.ts';
import { type Asked, type AskedForLong, Asking } from './asking.ts';
import type { ClientSession } from './client-session.ts';
import type { Comebacks } from './comebacks.ts';
import type { Entering, Entry } from './entering.ts';
import { HandshakeReads, HeaderNames } from './handshake-reads.ts';
import { bytesOfKept } from './held-handshakes.ts';
import type { JoinRefusal } from './join-words.ts';
import type { Refreshing } from './refreshing.ts';
import { type EntryDesk, Returning } from './returning.ts';

/** Of a class of its own, so that it is logged and not told. */
class SlowAuthenticate extends Error {
  constructor() {
    super('authenticate was not done within connectTimeoutMs');
  }
}

export class Admissions {
  readonly #core: AdmissionCore;
  readonly #table: AdmissionTable;
  readonly #refreshing: Refreshing;
  #admitted: Entering[] = [];
  readonly #waiting: Set<ClientSession> = new Set();
  readonly #asking: Asking;
  readonly #headerNames: HeaderNames = new HeaderNames();
  readonly #comebacks: Comebacks | undefined;
  readonly #returning: Returning | undefined;

  /** @param comebacks where rooms may keep a history */
  constructor(
    core: AdmissionCore,
    table: AdmissionTable,
    refreshing: Refreshing,
    comebacks?: Comebacks,
  ) {
    this.#core = core;
    this.#table = table;
    this.#refreshing = refreshing;
    this.#asking = new Asking(table);
    this.#comebacks = comebacks;
    if (comebacks !== undefined) this.#returning = new Returning(comebacks, this.#desk());
  }

  #desk(): EntryDesk {
    return {
      asking: this.#asking,
      seats: this.#core.seats,
      newSession: (entry, snapshot) => this.#newSession(entry, snapshot),
      enter: (one) => this.#welcome(this.#tryEnter(one) ? [one] : []),
      askedAnew: (one) => this.#askedAnew(one),
      refuse: (one, error) => this.#refuse(one, error),
      tellForbidden: (one) => this.#tellForbidden(one),
      tellTooMany: (one) => this.#tellTooMany(one),
    };
  }

  /** Takes a client's CONNECT. One that comes before the answer to another takes its place. */
  connect(client: ClientSession, namespace: string, auth: JsonObject, bytes: number): void {
    const home = this.#core.namespaces.get(namespace);
    if (home === undefined) {
      this.#table.refusals.count('namespaceUnknown');
      const refusal = { reason: 'namespaceUnknown', message: 'Invalid namespace' } as const;
      client.tellNotJoined(namespace, refusal);
      return;
    }
    if (client.sessionIn(namespace) !== undefined) {
      client.fail();
      return;
    }
    const joining = client.joining?.get(namespace);
    if (joining !== undefined) {
      this.#table.budget.give(joining.nextBytes);
      joining.next = auth;
      joining.nextBytes = bytes;
      this.#table.budget.take(bytes);
      return;
    }
    if (this.#waiting.has(client)) {
      this.#admitted = this.#admitted.filter((one) => one.client !== client || one.home !== home);
    }
    this.#ask(client, home, auth, bytes);
  }

  /** Gives up on those whose `authenticate` takes too long. Called at each heartbeat tick. */
  sweep(): void {
    for (const one of this.#asking.endLate(this.#table.lateTick)) {
      if (!one.client.closed) this.#refuse(one, new SlowAuthenticate());
    }
  }

  /** Lets a client in now, if it has been admitted: it has sent something else already. */
  completeFor(client: ClientSession): void {
    if (this.#waiting.size > 0 && this.#waiting.has(client)) this.complete();
  }

  /** Lets in all who have been admitted. */
  readonly complete = (): void => {
    const waiting = this.#admitted;
    this.#admitted = [];
    this.#waiting.clear();
    this.#welcome(
      waiting.filter((one) => {
        return !one.client.closed && !this.#asksForSeat(one) && this.#tryEnter(one);
      }),
    );
  };

  #welcome(admitted: readonly Entering[]): void {
    this.#core.link.announceInterest();
    for (const one of admitted) this.#tellIn(one);
    // One of them may end another, such as an older session of the same user.
    for (const { session, comeback } of admitted) {
      const isUnrecovered = comeback?.lack !== undefined;
      if (session.connected && isUnrecovered) session.home.runner.unrecovered(session);
      if (session.connected) session.home.runner.connected(session);
    }
  }

  /** What a client missed comes behind the word that it is in, and before anything new. */
  #tellIn({ client, session, home, comeback }: Entering): void {
    const { counters } = this.#table;
    client.tellJoined(session, {
      isRecovered: comeback?.isRecovered === true,
      position: comeback?.position ?? home.delivery.latestMark,
      token: this.#comebacks?.tokenOf(session.id),
    });
    if (comeback?.isRecovered === true) counters.sessionsRecovered++;
    if (comeback?.lack !== undefined) counters[LACK_COUNTERS[comeback.lack]]++;
    const missed = comeback?.missed ?? [];
    if (missed.length === 0 || client.closed) return;
    counters.deliveries += missed.length;
    client.deliver(missed);
  }

  #ask(client: ClientSession, home: Namespace, auth: JsonObject, bytes: number): void {
    const reads = new HandshakeReads(client.handshake, client.kept);
    const one: Asked = { client, home, reads, wish: client.wishOf(auth) };
    try {
      const handshake = reads.handshake(home.name, auth, client.transport);
      const verdict = this.#core.identity.identify(handshake, home.runner);
      if (verdict instanceof Promise) {
        void this.#later(one, verdict, bytes, (given) => this.#judge(one, given));
      } else this.#judge(one, verdict);
    } catch (error) {
      this.#refuse(one, error);
    }
  }

  /** Waits for an answer about a client. @param then may throw what refuses it */
  async #later<Answer>(
    asked: Asked,
    answer: Promise<Answer>,
    bytes: number,
    then: (given: Answer) => void,
  ): Promise<void> {
    const one = this.#asking.begin(asked, bytes);
    const [outcome] = await Promise.allSettled([answer]);
    const isGivenUp = !this.#asking.end(one);
    if (isGivenUp || this.#askedAnew(one)) return;
    if (outcome.status === 'rejected') this.#refuse(one, outcome.reason);
    else this.#orRefuse(one, () => then(outcome.value));
  }

  /** @returns whether the client has presented something else meanwhile, which counts */
  #askedAnew({ client, home, joining }: AskedForLong): boolean {
    if (joining.next === undefined || client.closed) return false;
    this.#ask(client, home, joining.next, joining.nextBytes);
    return true;
  }

  #orRefuse(one: Asked, go: () => void): void {
    try {
      go();
    } catch (error) {
      this.#refuse(one, error);
    }
  }

  /** @throws as `#admit` does */
  #judge(one: Asked, verdict: IdentityVerdict): void {
    if (verdict.kind === 'admitted') this.#admit(one, verdict);
    else {
      const { reason, message, data } = verdict;
      this.#tellRefused(one, { reason: 'notAuthenticated', message, data }, reason);
    }
  }

  /** @throws TypeError when a user or rooms were given that cannot be, or are another's */
  #admit(asked: Asked, { admission, grants, expiresAtMs }: Admitted): void {
    const { client, home, reads } = asked;
    if (client.closed) return;
    if (reads.isMissing) throw new Error('authenticate went on without what it asked for');
    const { user, rooms = [], data } = admission;
    if (user !== undefined) checkKey(user);
    const given = distinct(toList(rooms));
    home.checkRoomCount(given);
    const { wantedRooms: wanted } = client;
    const all = wanted.length === 0 ? given : distinct([...given, ...wanted]);
    // Before the app is asked about each.
    const message = wanted.length === 0 ? undefined : home.tooMany(all);
    if (message !== undefined) {
      this.#tellRefused(asked, { reason: 'joinForbidden', message });
      return;
    }
    const { wish } = asked;
    // Without spreads: this is the way of every client.
    const entry: Entry = {
      client,
      home,
      reads,
      wish,
      user,
      given,
      wanted,
      data,
      grants,
      expiresAtMs,
    };
    if (this.#comebacks?.isNeeded(home, all, wish) === true) {
      void this.#returning?.comeIn(entry, { home, user, rooms: all, wish });
      return;
    }
    const entering = this.#newSession(entry, undefined);
    const permitted = wanted.length === 0 || home.permits(entering.session, wanted);
    if (permitted instanceof Promise) {
      void this.#later(asked, permitted, 0, (isPermitted) => this.#letIn(entering, isPermitted));
    } else this.#letIn(entering, permitted);
  }

  /** @throws TypeError when a room is another session's own */
  #newSession(entry: Entry, snapshot: SessionSnapshot | undefined): Entering {
    const { client, home, reads, wish, user, given, wanted, grants, expiresAtMs } = entry;
    const id = snapshot?.id ?? this.#table.ids.create(client.slot);
    home.checkRooms(id, given);
    const data = snapshot?.data === undefined ? entry.data : this.#comebacks?.dataOf(snapshot);
    const session = new NamespaceSession(id, user, data, client, home);
    if (grants !== undefined) home.grants.set(session, grants);
    const others = wanted.length === 0 ? NO_OTHERS : { asked: wanted };
    return { client, home, reads, wish, session, rooms: given, others, expiresAtMs };
  }

  #letIn(entering: Entering, isPermitted: boolean): void {
    const { client } = entering;
    if (client.closed) return;
    if (!isPermitted) {
      this.#tellForbidden(entering);
      return;
    }
    if (this.#admitted.length === 0) setImmediate(this.complete);
    this.#admitted.push(entering);
    this.#waiting.add(client);
  }

  #tellForbidden(one: Asked): void {
    this.#tellRefused(one, { reason: 'joinForbidden', message: FORBIDDEN_ROOM });
  }

  /** @returns false when it failed; the others of this turn go on, and its client comes again */
  #tryEnter(one: Entering): boolean {
    try {
      this.#enter(one);
      return true;
    } catch (fault) {
      one.home.runner.failed('connect', fault);
      one.home.withdraw(one.session);
      one.client.end('transport error');
      return false;
    }
  }

  /** Whether a client has to wait for whether its user may have one more session. */
  #asksForSeat(one: Entering): boolean {
    const { home, session } = one;
    const { user, id } = session;
    const { seats } = this.#core;
    if (seats === undefined || user === undefined) return false;
    void this.#takeSeat(one, seats, { namespace: home.name, user, id });
    return true;
  }

  async #takeSeat(one: Entering, seats: SeatLink, seated: Seated): Promise<void> {
    const answer = seats.take(seated, () => one.session.connected);
    let isUsed = false;
    await this.#later(one, answer, 0, (said) => {
      const isGranted = said ?? one.home.users.get(seated.user).length < seats.most;
      isUsed = isGranted && !one.client.closed;
      if (isUsed) this.#welcome(this.#tryEnter(one) ? [one] : []);
      else if (!isGranted) this.#tellTooMany(one);
    });
    // Its client is gone, or has sent another CONNECT meanwhile.
    if (!isUsed && (await answer) === true) seats.release(seated);
  }

  #tellTooMany({ client, session, home }: Entering): void {
    this.#table.counters.handshakesRefused++;
    this.#table.refusals.count('userSessions', session.user);
    const message = 'too many sessions of this user';
    if (!client.closed) client.tellNotJoined(home.name, { reason: 'userSessions', message });
  }

  #enter({ client, session, home, rooms, others, reads, expiresAtMs }: Entering): void {
    home.add(session, rooms, others);
    if (expiresAtMs !== undefined) this.#refreshing.begin(session, expiresAtMs);
    client.addSession(session);
    this.#table.joined(client);
    // Another namespace of the app may ask for anything that the first request said.
    const { handshakes } = this.#table;
    if (!client.joinsAgain) {
      // For the app alone, which may have kept the object.
      reads.keep(this.#headerNames);
      client.keepOfHandshake(undefined);
    } else if (this.#core.namespaces.size > 1) handshakes.keep(client, client.packHandshake());
    else if (client.handshake !== undefined) {
      const kept = reads.keep(this.#headerNames);
      client.keepOfHandshake(kept);
      handshakes.keep(client, bytesOfKept(kept));
    }
  }

  #refuse(one: Asked, error: unknown): void {
    const { client, home, reads } = one;
    if (reads.isMissing && !client.closed) {
      this.#table.refusals.count('handshakeGone');
      client.end('transport close', CLOSE_CODE.policy);
      return;
    }
    if (error instanceof NotNow && client.sessions.length === 0) {
      this.#sendAway(client);
      return;
    }
    const { message, data } = home.runner.refusal(error);
    this.#tellRefused(one, { reason: 'notAuthenticated', message, data });
  }

  /** Nobody can say now whether it may come in. A refusal would keep it from coming again. */
  #sendAway(client: ClientSession): void {
    this.#table.counters.handshakesRefused++;
    client.end('transport close', CLOSE_CODE.tryAgainLater);
  }

  /** @param reason what it counts as, where the client is told less */
  #tellRefused(
    { client, home }: Asked,
    refusal: JoinRefusal,
    reason: Reason = refusal.reason,
  ): void {
    this.#table.counters.handshakesRefused++;
    this.#table.refusals.count(reason);
    if (!client.closed) client.tellNotJoined(home.name, refusal);
  }
}
