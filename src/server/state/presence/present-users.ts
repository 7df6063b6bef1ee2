/**
 * The users of one room as the controller has them: who has sessions on which worker, who was cut
 * off and may be back, and what has changed since the room was told.
 */

import { NameMap } from '../../../host/runtime/name-map.ts';
import type { RoomReport, UserReport } from '../../core/contracts/presence.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { transportMask, transportsIn } from './transport-mask.ts';

/** The sessions of a user in the room on one worker. */
interface Share {
  readonly worker: number;
  sessions: number;
  /** Their transports, a bit each. */
  transports: number;
}

/** What a worker says of a room. */
export type WorkerReport = readonly [worker: number, report: RoomReport];

/** A user in a room. */
export class Present {
  readonly user: string;
  readonly room: PresenceRoom;
  readonly sinceMs: number;
  /** Most users are on one worker. */
  shares: readonly Share[] = [];
  /** When the last session was cut off; 0 while there are some. */
  goneAtMs = 0;

  constructor(user: string, room: PresenceRoom, sinceMs: number) {
    this.user = user;
    this.room = room;
    this.sinceMs = sinceMs;
  }

  get sessions(): number {
    return this.shares.reduce((sum, { sessions }) => sum + sessions, 0);
  }

  get transports(): number {
    return this.shares.reduce((mask, { transports }) => mask | transports, 0);
  }

  take(worker: number, { sessions, transports }: UserReport): void {
    const mask = transportMask(transports);
    const share = this.shares.find((one) => one.worker === worker);
    if (share !== undefined) {
      share.sessions = sessions;
      share.transports = mask;
    } else this.shares = [...this.shares, { worker, sessions, transports: mask }];
  }

  /** @returns whether there was something to drop */
  drop(isOne: (worker: number) => boolean): boolean {
    const rest = this.shares.filter(({ worker }) => !isOne(worker));
    if (rest.length === this.shares.length) return false;
    this.shares = rest;
    return true;
  }
}

/** Names of those who came and went since the room was told: only what is different now. */
type Changes = NameMap<'joined' | 'left'>;

/** What to tell a room of its changes; without `names` those that keep a list must ask. */
export interface Difference {
  readonly count: number;
  readonly names: { readonly joined: string[]; readonly left: string[] } | undefined;
}

export class PresenceRoom {
  readonly namespace: string;
  readonly name: string;
  readonly users: NameMap<Present> = new NameMap();
  /** Sessions without a user, by worker. */
  readonly #anonymous: Map<number, number> = new Map();
  readonly #namedUsers: number;
  #changes: Changes | undefined;
  /** Since it was told something changed of which the names are not known. */
  #isNameless = false;
  #toldCount = 0;
  /** When it was told last. */
  toldAtMs = 0;

  /** @param namedUsers the most users that a room may have whose changes are told by name */
  constructor(namespace: string, name: string, namedUsers: number) {
    this.namespace = namespace;
    this.name = name;
    this.#namedUsers = namedUsers;
  }

  get anonymous(): number {
    let sum = 0;
    for (const count of this.#anonymous.values()) sum += count;
    return sum;
  }

  get count(): number {
    return this.users.size + this.anonymous;
  }

  get isEmpty(): boolean {
    return this.users.size === 0 && this.#anonymous.size === 0;
  }

  setAnonymous(worker: number, count: number): void {
    if (count === 0) this.#anonymous.delete(worker);
    else this.#anonymous.set(worker, count);
  }

  forgetAnonymous(isOne: (worker: number) => boolean): void {
    for (const worker of this.#anonymous.keys()) {
      if (isOne(worker)) this.#anonymous.delete(worker);
    }
  }

  /** What some workers have said of it that is so still, in parts of so many users. */
  *reportsOf(isOne: (worker: number) => boolean, most: number): Generator<WorkerReport> {
    const { namespace, name: room } = this;
    for (const [worker, anonymous] of [...this.#anonymous]) {
      if (isOne(worker)) yield [worker, { namespace, room, anonymous, users: [] }];
    }
    const parts = new Map<number, UserReport[]>();
    for (const { user, shares } of [...this.users.values()]) {
      for (const { worker, sessions, transports } of shares) {
        if (!isOne(worker)) continue;
        const users = parts.get(worker) ?? [];
        users.push({ user, sessions, transports: transportsIn(transports), hasLeft: false });
        parts.set(worker, users);
        if (users.length < most) continue;
        parts.delete(worker);
        yield [worker, { namespace, room, anonymous: undefined, users }];
      }
    }
    for (const [worker, users] of parts) {
      yield [worker, { namespace, room, anonymous: undefined, users }];
    }
  }

  add(present: Present): void {
    this.users.set(present.user, present);
    this.#note(present.user, 'joined');
  }

  remove(present: Present): void {
    this.users.delete(present.user);
    this.#note(present.user, 'left');
  }

  /** What it was told last did not arrive everywhere. */
  forgetNames(): void {
    this.#isNameless = true;
    this.#changes = undefined;
  }

  /** What is different from what it was told; `undefined` for nothing. It counts as told then. */
  takeDifference(): Difference | undefined {
    const { count } = this;
    const changes = this.#changes;
    const isNameless = this.#isNameless;
    if (count === this.#toldCount) {
      if (!isNameless && changes === undefined) return undefined;
      // Of so many nobody keeps a list that could be old.
      if (isNameless && this.users.size > this.#namedUsers) return undefined;
    }
    this.#changes = undefined;
    this.#isNameless = false;
    this.#toldCount = count;
    return { count, names: isNameless ? undefined : namesOf(changes) };
  }

  #note(user: string, what: 'joined' | 'left'): void {
    if (this.#isNameless) return;
    const changes = (this.#changes ??= new NameMap());
    const before = changes.get(user);
    if (before !== undefined && before !== what) changes.delete(user);
    else changes.set(user, what);
    const isTooMuch = changes.size > LIMITS.presenceNamesAtOnce;
    if (isTooMuch || this.users.size > this.#namedUsers) this.forgetNames();
    else if (changes.size === 0) this.#changes = undefined;
  }
}

function namesOf(changes: Changes | undefined): { joined: string[]; left: string[] } {
  const names = { joined: [] as string[], left: [] as string[] };
  for (const [user, what] of changes ?? []) names[what].push(user);
  return names;
}
