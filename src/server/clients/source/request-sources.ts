/** Where the requests of a worker come from: the client's address, and keys to count it by. */

import type { RequestServer } from '../../core/contracts/client-kind.ts';
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

export class RequestSources {
  readonly #proxies: TrustedProxies;
  readonly #keys: SourceKeys;

  constructor(proxies: TrustedProxies, keys: SourceKeys) {
    this.#proxies = proxies;
    this.#keys = keys;
  }

  sourceOf(request: Request, server: RequestServer): RequestSource {
    const peer = server.requestIP(request);
    const ip = peer === null ? undefined : parseIp(peer.address);
    const client = this.#proxies.sourceOf(request.headers, peer?.address ?? '', ip);
    return {
      address: client.address,
      addressKey: this.#keys.address(client.ip),
      connection: this.#keys.connection(ip, peer?.port ?? 0),
    };
  }

  connectionOf(request: Request, server: RequestServer): number {
    const peer = server.requestIP(request);
    return peer === null ? NO_SOURCE : this.#keys.connection(parseIp(peer.address), peer.port);
  }
}
