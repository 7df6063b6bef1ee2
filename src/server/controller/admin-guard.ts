/**
 * Who may use the admin API.
 *
 * With a configured token, whoever presents it. Without one the port is on loopback, where other
 * users of the host and web pages in its browsers are left to fear. All may look; who acts presents
 * the token that the node left for its user (host/access/left-token.ts). A page can point its own
 * name at 127.0.0.1 (DNS rebinding), so the Host header must not be a name from outside; and it can
 * send simple requests across origins, which the content type of POST rules out (admin-body.ts).
 */
import { isIP } from 'node:net';
import { bearerCheck } from '../../host/access/token.ts';
import { HttpError } from './http-error.ts';

/** Throws HttpError unless the request may pass. */
export type Guard = (request: Request) => void;

/** What opens the admin port. */
export interface AdminKeys {
  /** From the configuration: wanted for everything but probes. */
  readonly configured: string | undefined;
  /** Made at start where none is configured: wanted for what acts. */
  readonly left: { readonly token: string; readonly path: string } | undefined;
}

/** The guard of what only looks. */
export function guardOfReading({ configured }: AdminKeys): Guard {
  return configured === undefined ? requireLocalHost : requireToken(configured, ASK);
}

/** The guard of what acts on the node. */
export function guardOfActing({ configured, left }: AdminKeys): Guard {
  if (configured !== undefined) return requireToken(configured, ASK);
  if (left === undefined) return refuseAll;
  const where = `${ASK.slice(0, -1)}; it lies in ${left.path}, for the user of the node only.`;
  const hasToken = requireToken(left.token, where);
  return (request) => {
    requireLocalHost(request);
    hasToken(request);
  };
}

const ASK = 'Send the admin token as "Authorization: Bearer <token>".';

function refuseAll(): never {
  throw new HttpError(
    403,
    'No token could be left for the user of the node (see its log): set adminToken.',
  );
}

function requireToken(token: string, message: string): Guard {
  const isPresented = bearerCheck(token);
  return (request) => {
    if (isPresented(request.headers.get('authorization'))) return;
    throw new HttpError(401, message, {
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
