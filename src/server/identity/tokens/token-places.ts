/**
 * Where a client may have put its token, in the order in which it is looked for:
 *
 *     auth.token ─▶ Authorization: Bearer … (RFC 6750 §2.1) ─▶ query ─▶ cookie (RFC 6265 §4.2.1)
 *
 * The first place that has something decides. What is not looked at is not kept of a handshake, so
 * a client that presents its token as `auth` costs no byte for the rest.
 */

import type { Handshake } from '../../core/app/app.ts';

export interface PlaceNames {
  readonly query: string;
  /** Without one no cookie is looked at. */
  readonly cookie: string | undefined;
}

const BEARER = /^bearer(?: +|$)/i;

/** @returns what stands there, which need be no text; `undefined` when there is nothing */
export function presentedToken(handshake: Handshake, places: PlaceNames): unknown {
  if (Object.hasOwn(handshake.auth, 'token')) return handshake.auth['token'];
  const { headers } = handshake;
  return (
    bearerOf(headers['authorization']) ??
    handshake.query.get(places.query) ??
    (places.cookie === undefined ? undefined : cookieOf(headers['cookie'], places.cookie))
  );
}

/** Of another scheme it is no token: a proxy in front may have its own use for the header. */
function bearerOf(header: string | undefined): string | undefined {
  if (header === undefined || !BEARER.test(header)) return undefined;
  return header.replace(BEARER, '').trim();
}

/** The first of that name, without the quotes that may stand around it. */
function cookieOf(header: string | undefined, name: string): string | undefined {
  for (const pair of header?.split(';') ?? []) {
    const at = pair.indexOf('=');
    if (at === -1 || pair.slice(0, at).trim() !== name) continue;
    const value = pair.slice(at + 1).trim();
    return value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
  }
  return undefined;
}
