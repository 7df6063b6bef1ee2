/**
 * A folder that only this user can enter, for what one command leaves for another to find.
 *
 * It is the user's runtime folder where the system has one, and else one in the folder for
 * temporary files, which others may write to: so one that is there already is used only when it is
 * this user's own, no link, and closed to others.
 */

import { lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const OTHERS = 0o077;

/** Where the folder is, whether it is there or not. */
export function privateFolderPath(environment: NodeJS.ProcessEnv = process.env): string {
  const runtime = environment['XDG_RUNTIME_DIR'];
  if (runtime?.startsWith('/') === true && isPrivate(runtime)) return join(runtime, 'holdfast');
  return join(tmpdir(), `holdfast-${process.getuid?.() ?? 'user'}`);
}

/**
 * Makes the folder when it is not there.
 *
 * @throws Error when what stands in its place is not this user's alone
 */
export function makePrivateFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const path = privateFolderPath(environment);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  if (isPrivate(path)) return path;
  throw new Error(`${path} must be a folder that only this user can enter: remove it`);
}

/** The folders of all users; only root may look into those of others. */
export function privateFoldersOfAll(): readonly string[] {
  return [
    ...list('/run/user').map((name) => join('/run/user', name, 'holdfast')),
    ...list(tmpdir())
      .filter((name) => /^holdfast-\d+$/.test(name))
      .map((name) => join(tmpdir(), name)),
  ];
}

function isPrivate(path: string): boolean {
  try {
    const { uid, mode, isDirectory } = readStatus(path);
    return isDirectory && uid === process.getuid?.() && (mode & OTHERS) === 0;
  } catch {
    return false;
  }
}

function readStatus(path: string): { uid: number; mode: number; isDirectory: boolean } {
  const status = lstatSync(path);
  return { uid: status.uid, mode: status.mode, isDirectory: status.isDirectory() };
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
