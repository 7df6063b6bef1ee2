/**
 * Folders with the sockets of a node. Whoever can enter one speaks for the node, so it is the
 * user's own and closed to all others.
 *
 * Each process that listens in one leaves its mark there. A node that was killed leaves its folder;
 * the next one clears it away when everybody who left a mark in it is gone. Folders without marks,
 * of others, or with anything else in them, are let alone.
 */

import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { lifeOf, ownIdentity } from '../../../host/machine/process-identity.ts';

const PREFIX = 'holdfast-';
/** As `mkdtemp` makes it. */
const FOLDER_NAME = /^holdfast-[A-Za-z0-9]{6}$/;
const MARK = '.pid';
const MARK_BYTES_MAX = 1_024;
const OURS = /\.(pid|sock)$/;
const OTHERS_AT_ALL = 0o077;

/** Makes a new one. @throws Error of the system */
export function makeSocketFolder(parent: string): string {
  mkdirSync(parent, { recursive: true });
  return mkdtempSync(join(parent, PREFIX));
}

/**
 * Makes a folder again that a cleaner of temporary files has removed.
 *
 * @throws Error when it is there and is not this user's alone
 */
export function ensureSocketFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (isOwn(lstatSync(folder))) return;
  throw new Error(`${folder} belongs to somebody else, or others can enter it`);
}

/** Whether somebody has said that a process lives here. @param name of what it is there */
export function hasMark(folder: string, name: string): boolean {
  return existsSync(join(folder, name + MARK));
}

/** Says that this process lives here. */
export function leaveMark(folder: string, name: string): void {
  const path = join(folder, name + MARK);
  rmSync(path, { force: true });
  writeFileSync(path, ownIdentity(), { flag: 'wx', mode: 0o600 });
}

/** Removes folders in which nobody lives any more. @returns their paths */
export function clearLeftFolders(parent: string): readonly string[] {
  const folders = tryTo(() => readdirSync(parent)) ?? [];
  return folders
    .filter((name) => FOLDER_NAME.test(name))
    .map((name) => join(parent, name))
    .filter((folder) => tryTo(() => clearIfLeft(folder)) === true);
}

function clearIfLeft(folder: string): boolean {
  if (!isOwn(lstatSync(folder))) return false;
  const names = readdirSync(folder);
  const marks = names.filter((name) => name.endsWith(MARK));
  if (marks.length === 0 || !names.every((name) => OURS.test(name))) return false;
  if (!marks.every((name) => isGone(join(folder, name)))) return false;
  for (const name of names) rmSync(join(folder, name));
  rmdirSync(folder);
  return true;
}

function isGone(mark: string): boolean {
  const stats = lstatSync(mark);
  if (!stats.isFile() || stats.size > MARK_BYTES_MAX) return false;
  return lifeOf(readFileSync(mark, 'utf8')) === 'gone';
}

function isOwn(stats: Stats): boolean {
  const isMine = stats.uid === (process.geteuid?.() ?? stats.uid);
  return stats.isDirectory() && isMine && (stats.mode & OTHERS_AT_ALL) === 0;
}

function tryTo<Result>(call: () => Result): Result | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}
