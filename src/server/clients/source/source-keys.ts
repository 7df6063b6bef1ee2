/**
 * Numbers of 32 bits for addresses and connections, which strangers cannot aim at: what is counted
 * and remembered by them takes four bytes each, whatever text they came from.
 *
 * Two sources get the same number once in four thousand million pairs, and then share a limit.
 * Whoever has a v6 address has at least the 64 bits behind its prefix, so the prefix counts.
 */

import { KeyedHash } from '../../../host/runtime/keyed-hash.ts';
import { type IpAddress, isV4 } from '../../protocol/ip-address.ts';

/** Stands for "none", so no source has it. */
export const NO_SOURCE = 0;

/** Stands where connections have their port. */
const ADDRESS = 0x1_0000;

export class SourceKeys {
  readonly #hash: KeyedHash = new KeyedHash();

  /** Of a v4 address, or of the first 64 bits of a v6 one; addresses not known share one. */
  address(ip: IpAddress | undefined): number {
    if (ip === undefined) return this.#keyOf(0, 0, 0, 0, ADDRESS);
    return isV4(ip)
      ? this.#keyOf(0, 0, ip[2], ip[3], ADDRESS)
      : this.#keyOf(ip[0], ip[1], 0, 0, ADDRESS);
  }

  /** Of one TCP connection, by the address and port at its other end. */
  connection(ip: IpAddress | undefined, port: number): number {
    if (ip === undefined) return NO_SOURCE;
    return this.#keyOf(ip[0], ip[1], ip[2], ip[3], port);
  }

  #keyOf(first: number, second: number, third: number, fourth: number, last: number): number {
    return this.#hash.hashWords(first, second, third, fourth, last) || 1;
  }
}
