/**
 * Tokens that nobody gave. Loopback is open to every user of a host, and giving orders is not for
 * all of them. So what listens there makes a token when it starts and leaves it in a file that its
 * user alone can read; commands of the same user, and of root, find it by use and port.
 *
 * The file lies under the user's home or, where that is not the user's own or cannot be written, in
 * a folder of the user's among the temporary files; both are looked into, whichever it was. Not in
 * the runtime folder, which services lack and which ends with a login. A folder or file that
 * belongs to somebody else, or that others may write, is as good as none.
 */

import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir, hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { isLoopback } from './loopback.ts';
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

/** A folder, and whose it must be with all that is in it. */
interface Place {
  readonly folder: string;
  readonly user: number;
}

const USUAL_ADDRESS = '127.0.0.1';
const OTHERS_WRITE = 0o022;
const OTHERS_AT_ALL = 0o077;
/** A token and a line end; more is no token of ours. */
const FILE_BYTES_MAX = 4_096;
const ROOT = 0;

/** Where tokens of this user lie, the better place first. */
export function placesOfUser(
  home: string = homeIfAny(),
  temporary: string = tmpdir(),
): readonly Place[] {
  const user = process.geteuid?.() ?? ROOT;
  // `sudo` may leave the home of whoever called it, where root is to leave nothing.
  const homes = isOf(user, statOf(home, statSync)) ? [home] : [];
  return [...homes.map((path) => inHome(path, user)), inTemporary(temporary, user)];
}

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
      const path = writeIn(place, use, token);
      const remove = (): void => {
        if (readOf(place.user, path) === token) rmSync(path, { force: true });
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
  for (const { folder, user } of places) {
    if (!isOf(user, statOf(folder))) continue;
    const token = readOf(user, join(folder, nameOf(use)));
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

/** Empty in a container that knows no users, where no variable tells either. */
function homeIfAny(): string {
  try {
    return homedir();
  } catch {
    return '';
  }
}

function inHome(home: string, user: number): Place {
  return { folder: join(home, '.local', 'state', 'holdfast'), user };
}

function inTemporary(temporary: string, user: number): Place {
  return { folder: join(temporary, `holdfast-${user}`), user };
}

function writeIn({ folder, user }: Place, use: TokenUse, token: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!isOf(user, statOf(folder))) {
    const message = `${folder} must be a folder that only this user can write to: remove it`;
    throw Object.assign(new Error(message), { code: 'EPERM' });
  }
  const path = join(folder, nameOf(use));
  const next = `${path}.${process.pid}`;
  rmSync(next, { force: true });
  writeFileSync(next, `${token}\n`, { flag: 'wx', mode: 0o600 });
  // In one step: who reads it meanwhile gets the old one or the new one, and never a part.
  renameSync(next, path);
  return path;
}

function readOf(user: number, path: string): string | undefined {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const stats = fstatSync(file);
    const isTheirs = stats.isFile() && stats.uid === user && (stats.mode & OTHERS_AT_ALL) === 0;
    if (!isTheirs || stats.size > FILE_BYTES_MAX) return undefined;
    const token = readFileSync(file, 'utf8').trim();
    return isToken(token) ? token : undefined;
  } catch {
    return undefined;
  } finally {
    closeSync(file);
  }
}

/** Hosts may share a home. The usual address, and those that it is part of, are not named. */
function nameOf({ of, port, host = USUAL_ADDRESS }: TokenUse): string {
  const isUsual = host === USUAL_ADDRESS || host === 'localhost' || !isLoopback(host);
  const address = isUsual ? '' : `-${encodeURIComponent(host)}`;
  return `${encodeURIComponent(hostname())}-${of}-${port}${address}.token`;
}

/** Whether it is a folder in which nobody but this user can have put anything. */
function isOf(user: number, stats: Stats | undefined): boolean {
  return stats?.isDirectory() === true && stats.uid === user && (stats.mode & OTHERS_WRITE) === 0;
}

/** Of a link, unless told to follow it: others can lay one where temporary files are. */
function statOf(path: string, read: (path: string) => Stats = lstatSync): Stats | undefined {
  try {
    return read(path);
  } catch {
    return undefined;
  }
}
