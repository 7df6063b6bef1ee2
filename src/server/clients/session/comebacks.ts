/**
 * Clients that come back: what they present, what they have missed, and the session they had.
 *
 *     proof of a session → taken, from whichever worker has it → same user? → its rooms, judged
 *     position           → what rooms keep behind it           → given before anything new
 *
 * A client may present both, or a position alone, as an `EventSource` does: then its session is a
 * new one. A proof without a position is of a client that was given nothing yet that rooms keep.
 */

import type { HistoryLink, MissedAnswer } from '../../core/contracts/history-link.ts';
import type { OutgoingEvent } from '../../core/contracts/outgoing-event.ts';
import type { SessionSnapshot } from '../../core/contracts/snapshots.ts';
import type { Lack } from '../../core/limits/recovery-counters.ts';
import type { RoomSettingsTable } from '../../core/rooms/room-settings.ts';
import type { Namespace } from '../../core/sessions/namespace.ts';
import { audienceKey } from '../../protocol/interest-key.ts';
import { formatPosition, parsePosition } from '../../protocol/position.ts';
import { readRecoveryToken, recoveryToken } from '../../protocol/recovery-token.ts';

/** What a client presents, as it came: `undefined` for what it did not. */
export interface ComebackWish {
  /** The proof that it was given a session. */
  readonly token: unknown;
  /** Where it stands. */
  readonly position: unknown;
}

/** Of a client that is here for the first time. */
export const NO_WISH: ComebackWish = { token: undefined, position: undefined };

/** A client on its way in. */
export interface Comer {
  readonly home: Namespace;
  readonly user: string | undefined;
  /** Rooms that it gets by its admission, and that it wishes to join. */
  readonly rooms: readonly string[];
  readonly wish: ComebackWish;
}

/** What came of it. */
export interface Comeback {
  /** What it missed, in order. */
  readonly missed: readonly OutgoingEvent[];
  /** It came back, and `missed` is all that it has missed. */
  readonly isRecovered: boolean;
  /** Why one that came back cannot be given all. */
  readonly lack: Lack | undefined;
  /** Where it stands before what it missed; not known where the history gave no answer. */
  readonly position: string | undefined;
  /** Where it stands in each room of which it may have missed something. */
  readonly afters?: ReadonlyMap<string, number>;
}

export interface ComebacksOptions {
  readonly history: HistoryLink;
  readonly settings: RoomSettingsTable;
  readonly recoveryKey: string;
  /**
   * For how long a client may be ahead of this node: it has heard on another one what this one has
   * not read yet. 0 where no other node has this history.
   */
  readonly lagMs: number;
}

/** A room that keeps messages, and up to where a client has had them or does not want them. */
interface Place {
  readonly room: string;
  readonly key: string;
  /** Not known: what it has missed there cannot be said. */
  readonly after: number | undefined;
}

/** Where a client stands that wants nothing of what was. */
const NOW = Number.MAX_SAFE_INTEGER;
/** How often it is looked whether this node has read what a client has heard already. */
const LAG_CHECK_MS = 50;

export class Comebacks {
  readonly #options: ComebacksOptions;

  constructor(options: ComebacksOptions) {
    this.#options = options;
  }

  /** What proves that a client was given a session, where some can be recovered. */
  tokenOf(id: string): string | undefined {
    const { settings, recoveryKey } = this.#options;
    return settings.recovers ? recoveryToken(recoveryKey, id) : undefined;
  }

