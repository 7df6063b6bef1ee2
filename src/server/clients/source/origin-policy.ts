/**
 * Which web pages may talk to this server.
 *
 * A request without an `Origin` comes from no page and passes; one from a page of the same host
 * passes; any other page must be on the allow-list, or the app must say yes. The same holds for
 * WebSocket handshakes, which browsers do not guard. Source: the Fetch standard, "CORS protocol".
 */

import type { RequestHeaders } from '../../core/contracts/exchange.ts';
import { readForwarded } from '../../protocol/forwarded.ts';
import { type AskedHost, isOwnOrigin, type OriginList, originList } from '../../protocol/origin.ts';

export interface OriginSettings {
  readonly corsOrigins: readonly string[];
  readonly corsCredentials: boolean;
}

/** Headers that let a page read an answer. */
export type CorsHeaders = Readonly<Record<string, string>>;

/** The same for all, since requests that wait keep them. */
const NO_HEADERS: CorsHeaders = {};

export class OriginPolicy {
  readonly #isListed: OriginList;
  readonly #isOpen: boolean;
  readonly #hasCredentials: boolean;
  readonly #ownPorts: readonly number[];
  readonly #appAllows: (origin: string) => boolean;

  /** @param appAllows asked last, about pages that nothing else lets in; MUST NOT throw */
  constructor(
    settings: OriginSettings,
    ownPorts: readonly number[],
    appAllows: (origin: string) => boolean,
  ) {
    this.#ownPorts = ownPorts;
    this.#isListed = originList(settings.corsOrigins);
    this.#isOpen = settings.corsOrigins.includes('*');
    this.#hasCredentials = settings.corsCredentials && !this.#isOpen;
    this.#appAllows = appAllows;
  }

  /**
   * What was asked for, as the client and the proxies in front of us say it. Their headers are
   * believed from anybody here: a page of another origin cannot send them, since browsers ask
   * first whether they may (a preflight, which goes without) and WebSockets take no headers.
   */
  #askedHost(headers: RequestHeaders): AskedHost {
    return {
      hosts: [headers.get('host') ?? '', ...forwardedHosts(headers)],
      ownPorts: this.#ownPorts,
      isProxied: PROXY_HEADERS.some((name) => headers.has(name)),
    };
  }

  /** Headers for the answer, or `undefined` when the page may not talk to us. */
  headersFor(headers: RequestHeaders): CorsHeaders | undefined {
    const origin = headers.get('origin');
    if (origin === null || isOwnOrigin(origin, this.#askedHost(headers))) return NO_HEADERS;
    if (this.#isOpen) return { 'access-control-allow-origin': '*' };
    if (!this.#isListed(origin) && !this.#appAllows(origin)) return undefined;
    const allowed = { 'access-control-allow-origin': origin, vary: 'Origin' };
    if (!this.#hasCredentials) return allowed;
    return { ...allowed, 'access-control-allow-credentials': 'true' };
  }
}

/** One of these is there when a proxy has passed a request on. */
const PROXY_HEADERS = ['x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'forwarded', 'via'];
/** Proxies in a row. */
const FORWARDED_HOSTS_MAX = 8;

/** Hosts in the two headers that proxies have for them. */
function forwardedHosts(headers: RequestHeaders): readonly string[] {
  const listed = headers.get('x-forwarded-host')?.split(',', FORWARDED_HOSTS_MAX) ?? [];
  const told = readForwarded(headers.get('forwarded') ?? '').flatMap(({ host }) => host ?? []);
  return [...listed, ...told.slice(-FORWARDED_HOSTS_MAX)];
}
