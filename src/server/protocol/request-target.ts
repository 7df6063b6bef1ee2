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

export function requestTarget(url: string): RequestTarget {
  const start = url.startsWith('/') ? 0 : url.indexOf('/', url.indexOf('://') + 3);
  const question = url.indexOf('?', start);
  if (question === -1) return { path: url.slice(start), query: '' };
  return { path: url.slice(start, question), query: url.slice(question + 1) };
}