  /** Whether the history has to be asked before a client comes in; mostly it has not. */
  isNeeded(home: Namespace, rooms: readonly string[], wish: ComebackWish): boolean {
    if (!this.#options.settings.keepsHistory) return false;
    if (isBackIn(wish)) return true;
    // Until the hub knows that this worker wants to hear of them, some might be lost.
    return [...rooms, ''].some((room) => this.#keeps(room) && !home.hears(room));
  }

  /** Takes the session that a client had, if it proves that and is of the same user. */
  async take({ home, user, wish }: Comer): Promise<SessionSnapshot | undefined> {
    const { history, recoveryKey } = this.#options;
    const id = readRecoveryToken(recoveryKey, wish.token);
    if (id === undefined) return undefined;
    const { promise, resolve } = Promise.withResolvers<SessionSnapshot | undefined>();
    history.take({ id, namespace: home.name, user }, resolve);
    const found = await promise;
    if (found === undefined) return undefined;
    if (found.user === user && found.namespace === home.name) return found;
    history.giveBack(found);
    return undefined;
  }

  /** Its client has gone meanwhile: it may come for it again. */
  giveBack(snapshot: SessionSnapshot | undefined): void {
    if (snapshot !== undefined) this.#options.history.giveBack(snapshot);
  }

  dataOf(snapshot: SessionSnapshot): unknown {
    return this.#options.history.dataOf(snapshot);
  }

  /**
   * Asks what a client has missed in the rooms that it is let into.
   *
   * @param rooms those that it will be in
   * @param done is called once, in the turn from which on they are heard without a gap
   */
  askMissed(
    { home, user, wish }: Comer,
    snapshot: SessionSnapshot | undefined,
    rooms: readonly string[],
    done: (comeback: Comeback) => void,
  ): void {
    const places = this.#placesIn(home, rooms, wish, snapshot);
    const told = this.#offsetOf(wish.position);
    this.#askUpTo(Math.max(told ?? 0, ...aftersOf(places).values()), places, (answer) => {
      const latest = answer?.latest ?? 0;
      const isBack = isBackIn(wish);
      const isLost = wish.token !== undefined && snapshot === undefined;
      const lack = isBack ? lackOf(answer, told, places, isLost) : undefined;
      if (!isBack || answer === undefined || lack !== undefined) {
        const position = answer === undefined ? undefined : this.#position(latest);
        done({ missed: [], isRecovered: false, lack, position });
        return;
      }
      const isExcluded = (except: readonly string[]): boolean =>
        except.some((name) => name === snapshot?.id || rooms.includes(name));
      // Others are answered by the same, also of rooms of that name in another namespace.
      const missed = answer.messages
        .filter(({ event }) => event.namespace === home.name)
        .filter(({ offset, target }) => isFor(places, offset, target.rooms, target.users, user))
        .filter(({ target }) => !isExcluded(target.except))
        .map(({ event }) => event);
      const first = Math.min(latest, ...places.map(({ after = latest }) => after));
      const position = this.#position(told ?? first);
      done({ missed, isRecovered: true, lack, position, afters: aftersOf(places) });
    });
  }

  /**
   * Asks until this node has read up to an offset: what comes up to there would be said twice.
   *
   * @param done has an answer that is behind when that takes too long
   */
  #askUpTo(
    offset: number,
    places: readonly Place[],
    done: (answer: MissedAnswer | undefined) => void,
  ): void {
    const { history, lagMs } = this.#options;
    const asked = places.map(({ key, after = NOW }) => ({ key, after }));
    const untilMs = performance.now() + lagMs;
    const ask = (): void =>
      history.since(asked, (answer) => {
        const isBehind = answer !== undefined && answer.latest < offset;
        if (isBehind && performance.now() < untilMs) setTimeout(ask, LAG_CHECK_MS);
        else done(answer);
      });
    ask();
  }

  /** Where a client stands in each of its rooms that keeps something. */
  #placesIn(
    home: Namespace,
    rooms: readonly string[],
    { position }: ComebackWish,
    snapshot: SessionSnapshot | undefined,
  ): readonly Place[] {
    const told = this.#offsetOf(position);
    const before = new Map(snapshot?.rooms.map(({ name, after }) => [name, after]));
    return [...rooms, '']
      .filter((room) => this.#keeps(room))
      .map((room) => {
        const key = audienceKey(home.name, room);
        // What was said before it came into a room was not for it.
        if (before.has(room)) return { room, key, after: later(told, before.get(room)) };
        const isNew = snapshot !== undefined || position === undefined;
        return { room, key, after: isNew ? NOW : told };
      });
  }

  #keeps(room: string): boolean {
    return this.#options.settings.of(room).history !== undefined;
  }

  #position(offset: number): string {
    return formatPosition({ epoch: this.#options.history.epoch, offset });
  }

  /** Of a position in this history; that of another one, or what is none, says nothing. */
  #offsetOf(position: unknown): number | undefined {
    const given = parsePosition(position);
    return given?.epoch === this.#options.history.epoch ? given.offset : undefined;
  }
}

/** @param isLost its session was not found */
function lackOf(
  answer: MissedAnswer | undefined,
  told: number | undefined,
  places: readonly Place[],
  isLost: boolean,
): Lack | undefined {
  if (isLost) return 'session';
  if (answer === undefined) return 'unanswered';
  if ((told ?? 0) > answer.latest) return 'behind';
  const isKept = ({ key, after }: Place): boolean =>
    after !== undefined && after >= answer.completeFrom(key);
  return places.every(isKept) ? undefined : 'history';
}

function aftersOf(places: readonly Place[]): ReadonlyMap<string, number> {
  return new Map(
    places.flatMap(({ room, after = NOW }) => (after === NOW ? [] : [[room, after] as const])),
  );
}

function isBackIn({ token, position }: ComebackWish): boolean {
  return token !== undefined || position !== undefined;
}

function later(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other);
}

/** Whether a message is one that a client has missed. */
function isFor(
  places: readonly Place[],
  offset: number,
  rooms: readonly string[],
  users: readonly string[],
  user: string | undefined,
): boolean {
  const isToEveryone = rooms.length === 0 && users.length === 0;
  const isToUser = user !== undefined && users.includes(user);
  return places.some(({ room, after = NOW }) => {
    if (offset <= after) return false;
    return isToUser || (isToEveryone ? room === '' : rooms.includes(room));
  });
}
