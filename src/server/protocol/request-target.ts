/**
 * Path and query of a request's URL, without parsing the rest.
 *
 * Bun gives the path alone as the URL when the `Host` header is missing or no host, as in HAProxy's
 * checks in HTTP/1.0; `new URL` would throw on some of the others.
 */

export interface RequestTarget {
  readonly path: string;
  /** Without the question mark; empty when there is none. */
  readonly query: string;
}

/** A URL that names no path has the path `/`; `*` and a host alone are taken for the path. */
export function requestTarget(url: string): RequestTarget {
  const start = url.startsWith('/') ? 0 : pathStart(url);
  const question = url.indexOf('?', start);
  if (question === -1) return { path: url.slice(start) || '/', query: '' };
  return { path: url.slice(start, question) || '/', query: url.slice(question + 1) };
}

/** Behind the host, which ends with whatever comes first: the path, the query, or the URL. */
function pathStart(url: string): number {
  const scheme = url.indexOf('://');
  if (scheme === -1) return 0;
  const host = scheme + 3;
  const slash = url.indexOf('/', host);
  const question = url.indexOf('?', host);
  if (slash === -1) return question === -1 ? url.length : question;
  return question === -1 ? slash : Math.min(slash, question);
}
