/**
 * What one source address may have on a worker, where the config sets limits.
 *
 * A walk over all sessions counts them by address; what came in since then is added, what ended or
 * has shown itself is not taken off. So an address can only seem to have too many, and before it
 * is refused the walk is made again. Nothing is kept per session, and nothing at all without a
 * limit.
 */

import type { PlaceHolders } from '../../contracts/place-holder.ts';
import { LIMITS } from '../limits.ts';
import type { Reason } from '../reasons.ts';

/** Keys of the config; 0 is no limit. */
export interface AddressLimitSettings {
  readonly maxSessionsPerAddress: number;
  readonly maxHandshakesPerAddress: number;
  readonly maxUnauthenticatedPerAddress: number;
  readonly maxSilentPerAddress: number;
}

/** Sessions of one address. */
interface Tally {
  sessions: number;
  /** Those without a user. */
  unauthenticated: number;
  /** Those that have never asked for what waits, nor hold a WebSocket that has joined. */
  silent: number;
}

const SECOND_MS = 1_000;
/** A walk waits so many times as long as the last one took. */
const WALK_REST = 20;

export class AddressLimits {
  readonly #settings: AddressLimitSettings;
  readonly #kinds: PlaceHolders[] = [];
  readonly #countsSessions: boolean;
  #tallies: Map<number, Tally> = new Map();
  #openedSince = 0;
  #walkAgainAtMs = 0;
  /** Handshakes of this second, by address. */
  readonly #handshakes: Map<number, number> = new Map();
  #second = 0;

  constructor(settings: AddressLimitSettings) {
    this.#settings = settings;
    const { maxSessionsPerAddress, maxUnauthenticatedPerAddress, maxSilentPerAddress } = settings;
    this.#countsSessions =
      maxSessionsPerAddress + maxUnauthenticatedPerAddress + maxSilentPerAddress > 0;
  }

  watch(kind: PlaceHolders): void {
    this.#kinds.push(kind);
  }

  /** Why a handshake from this address is refused; `undefined` when it may go on. */
  refusalOf(address: number): Reason | undefined {
    if (this.#isHasty(address)) return 'addressHandshakes';
    if (!this.#countsSessions) return undefined;
    const seeming = this.#excessOf(address);
    return seeming === undefined || !this.#walk() ? seeming : this.#excessOf(address);
  }

  /** A session has come in. */
  opened(address: number): void {
    if (!this.#countsSessions) return;
    const tally = this.#tallyOf(address);
    tally.sessions++;
    tally.unauthenticated++;
    tally.silent++;
    if (++this.#openedSince > LIMITS.openedBetweenWalks) this.#walk();
  }

  #isHasty(address: number): boolean {
    const { maxHandshakesPerAddress } = this.#settings;
    if (maxHandshakesPerAddress === 0) return false;
    const second = Math.floor(performance.now() / SECOND_MS);
    if (second !== this.#second) this.#handshakes.clear();
    this.#second = second;
    const count = (this.#handshakes.get(address) ?? 0) + 1;
    this.#handshakes.set(address, count);
    return count > maxHandshakesPerAddress;
  }

  #excessOf(address: number): Reason | undefined {
    const tally = this.#tallies.get(address);
    if (tally === undefined) return undefined;
    const { maxSessionsPerAddress, maxUnauthenticatedPerAddress, maxSilentPerAddress } =
      this.#settings;
    if (reaches(tally.sessions, maxSessionsPerAddress)) return 'addressSessions';
    if (reaches(tally.silent, maxSilentPerAddress)) return 'addressSilent';
    const isFull = reaches(tally.unauthenticated, maxUnauthenticatedPerAddress);
    return isFull ? 'addressUnauthenticated' : undefined;
  }

  #tallyOf(address: number): Tally {
    const known = this.#tallies.get(address);
    if (known !== undefined) return known;
    const tally = { sessions: 0, unauthenticated: 0, silent: 0 };
    this.#tallies.set(address, tally);
    return tally;
  }

  /** Counts anew. @returns false when that was done just now */
  #walk(): boolean {
    const startedAtMs = performance.now();
    if (startedAtMs < this.#walkAgainAtMs) return false;
    this.#tallies = new Map();
    this.#openedSince = 0;
    for (const kind of this.#kinds) {
      kind.visitAll((address, hasUser, isSilent) => {
        const tally = this.#tallyOf(address);
        tally.sessions++;
        if (!hasUser) tally.unauthenticated++;
        if (isSilent) tally.silent++;
      });
    }
    const endedAtMs = performance.now();
    this.#walkAgainAtMs = endedAtMs + (endedAtMs - startedAtMs) * WALK_REST;
    return true;
  }
}

function reaches(count: number, most: number): boolean {
  return most > 0 && count >= most;
}
