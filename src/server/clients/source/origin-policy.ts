/**
 * Which web pages may talk to this server.
 *
 * A request without an `Origin` comes from no page and passes; one from a page of the same host
 * passes; any other page must be on the allow-list, or the app must say yes. The same holds for
 * WebSocket handshakes, which browsers do not guard. Source: the Fetch standard, "CORS protocol".
 */

import { isOwnOrigin, type OriginList, originList } from '../../protocol/origin.ts';

export interface OriginSettings {
  readonly corsOrigins: readonly string[];
  readonly corsCredentials: boolean;
}

/** Headers that let a page read an answer. */
export type CorsHeaders = Readonly<Record<string, string>>;

export class OriginPolicy {
  readonly #isListed: OriginList;
  readonly #isOpen: boolean;
  readonly #hasCredentials: boolean;
  readonly #appAllows: (origin: string) => boolean;

  /** @param appAllows asked last, about pages that nothing else lets in; MUST NOT throw */
  constructor(settings: OriginSettings, appAllows: (origin: string) => boolean) {
    this.#isListed = originList(settings.corsOrigins);
    this.#isOpen = settings.corsOrigins.includes('*');
    this.#hasCredentials = settings.corsCredentials && !this.#isOpen;
    this.#appAllows = appAllows;
  }

  /** Headers for the answer, or `undefined` when the page may not talk to us. */
  headersFor(headers: Headers): CorsHeaders | undefined {
    const origin = headers.get('origin');
    if (origin === null || isOwnOrigin(origin, hostsOf(headers))) return {};
    if (this.#isOpen) return { 'access-control-allow-origin': '*' };
    if (!this.#isListed(origin) && !this.#appAllows(origin)) return undefined;
    const allowed = { 'access-control-allow-origin': origin, vary: 'Origin' };
    if (!this.#hasCredentials) return allowed;
    return { ...allowed, 'access-control-allow-credentials': 'true' };
  }
}

/**
 * What was asked for, as the client and the proxies in front of us say it. `X-Forwarded-Host` is
 * believed from anybody here: a page of another origin cannot send it, since browsers ask first
 * whether they may (a preflight, which goes without it) and WebSockets take no headers at all.
 */
function hostsOf(headers: Headers): readonly string[] {
  const forwarded = headers.get('x-forwarded-host');
  const host = headers.get('host') ?? '';
  return forwarded === null ? [host] : [host, ...forwarded.split(',', FORWARDED_HOSTS_MAX)];
}

/** Proxies in a row. */
const FORWARDED_HOSTS_MAX = 8;
