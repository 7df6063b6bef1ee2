/** Where the requests of a worker come from: the client's address, and keys to count it by. */

import type { Exchange } from '../../core/contracts/exchange.ts';
import { parseIp } from '../../protocol/ip-address.ts';
import type { SourceKeys } from './source-keys.ts';
import type { TrustedProxies } from './trusted-proxies.ts';

/** Where a first request comes from. */
export interface RequestSource {
  /** The client's, seen through declared proxies; empty when it is not known. */
  readonly address: string;
  readonly addressKey: number;
  /** The TCP connection that brought the request, which may be a proxy's. */
  readonly connection: number;
}

export class RequestSources {
  readonly #proxies: TrustedProxies;
  readonly #keys: SourceKeys;

  constructor(proxies: TrustedProxies, keys: SourceKeys) {
    this.#proxies = proxies;
    this.#keys = keys;
  }

  sourceOf(exchange: Pick<Exchange, 'address' | 'connection' | 'headers'>): RequestSource {
    const { address, connection, headers } = exchange;
    const client = this.#proxies.sourceOf(headers, address, parseIp(address));
    return { address: client.address, addressKey: this.#keys.address(client.ip), connection };
  }
}
