/**
 * Who really asks: the address that a request comes from, seen through the proxies that the
 * operator has declared (`trustedProxies`).
 *
 *     socket's address ─ declared? ─ no ─▶ it is the client, whatever headers say
 *                                  └ yes ─▶ what it wrote last; declared, too? and so on
 *
 * Everybody can write these headers, so each word is believed only as far as a declared proxy has
 * written it. Where it hides or garbles the next address, the proxy's own stands for the client.
 */

import type { RequestHeaders } from '../../core/contracts/exchange.ts';
import {
  type Hop,
  readForwarded,
  readForwardedFor,
  readHost,
  readProto,
  splitList,
} from '../../protocol/forwarded.ts';
import {
  formatIp,
  type IpAddress,
  type IpRange,
  isInRange,
  parseIp,
  parseIpRange,
} from '../../protocol/ip-address.ts';

/** Where a request comes from. */
export interface ClientSource {
  /** As text, v4-mapped addresses as v4; empty when the socket's address is not known. */
  readonly address: string;
  readonly ip: IpAddress | undefined;
  /** What a declared proxy says that the client asked for; `undefined` without such a proxy. */
  readonly forwarded: ForwardedTarget | undefined;
}

/** What the client asked for, before a proxy changed it. Either may not have been said. */
export interface ForwardedTarget {
  /** As in `Host`, with the port if there was one, in lower case. */
  readonly host: string | undefined;
  readonly proto: 'http' | 'https' | undefined;
}

/** The end of a walk through proxies, by one of the two headers. */
interface Walk {
  readonly ip: IpAddress;
  /** The client's address was told, and not hidden or garbled. */
  readonly isTold: boolean;
  /** Declared proxies on the way, from the server's side. */
  readonly proxies: number;
}

export class TrustedProxies {
  readonly #ranges: readonly IpRange[];
  /** Headers that have come alone through a declared proxy, which therefore writes them. */
  #isStandardWritten = false;
  #isOlderWritten = false;

  /** @param ranges addresses and prefixes, which the config's schema has checked */
  constructor(ranges: readonly string[]) {
    this.#ranges = ranges.flatMap((range) => parseIpRange(range) ?? []);
  }

  /** @param peer the socket's address, and `ip` the same as numbers */
  sourceOf(
    headers: RequestHeaders,
    peer: string,
    ip: IpAddress | undefined = parseIp(peer),
  ): ClientSource {
    if (ip === undefined) return { address: peer, ip, forwarded: undefined };
    if (!this.isDeclared(ip)) {
      const address = peer.startsWith('::') ? formatIp(ip) : peer;
      return { address, ip, forwarded: undefined };
    }
    return this.#sourceBehind(ip, headers);
  }

  #sourceBehind(peer: IpAddress, headers: RequestHeaders): ClientSource {
    const forwarded = headers.get('forwarded');
    const forwardedFor = headers.get('x-forwarded-for');
    const hops = readForwarded(forwarded ?? '');
    const standard = this.#walk(peer, hops);
    const older = this.#walk(peer, readForwardedFor(forwardedFor ?? ''));
    if (forwardedFor === null && forwarded !== null) this.#isStandardWritten = true;
    if (forwarded === null && forwardedFor !== null) this.#isOlderWritten = true;
    const believed = this.#chooseWalks(standard, older);
    const [walk = { ip: peer }] = believed;
    const hop = believed.includes(standard) ? hops.at(-standard.proxies) : undefined;
    const item = (name: string): string | undefined =>
      believed.includes(older) ? itemOf(headers.get(name) ?? '', older.proxies) : undefined;
    return {
      address: formatIp(walk.ip),
      ip: walk.ip,
      forwarded: {
        host: hop?.host ?? readHost(item('x-forwarded-host')),
        proto: hop?.proto ?? readProto(item('x-forwarded-proto')),
      },
    };
  }

  /** Goes from the server towards the client for as long as who speaks is declared. */
  #walk(peer: IpAddress, hops: readonly Hop[]): Walk {
    let ip = peer;
    let proxies = 0;
    for (const { address } of hops.toReversed()) {
      proxies++;
      if (address === undefined) return { ip, isTold: false, proxies };
      ip = address;
      if (!this.isDeclared(ip)) return { ip, isTold: true, proxies };
    }
    return { ip, isTold: proxies > 0, proxies: Math.max(1, proxies) };
  }

  /**
   * A proxy writes one of the two headers and passes on the other as the client sent it. Which one
   * it writes shows in requests of others, who send neither: it comes alone. As long as that is not
   * known, or proxies in front differ, neither is believed where both name a client and differ.
   */
  #chooseWalks(standard: Walk, older: Walk): readonly Walk[] {
    if (this.#isStandardWritten !== this.#isOlderWritten) {
      return [this.#isStandardWritten ? standard : older];
    }
    if (standard.isTold !== older.isTold) return [standard.isTold ? standard : older];
    if (!standard.isTold) return [standard.proxies > older.proxies ? standard : older];
    const isSame = standard.ip.every((word, index) => word === older.ip[index]);
    return isSame ? [standard, older] : [];
  }

  isDeclared(ip: IpAddress): boolean {
    return this.#ranges.some((range) => isInRange(ip, range));
  }
}

/**
 * Of a list to which each proxy added its item, what the declared proxy farthest from us wrote; of
 * a shorter list the first, since a proxy may write it anew.
 */
function itemOf(header: string, proxies: number): string | undefined {
  const items = splitList(header);
  return items[Math.max(0, items.length - proxies)];
}
