/**
 * Tokens that nobody gave. Loopback is open to every user of a host, and giving orders is not for
 * all of them. So what listens there makes a token when it starts and leaves it in a file that its
 * user alone can read (private-file.ts); commands of the same user, and of root, find it by use and
 * port, in whichever of the user's places it was left.
 */

import { readFileSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { isLoopback } from './loopback.ts';
import {
  inHome,
  inTemporary,
  type Place,
  placesOfUser,
  ROOT,
  readPrivate,
  writePrivate,
} from './private-file.ts';
import { isToken, makeToken } from './token.ts';

/** What a token is for, and where it is wanted. */
export interface TokenUse {
  readonly of: 'admin' | 'fleet-control' | 'fleet-agent';
  readonly port: number;
  /** The address that listens; each one of loopback may have another process on a port. */
  readonly host?: string;
}

/** A token that was left for commands. */
export interface LeftToken {
  readonly token: string;
  readonly path: string;
  /** Takes it away again, unless another one has been left in its place since. */
  readonly remove: () => void;
}

const USUAL_ADDRESS = '127.0.0.1';
/** A token and a line end; more is no token of ours. */
const FILE_BYTES_MAX = 4_096;

/**
 * @param token made up unless it is known already
 * @throws Error of the system when there is no place where only this user reads it
 */
export function leaveToken(
  use: TokenUse,
  token: string = makeToken(),
  places: readonly Place[] = placesOfUser(),
): LeftToken {
  let fault: unknown;
  for (const place of places) {
    try {
      const path = writePrivate(place, nameOf(use), `${token}\n`);
      const remove = (): void => {
        if (readToken(place, use) === token) rmSync(path, { force: true });
      };
      return { token, path, remove };
    } catch (error) {
      fault = error;
    }
  }
  throw fault;
}

/** @returns undefined when none was left for this user on this host */
export function findToken(
  use: TokenUse,
  places: readonly Place[] = [...placesOfUser(), ...placesOfOthers()],
): string | undefined {
  for (const place of places) {
    const token = readToken(place, use);
    if (token !== undefined) return token;
  }
  // This name may be that address alone.
  return use.host === 'localhost' ? findToken({ ...use, host: '::1' }, places) : undefined;
}

/** The token that was left for a URL; undefined as well for one that is not of this host. */
export function findTokenOf(of: TokenUse['of'], url: string): string | undefined {
  const { protocol, hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  if (!isLoopback(host)) return undefined;
  const number = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
  return findToken({ of, port: number, host });
}

/** For root, which may steer what users run. */
function placesOfOthers(): readonly Place[] {
  if (process.geteuid?.() !== ROOT) return [];
  let users = '';
  try {
    users = readFileSync('/etc/passwd', 'utf8');
  } catch {
    // Root still finds its own.
  }
  return users.split('\n').flatMap((line) => {
    const [, , id = '', , , home = ''] = line.split(':');
    if (!/^[1-9]\d*$/.test(id)) return [];
    const user = Number(id);
    return [inHome(home, user), inTemporary(tmpdir(), user)];
  });
}

function readToken(place: Place, use: TokenUse): string | undefined {
  const token = readPrivate(place, nameOf(use), FILE_BYTES_MAX)?.trim();
  return token !== undefined && isToken(token) ? token : undefined;
}

/** Hosts may share a home. The usual address, and those that it is part of, are not named. */
function nameOf({ of, port, host = USUAL_ADDRESS }: TokenUse): string {
  const isUsual = host === USUAL_ADDRESS || host === 'localhost' || !isLoopback(host);
  const address = isUsual ? '' : `-${encodeURIComponent(host)}`;
  return `${encodeURIComponent(hostname())}-${of}-${port}${address}.token`;
}
