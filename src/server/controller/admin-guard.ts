/**
 * Who may use the admin API.
 *
 * With a token, whoever presents it. Without one the port is on loopback, and what is left to fear
 * is a web page in a browser on the same host. A page can point its own name at 127.0.0.1 (DNS
 * rebinding), so the Host header must not be a name from outside; and it can send simple requests
 * across origins, which the content type of POST rules out (admin-body.ts).
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { HttpError } from './http-error.ts';

/** Throws HttpError unless the request may pass. */
export type Guard = (request: Request) => void;

export function createGuard(token: string | undefined): Guard {
  return token === undefined ? requireLocalHost : requireToken(token);
}

function requireToken(token: string): Guard {
  const expected = digest(token);
  return (request) => {
    const [scheme, presented = ''] = (request.headers.get('authorization') ?? '').split(' ');
    // Digests have one length, so the comparison tells nothing about the token's.
    if (timingSafeEqual(digest(presented), expected) && scheme?.toLowerCase() === 'bearer') return;
    throw new HttpError(401, 'Send the admin token as "Authorization: Bearer <token>".', {
      'www-authenticate': 'Bearer',
    });
  };
}

function requireLocalHost(request: Request): void {
  const host = URL.parse(`http://${request.headers.get('host') ?? ''}`)?.hostname ?? '';
  const isLiteral = isIP(host.replace(/^\[|\]$/g, '')) !== 0;
  if (isLiteral || host === 'localhost' || host.endsWith('.localhost')) return;
  throw new HttpError(
    403,
    'Use localhost or an IP address in the URL, or set an admin token: without one, other host ' +
      'names are refused.',
  );
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
