/**
 * The sessions of each user in a namespace of this worker.
 *
 * A hash table of our own, open addressing with linear probing: the sessions know their users, so
 * the table needs no keys, only one reference a user. That is 12 to 24 bytes for each where a `Map`
 * takes 180 (measured at 19,000 users). Clients may choose their names: the hash has a key of its
 * own, so none can be made that collide.
 */

import { KeyedHash } from '../../../host/runtime/keyed-hash.ts';

/** A session as the index sees it. */
export interface UserSession {
  readonly user: string | undefined;
}

/** Most users have one session, which then stands without an array around it. */
type Entry<Session> = Session | Session[];

const CAPACITY_MIN = 16;
/** Fuller tables probe for long, emptier ones waste memory. */
const LOAD_MAX = 2 / 3;
const LOAD_MIN = 1 / 6;

export class UserIndex<Session extends UserSession> {
  readonly #hash: KeyedHash = new KeyedHash();
  #entries: (Entry<Session> | undefined)[] = emptyTable(CAPACITY_MIN);
  #size = 0;

  /** Distinct users. */
  get size(): number {
    return this.#size;
  }

  /** The user's sessions, oldest first; whoever ends some of them takes a copy first. */
  get(user: string): readonly Session[] {
    const entry = this.#entries[this.#find(user)];
    if (entry === undefined) return [];
    return Array.isArray(entry) ? entry : [entry];
  }

  /** @returns whether this is the user's first session here */
  add(user: string, session: Session): boolean {
    const place = this.#find(user);
    const entry = this.#entries[place];
    if (Array.isArray(entry)) entry.push(session);
    else if (entry !== undefined) this.#entries[place] = [entry, session];
    else {
      this.#entries[place] = session;
      this.#size++;
      if (this.#size > this.#entries.length * LOAD_MAX) this.#resize(this.#entries.length * 2);
    }
    return entry === undefined;
  }

  /** @returns whether this was the user's last session here */
  remove(user: string, session: Session): boolean {
    const place = this.#find(user);
    const entry = this.#entries[place];
    if (entry === undefined) return false;
    if (Array.isArray(entry)) {
      // Some apps give thousands the same user, and all of them may leave at once.
      const at = entry.indexOf(session);
      if (at !== -1) entry.splice(at, 1);
      if (entry.length === 1) this.#entries[place] = entry[0];
      return false;
    }
    if (entry !== session) return false;
    this.#vacate(place);
    this.#size--;
    const isSparse = this.#size < this.#entries.length * LOAD_MIN;
    if (isSparse && this.#entries.length > CAPACITY_MIN) this.#resize(this.#entries.length / 2);
    return true;
  }

  /** The place of a user, or the empty one where it belongs. */
  #find(user: string): number {
    const mask = this.#entries.length - 1;
    let place = this.#home(user);
    for (;;) {
      const entry = this.#entries[place];
      if (entry === undefined || userOf(entry) === user) return place;
      place = (place + 1) & mask;
    }
  }

  #home(user: string): number {
    return this.#hash.hash(user) & (this.#entries.length - 1);
  }

  /** Empties a place and moves up those behind it that may stand there, so no gap hides them. */
  #vacate(gap: number): void {
    const mask = this.#entries.length - 1;
    let hole = gap;
    for (let place = (gap + 1) & mask; ; place = (place + 1) & mask) {
      const entry = this.#entries[place];
      if (entry === undefined) break;
      const home = this.#home(userOf(entry));
      const mayMove = ((place - home) & mask) >= ((place - hole) & mask);
      if (!mayMove) continue;
      this.#entries[hole] = entry;
      hole = place;
    }
    this.#entries[hole] = undefined;
  }

  #resize(capacity: number): void {
    const old = this.#entries;
    this.#entries = emptyTable(capacity);
    for (const entry of old) {
      if (entry !== undefined) this.#entries[this.#find(userOf(entry))] = entry;
    }
  }
}

function userOf(entry: Entry<UserSession>): string {
  return (Array.isArray(entry) ? entry[0]?.user : entry.user) as string;
}

function emptyTable(capacity: number): undefined[] {
  return Array.from({ length: capacity }, () => undefined);
}
