/**
 * Which web pages may talk to this server.
 *
 * A request without an `Origin` comes from no page and passes; one from a page of the same host
 * passes; any other page must be on the allow-list. The same holds for WebSocket handshakes, which
 * browsers do not guard. Source: the Fetch standard, "CORS protocol".
 */

export interface CorsPolicy {
  readonly corsOrigins: readonly string[];
  readonly corsCredentials: boolean;
}

/** Headers for the answer, or `undefined` when the page may not talk to us. */
export function corsHeaders(
  headers: Headers,
  policy: CorsPolicy,
): Readonly<Record<string, string>> | undefined {
  const origin = headers.get('origin');
  if (origin === null || isSameHost(origin, headers.get('host'))) return {};
  const isOpen = policy.corsOrigins.includes('*');
  if (!isOpen && !policy.corsOrigins.includes(origin)) return undefined;
  const allowed: Record<string, string> = {
    'access-control-allow-origin': isOpen ? '*' : origin,
    vary: 'Origin',
  };
  if (policy.corsCredentials && !isOpen) allowed['access-control-allow-credentials'] = 'true';
  return allowed;
}

function isSameHost(origin: string, host: string | null): boolean {
  const scheme = origin.indexOf('://');
  return scheme !== -1 && host !== null && origin.slice(scheme + 3) === host;
}
