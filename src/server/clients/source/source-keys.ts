/**
 * Numbers of 32 bits for addresses, which strangers cannot aim at: what is counted and remembered
 * by them takes four bytes each, whatever text they came from.
 *
 * Two sources get the same number once in four thousand million pairs, and then share a limit.
 * Whoever has a v6 address has at least the 64 bits behind its prefix, so the prefix counts.
 */

import { KeyedHash } from '../../../host/runtime/keyed-hash.ts';
import { type IpAddress, isV4 } from '../../protocol/ip-address.ts';

/** Stands for "none", so no source has it. */
export const NO_SOURCE = 0;

export class SourceKeys {
  readonly #hash: KeyedHash = new KeyedHash();

  /** Of a v4 address, or of the first 64 bits of a v6 one; addresses not known share one. */
  address(ip: IpAddress | undefined): number {
    if (ip === undefined) return this.#keyOf(0, 0, 0, 0);
    return isV4(ip) ? this.#keyOf(0, 0, ip[2], ip[3]) : this.#keyOf(ip[0], ip[1], 0, 0);
  }

  #keyOf(first: number, second: number, third: number, fourth: number): number {
    return this.#hash.hashWords(first, second, third, fourth) || 1;
  }
}
