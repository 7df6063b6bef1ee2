/**
 * Files that one user leaves for commands of the same user: a token, the hosts of a fleet. Nobody
 * else may read them, and what somebody else may have written is as good as none.
 *
 * They lie under the user's home or, where that is not the user's own or cannot be written, in a
 * folder of the user's among the temporary files. Not in the runtime folder, which services lack
 * and which ends with a login.
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
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder, and whose it must be with all that is in it. */
export interface Place {
  readonly folder: string;
  readonly user: number;
}

export const ROOT = 0;
const OTHERS_WRITE = 0o022;
const OTHERS_AT_ALL = 0o077;

/** Where files of this user lie, the better place first. */
export function placesOfUser(
  home: string = homeIfAny(),
  temporary: string = tmpdir(),
): readonly Place[] {
  const user = process.geteuid?.() ?? ROOT;
  // `sudo` may leave the home of whoever called it, where root is to leave nothing.
  const homes = isOf(user, statOf(home, statSync)) ? [home] : [];
  return [...homes.map((path) => inHome(path, user)), inTemporary(temporary, user)];
}

export function inHome(home: string, user: number): Place {
  return { folder: join(home, '.local', 'state', 'holdfast'), user };
}

export function inTemporary(temporary: string, user: number): Place {
  return { folder: join(temporary, `holdfast-${user}`), user };
}

/**
 * Writes it whole or not at all, with mode 0600.
 *
 * @returns its path
 * @throws Error of the system, or when the folder is not the user's alone
 */
export function writePrivate({ folder, user }: Place, name: string, text: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!isOf(user, statOf(folder))) {
    const message = `${folder} must be a folder that only this user can write to: remove it`;
    throw Object.assign(new Error(message), { code: 'EPERM' });
  }
  const path = join(folder, name);
  const next = `${path}.${process.pid}`;
  rmSync(next, { force: true });
  writeFileSync(next, text, { flag: 'wx', mode: 0o600 });
  // In one step: who reads it meanwhile gets the old one or the new one, and never a part.
  renameSync(next, path);
  return path;
}

/** @returns undefined when there is none, it is longer, or somebody else had a hand in it */
export function readPrivate(place: Place, name: string, bytesMax: number): string | undefined {
  if (!isOf(place.user, statOf(place.folder))) return undefined;
  let file: number;
  try {
    const path = join(place.folder, name);
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const stats = fstatSync(file);
    const isTheirs =
      stats.isFile() && stats.uid === place.user && (stats.mode & OTHERS_AT_ALL) === 0;
    return isTheirs && stats.size <= bytesMax ? readFileSync(file, 'utf8') : undefined;
  } catch {
    return undefined;
  } finally {
    closeSync(file);
  }
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

/** Empty in a container that knows no users, where no variable tells either. */
function homeIfAny(): string {
  try {
    return homedir();
  } catch {
    return '';
  }
}
