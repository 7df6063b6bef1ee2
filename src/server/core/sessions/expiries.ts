/**
 * Sessions that are known for a time only, by when there is something to do about them.
 *
 * They stand in buckets of a second; a tick looks at those that are due and at nothing else, and
 * takes so many at a time, since tokens that were issued together run out together. Sessions that
 * never expire are not in here and cost nothing. It knows neither clients nor identity.
 */

import type { NamespaceSession } from './namespace-session.ts';

export interface Expiry {
  readonly session: NamespaceSession;
  /** In milliseconds since the epoch. */
  readonly expiresAtMs: number;
  /** What its client has been asked and has answered. */
  state: 'quiet' | 'asked' | 'judged';
}

interface Entry extends Expiry {
  expiresAtMs: number;
  /** The bucket it stands in, and where; what is due stands in none. */
  second: number;
  place: number;
}

const NOWHERE = -1;
const SECOND_MS = 1_000;

export class Expiries {
  readonly #entries: Map<NamespaceSession, Entry> = new Map();
  readonly #buckets: Map<number, Entry[]> = new Map();
  /** Taken out of their buckets, and not handed out yet. */
  #due: Entry[] = [];
  /** Up to this one all buckets have been emptied. */
  #second: number;

  /** @param nowMs in milliseconds since the epoch */
  constructor(nowMs: number = Date.now()) {
    this.#second = Math.floor(nowMs / SECOND_MS);
  }

  get size(): number {
    return this.#entries.size;
  }

  of(session: NamespaceSession): Expiry | undefined {
    return this.#entries.get(session);
  }

  /** @param dueAtMs when `takeDue` is to give it, or up to a second before */
  set(session: NamespaceSession, expiresAtMs: number, dueAtMs: number): void {
    const known = this.#entries.get(session);
    const entry = known ?? { session, expiresAtMs, state: 'quiet', second: 0, place: NOWHERE };
    if (known !== undefined) this.#leave(known);
    else this.#entries.set(session, entry);
    entry.expiresAtMs = expiresAtMs;
    entry.state = 'quiet';
    this.#enter(entry, dueAtMs);
  }

  /** Puts off what has been taken. @param dueAtMs it is not given before */
  putOff(session: NamespaceSession, dueAtMs: number): void {
    const entry = this.#entries.get(session);
    if (entry === undefined) return;
    this.#leave(entry);
    this.#enter(entry, Math.ceil(dueAtMs / SECOND_MS) * SECOND_MS);
  }

  /** The session has ended, or never expires any more. */
  forget(session: NamespaceSession): void {
    if (this.#entries.size === 0) return;
    const entry = this.#entries.get(session);
    if (entry === undefined) return;
    this.#entries.delete(session);
    this.#leave(entry);
  }

  /** Those that are due now, `most` at the most; each is given once until it is set or put off. */
  takeDue(nowMs: number, most: number): readonly Expiry[] {
    if (this.#entries.size === 0) return [];
    this.#empty(Math.floor(nowMs / SECOND_MS));
    const taken = this.#due.splice(0, most);
    // What was set meanwhile stands in a bucket again.
    return taken.filter((one) => one.place === NOWHERE && this.#entries.get(one.session) === one);
  }

  #empty(now: number): void {
    // After a jump of the clock there may be more seconds than buckets.
    if (now - this.#second <= this.#buckets.size) {
      for (let second = this.#second + 1; second <= now; second++) this.#take(second);
    } else {
      for (const second of [...this.#buckets.keys()].sort((a, b) => a - b)) {
        if (second <= now) this.#take(second);
      }
    }
    this.#second = Math.max(this.#second, now);
  }

  #take(second: number): void {
    const bucket = this.#buckets.get(second);
    if (bucket === undefined) return;
    this.#buckets.delete(second);
    for (const entry of bucket) entry.place = NOWHERE;
    this.#due = this.#due.length === 0 ? bucket : [...this.#due, ...bucket];
  }

  #enter(entry: Entry, dueAtMs: number): void {
    // What is due already is so at the next look.
    entry.second = Math.max(this.#second + 1, Math.floor(dueAtMs / SECOND_MS));
    const bucket = this.#buckets.get(entry.second) ?? [];
    entry.place = bucket.push(entry) - 1;
    this.#buckets.set(entry.second, bucket);
  }

  #leave(entry: Entry): void {
    const { second, place } = entry;
    if (place === NOWHERE) return;
    entry.place = NOWHERE;
    const bucket = this.#buckets.get(second) as Entry[];
    const last = bucket.pop() as Entry;
    if (place < bucket.length) {
      bucket[place] = last;
      last.place = place;
    }
    if (bucket.length === 0) this.#buckets.delete(second);
  }
}
