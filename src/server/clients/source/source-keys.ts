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

export class SourceKeys {
  readonly #hash: KeyedHash = new KeyedHash();

  /** Of a v4 address, or of the first 64 bits of a v6 one; addresses not known share one. */
  address(ip: IpAddress | undefined): number {
    if (ip === undefined) return this.#keyOf('');
    const [first, second, , fourth] = ip;
    return this.#keyOf(isV4(ip) ? textOf(fourth) : textOf(first) + textOf(second));
  }

  /** Of one TCP connection, by the address and port at its other end. */
  connection(ip: IpAddress | undefined, port: number): number {
    if (ip === undefined) return NO_SOURCE;
    const [first, second, third, fourth] = ip;
    const text = textOf(first) + textOf(second) + textOf(third) + textOf(fourth);
    return this.#keyOf(text + String.fromCharCode(port));
  }

  #keyOf(text: string): number {
    return this.#hash.hash(text) || 1;
  }
}

function textOf(word: number): string {
  return String.fromCharCode(word >>> 16, word & 0xff_ff);
}
