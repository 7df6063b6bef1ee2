/**
 * The places of a worker: who may come in, and who makes place when there is none left.
 *
 *     take(source) ─ a place is free ─▶ in
 *                 └─ none ─▶ an unproven session goes ─▶ in
 *                         └─ nobody has to ─▶ refused
 *
 * Two things are scarce: open files, which sockets and waiting polls hold, and sessions as such.
 * Who is unproven (contracts/place-holder.ts) is looked up only when places are short, by a walk
 * over all sessions that finds many at once. The fullest address and connection gives first, and
 * of it the longest silent (fullest-first.ts); a user counts as silent for a part of the time only.
 *
 * Whoever is just coming in has the time that clients take for it now, since otherwise many who
 * come at once would push each other out. One of a crowd has it only against its own, so that who
 * floods the worker cannot hold the places of others that way.
 */

import {
  type PlaceHolder,
  type PlaceHolders,
  type PlaceSource,
  STANDING,
} from '../../contracts/place-holder.ts';
import { LIMITS } from '../limits.ts';
import type { Refusals } from '../refusals.ts';
import { countsOf, fullestFirst, type Ranked, type Silent } from './fullest-first.ts';

export interface PlacesOptions {
  /** Open files for clients. */
  readonly files: number;
  /** The most sessions, whatever they hold. */
  readonly sessions: number;
  readonly refusals: Refusals;
  /** Open files that sessions of whichever worker hold here: sockets, and polls that wait. */
  heldFiles(): number;
  /** The worker's own time. */
  clockMs(): number;
}

interface Candidate extends Silent, PlaceSource {
  readonly holder: PlaceHolder;
  readonly sinceMs: number;
}

type Scarce = 'files' | 'sessions';

/** Where a look led to nothing, the next waits so many times as long as it took … */
const LOOK_REST = 20;
/** … but no longer than this for each place: a busy machine makes looks seem to take longer. */
const REST_MS_PER_PLACE = 0.02;
/** Found in one look: one in so many of the places, so that the next look sees what has changed. */
const FOUND_SHARE = 1 / 16;
const FOUND_MIN = 8;
/** Of those found, so many are tried for each who comes. */
const TRIED = 32;
/** A client that has settled is between two polls for so long, whoever comes. */
const SETTLED_MS = 100;
/** A user goes before others once it has been silent for so many times as long. */
const USER_TIMES = 4;
/**
 * With so many of the places held by sessions that are unproven, who polls and has settled goes as
 * soon as others. Otherwise a client has to be away for long: newcomers are no reason to end it.
 */
const BESIEGED_SHARE = 1 / 2;
/** Clients behind one address, and a page that is loaded again, are not thought to be fuller. */
const KEPT = { perAddress: () => 8, perConnection: () => 2 };
/** An address or connection is crowded that has so many unproven sessions more than another … */
const CROWD = 4;
/** … and so many times as many. */
const CROWD_TIMES = 2;

export class Places {
  readonly #options: PlacesOptions;
  readonly #kinds: PlaceHolders[] = [];
  /** Who has to go next is last. */
  #found: Ranked<Candidate>[] = [];
  #foundFor: Scarce = 'sessions';
  /** Unproven sessions by address, and by connection, at the last look. */
  #byAddress: ReadonlyMap<number, number> = new Map();
  #byConnection: ReadonlyMap<number, number> = new Map();
  #lookTookMs = 0;
  #lookAgainAtMs = 0;
  /** How long clients take from the handshake until they have joined: a median, followed. */
  #joinMs: number = LIMITS.joinMsAtFirst;

  constructor(options: PlacesOptions) {
    this.#options = options;
  }

  /** Names sessions that hold places here. */
  watch(kind: PlaceHolders): void {
    this.#kinds.push(kind);
  }

