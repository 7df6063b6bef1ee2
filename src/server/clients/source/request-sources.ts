/** Where the requests of a worker come from: the client's address, and keys to count it by. */

import type { ClientRequest, RequestPeer } from '../../core/contracts/exchange.ts';
import { parseIp } from '../../protocol/ip-address.ts';
import { NO_SOURCE, type SourceKeys } from './source-keys.ts';
import type { TrustedProxies } from './trusted-proxies.ts';

/** Where a first request comes from. */
export interface RequestSource {
  /** The client's, seen through declared proxies; empty when it is not known. */
  readonly address: string;
  readonly addressKey: number;
  /** The TCP connection that brought the request, which may be a proxy's. */
  readonly connection: number;
}

/** A request, as far as it matters here. */
interface AskedFrom extends Pick<ClientRequest, 'headers'> {
  readonly peer: RequestPeer;
}

export class RequestSources {
  readonly #proxies: TrustedProxies;
  readonly #keys: SourceKeys;

  constructor(proxies: TrustedProxies, keys: SourceKeys) {
    this.#proxies = proxies;
    this.#keys = keys;
  }

  sourceOf({ headers, peer }: AskedFrom): RequestSource {
    const ip = parseIp(peer.address);
    const client = this.#proxies.sourceOf(headers, peer.address, ip);
    return {
      address: client.address,
      addressKey: this.#keys.address(client.ip),
      connection: this.#keys.connection(ip, peer.port),
    };
  }

  connectionOf({ peer }: Pick<AskedFrom, 'peer'>): number {
    const ip = parseIp(peer.address);
    return ip === undefined ? NO_SOURCE : this.#keys.connection(ip, peer.port);
  }
}
