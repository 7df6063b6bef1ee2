/**
 * Whether most sessions of a worker come from a few addresses, as they do behind a proxy that
 * nobody declared: then limits, origins and the app take all clients for one.
 *
 * A thousand sessions are looked at now and then, however many there are, and nothing is kept for
 * each. Their addresses are only known as numbers, so those that have most are told by name when
 * the next handshake comes from there.
 */

import { LIMITS } from '../../core/limits/limits.ts';
import type { Log } from '../../core/log/log.ts';
import type { RequestSource } from './request-sources.ts';
import { NO_SOURCE } from './source-keys.ts';

/** Of the sessions that were looked at, from 0 to 1. */
export interface AddressShares {
  /** Those of the address with most. */
  readonly topOne: number;
  /** Those of the ten addresses with most. */
  readonly topTen: number;
}

interface Group {
  readonly address: number;
  readonly count: number;
}

const TEN = 10;
/** Addresses that are few: more proxies than that are seldom in front of one worker. */
const FEW = 4;
const MOST = 1 / 2;
const LOOK_EVERY_MS = 5_000;
const SAY_EVERY_MS = 3_600_000;

export class AddressCrowd {
  readonly #addresses: () => Uint32Array;
  readonly #log: Log;
  #shares: AddressShares = { topOne: 0, topTen: 0 };
  /** Addresses that have most sessions, and their names as far as they are known. */
  #few: readonly number[] = [];
  readonly #names: Map<number, string> = new Map();
  #fewShare = 0;
  #lookAgainAtMs = 0;
  #sayAgainAtMs = 0;

  /** @param addresses of all sessions, `NO_SOURCE` between them */
  constructor(addresses: () => Uint32Array, log: Log) {
    this.#addresses = addresses;
    this.#log = log;
  }

  /** As they were within the last seconds. */
  shares(nowMs: number = performance.now()): AddressShares {
    if (nowMs >= this.#lookAgainAtMs) {
      this.#lookAgainAtMs = nowMs + LOOK_EVERY_MS;
      this.#look(nowMs);
    }
    return this.#shares;
  }

  /** A session has come in. */
  opened({ address, addressKey }: RequestSource): void {
    if (this.#few.length === 0 || !this.#few.includes(addressKey)) return;
    this.#names.set(addressKey, address);
    if (this.#names.size === this.#few.length) this.#say();
  }

  #look(nowMs: number): void {
    const seen = lookedAt(this.#addresses());
    const groups = fullest(seen);
    const shareOf = (count: number): number => {
      const sum = groups.slice(0, count).reduce((total, group) => total + group.count, 0);
      return seen.length === 0 ? 0 : sum / seen.length;
    };
    this.#shares = { topOne: shareOf(1), topTen: shareOf(TEN) };
    this.#names.clear();
    const isOfInterest = nowMs >= this.#sayAgainAtMs && seen.length >= LIMITS.crowdSessions;
    const few = [1, 2, 3, FEW].find((count) => shareOf(count) > MOST);
    this.#few = isOfInterest && few !== undefined ? groups.slice(0, few).map(keyOf) : [];
    this.#fewShare = shareOf(few ?? 0);
  }

  #say(): void {
    this.#log.warn(
      'most sessions come from a few addresses: if they are proxies, name them in trustedProxies',
      { addresses: [...this.#names.values()].join(', '), share: Number(this.#fewShare.toFixed(2)) },
    );
    this.#few = [];
    this.#sayAgainAtMs = performance.now() + SAY_EVERY_MS;
  }
}

/** The addresses of some sessions, spread over all of them, sorted. */
function lookedAt(addresses: Uint32Array): Uint32Array {
  const step = Math.max(1, addresses.length / LIMITS.crowdLookedAt);
  const seen = new Uint32Array(Math.ceil(addresses.length / step));
  let count = 0;
  for (let at = Math.random() * step; at < addresses.length; at += step) {
    const address = addresses[Math.floor(at)] as number;
    if (address !== NO_SOURCE) seen[count++] = address;
  }
  return seen.subarray(0, count).sort();
}

/** The addresses that stand there most often. */
function fullest(sorted: Uint32Array): readonly Group[] {
  const groups: Group[] = [];
  let from = 0;
  for (let at = 1; at <= sorted.length; at++) {
    if (at < sorted.length && sorted[at] === sorted[from]) continue;
    groups.push({ address: sorted[from] as number, count: at - from });
    from = at;
  }
  return groups.sort((left, right) => right.count - left.count).slice(0, TEN);
}

function keyOf({ address }: Group): number {
  return address;
}