  /** The most sessions that have each a connection. */
  get capacity(): number {
    return Math.min(this.#options.files, this.#options.sessions);
  }

  /** Handshakes that would be taken now, if they came at once, as far as it is known. */
  get free(): number {
    const { files, sessions } = this.#options;
    const free = Math.min(files - this.#options.heldFiles(), sessions - this.#size);
    if (free > 0) return free;
    const scarce = this.#scarce ?? 'sessions';
    const known = scarce === this.#foundFor ? this.#foundToGo : 0;
    if (known > 0 || !this.#look(scarce)) return known;
    const found = this.#foundToGo;
    if (found === 0) this.#rest();
    return found;
  }

  /** How many of those found would make place now; those of a crowd do, for others than itself. */
  get #foundToGo(): number {
    const mayGo = ({ item, rank }: Ranked<Candidate>): boolean =>
      isStill(item) && this.#isSilent(item, rank > 0);
    return this.#found.filter(mayGo).length;
  }

  /** One more session comes in, if need be in place of another. */
  take(from: PlaceSource): boolean {
    const scarce = this.#scarce;
    if (scarce === undefined) return true;
    const goes = this.#next(scarce, from) ?? this.#lookForNext(scarce, from);
    if (goes === undefined) return false;
    this.#options.refusals.count('unprovenCut');
    goes.giveUpPlace();
    return true;
  }

  /** A client has joined, so long after its handshake. */
  joined(tookMs: number): void {
    const step = tookMs > this.#joinMs ? LIMITS.joinMsStep : 1 / LIMITS.joinMsStep;
    this.#joinMs = Math.min(LIMITS.joinMsMax, Math.max(LIMITS.joinMsMin, this.#joinMs * step));
  }

  get #size(): number {
    let sum = 0;
    for (const { size } of this.#kinds) sum += size;
    return sum;
  }

  get #scarce(): Scarce | undefined {
    if (this.#options.heldFiles() >= this.#options.files) return 'files';
    return this.#size >= this.#options.sessions ? 'sessions' : undefined;
  }

  /** Who has to go for a client from there, among those that were found. */
  #next(scarce: Scarce, from: PlaceSource): PlaceHolder | undefined {
    if (scarce !== this.#foundFor) return undefined;
    const found = this.#found;
    const last = Math.max(0, found.length - TRIED);
    for (let at = found.length - 1; at >= last; at--) {
      const { item, rank } = found[at] as Ranked<Candidate>;
      const isThere = isStill(item);
      if (isThere && !this.#mayGo(item, from)) {
        // Of its own crowd: it is not for others to make place instead.
        if (rank > 0 && item.addressKey === from.addressKey) return undefined;
        continue;
      }
      found.splice(at, 1);
      if (isThere) return item.holder;
    }
    return undefined;
  }

  #lookForNext(scarce: Scarce, from: PlaceSource): PlaceHolder | undefined {
    if (!this.#look(scarce)) return undefined;
    const goes = this.#next(scarce, from);
    if (goes === undefined) this.#rest();
    return goes;
  }

  #mayGo(candidate: Candidate, from: PlaceSource): boolean {
    return this.#isSilent(candidate, this.#isCrowd(candidate, from));
  }

  /** Whether it has shown nothing for longer than clients of its standing do. */
  #isSilent(candidate: Candidate, isOfCrowd: boolean): boolean {
    const silentMs = this.#options.clockMs() - candidate.sinceMs;
    const timeMs = this.#joinMs * LIMITS.joinTimes;
    if (!isSettled(candidate)) return isOfCrowd || silentMs >= timeMs;
    const mostMs = isOfCrowd ? SETTLED_MS : LIMITS.betweenPollsMs;
    return silentMs >= Math.max(timeMs, mostMs);
  }

  /** Whether many more came from one address than another, or, of one, by one connection. */
  #isCrowd(one: PlaceSource, other: PlaceSource): boolean {
    return one.addressKey === other.addressKey
      ? isCrowd(this.#byConnection, one.connection, other.connection)
      : isCrowd(this.#byAddress, one.addressKey, other.addressKey);
  }

  /** Looks who has to go. @returns false when the last look, which led to nothing, was just now */
  #look(scarce: Scarce): boolean {
    const startedAtMs = performance.now();
    if (startedAtMs < this.#lookAgainAtMs) return false;
    const nowMs = this.#options.clockMs();
    const all = this.#candidates(scarce, nowMs);
    const isBesieged = all.length >= this.#options[scarce] * BESIEGED_SHARE;
    const leastMs = isBesieged ? SETTLED_MS : LIMITS.unpolledMs;
    const candidates = all.filter((one) => !isSettled(one) || nowMs - one.sinceMs >= leastMs);
    this.#byAddress = countsOf(candidates, ({ address }) => address);
    this.#byConnection = countsOf(candidates, ({ connection }) => connection);
    const wanted = Math.max(FOUND_MIN, Math.ceil(this.#options.sessions * FOUND_SHARE));
    this.#found = fullestFirst(candidates, wanted, KEPT).reverse();
    this.#foundFor = scarce;
    this.#lookTookMs = performance.now() - startedAtMs;
    return true;
  }

  #rest(): void {
    const mostMs = this.#options.sessions * REST_MS_PER_PLACE;
    this.#lookAgainAtMs = performance.now() + Math.min(mostMs, this.#lookTookMs * LOOK_REST);
  }

  #candidates(scarce: Scarce, nowMs: number): Candidate[] {
    const found: Candidate[] = [];
    for (const kind of this.#kinds) {
      kind.visitUnproven((holder, { addressKey, connection }, sinceMs) => {
        const silentMs = (nowMs - sinceMs) / (isUser(holder) ? USER_TIMES : 1);
        if (scarce === 'files' && !holder.holdsFile) return;
        found.push({ holder, addressKey, address: addressKey, connection, sinceMs, silentMs });
      });
    }
    return found;
  }
}

function isSettled({ holder }: Candidate): boolean {
  return holder.standing >= STANDING.settled;
}

function isUser({ standing }: PlaceHolder): boolean {
  return standing === STANDING.newUser || standing === STANDING.settledUser;
}

/** It has shown nothing since it was found. */
function isStill({ holder, sinceMs }: Candidate): boolean {
  return holder.unprovenSinceMs === sinceMs;
}

function isCrowd(counts: ReadonlyMap<number, number>, one: number, other: number): boolean {
  return (counts.get(one) ?? 0) >= CROWD_TIMES * (counts.get(other) ?? 0) + CROWD;
}
