/**
 * What the host was like before `--apply`, kept in one file so that `--undo` can put it back, after
 * any number of runs and a restart in between.
 *
 * Root writes what the file says into files of /etc, so that nobody else may have written it.
 * Texts of files are read and written byte by byte (latin1): they come back as they were, whatever
 * their encoding.
 */

import {
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';
import { parsedOrNothing } from '../foreign/parsed.ts';
import type { HostFiles } from '../machine/host-files.ts';
import { FILES, SETTINGS } from './reach.ts';

export const STATE_FILE = '/var/lib/holdfast/doctor-before.json';

export interface SavedState {
  readonly version: 1;
  /** Kernel settings by name, in the order in which they were made. */
  readonly settings: Record<string, SavedSetting>;
  /** What stood in files by their paths; null where there was none. */
  readonly files: Record<string, string | null>;
}

export interface SavedSetting {
  readonly before: string;
  /** As read back; absent when the doctor was stopped in between. */
  readonly applied?: string;
}

/**
 * @returns undefined when nothing has been applied
 * @throws Error when the file is not one of ours, or others may have written it
 */
export function loadState(host: HostFiles): SavedState | undefined {
  const path = host.root + STATE_FILE;
  if (!isOurs(dirname(path), 'directory') || !isOurs(path, 'file')) return undefined;
  const state = parsedOrNothing(readFileSync(path, 'latin1'));
  if (!isState(state)) throw new Error(`${path} cannot be read; correct or remove it.`);
  return state;
}

export function saveState(host: HostFiles, state: SavedState): void {
  writeWhole(host.root + STATE_FILE, `${JSON.stringify(state, null, 2)}\n`);
}

export function dropState(host: HostFiles): void {
  removeFile(host.root + STATE_FILE);
}

/** Whoever reads the file sees the old or the new text, and nothing in between. */
export function writeWhole(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  const draft = `${path}.new`;
  // What an earlier run left, or a link that somebody put there: only a new file is written to.
  rmSync(draft, { force: true });
  writeFileSync(draft, text, { encoding: 'latin1', flag: 'wx', mode: 0o644 });
  renameSync(draft, path);
}

/** Removes the file, and its directory if that was made for Holdfast and is empty now. */
export function removeFile(path: string): void {
  rmSync(path, { force: true });
  if (!basename(dirname(path)).startsWith('holdfast')) return;
  try {
    rmdirSync(dirname(path));
  } catch {
    // Something else is in it.
  }
}

export function readWhole(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return null;
  }
}

/**
 * @returns false when there is nothing at this path
 * @throws Error when it is a link, belongs to somebody else, or others may write it
 */
function isOurs(path: string, kind: 'directory' | 'file'): boolean {
  let found: ReturnType<typeof lstatSync>;
  try {
    found = lstatSync(path);
  } catch {
    return false;
  }
  const isKind = kind === 'file' ? found.isFile() : found.isDirectory();
  // The doctor that changes settings is run by root.
  if (isKind && found.uid === process.geteuid?.() && (found.mode & 0o022) === 0) return true;
  throw new Error(
    `${path} must be a ${kind} of root that nobody else may write; correct or remove it.`,
  );
}

function isState(state: unknown): state is SavedState {
  if (!isRecord(state) || state['version'] !== 1) return false;
  const { settings, files } = state;
  return (
    isRecord(settings) &&
    Object.entries(settings).every(
      ([name, value]) => SETTINGS.includes(name) && isSetting(value),
    ) &&
    isRecord(files) &&
    Object.entries(files).every(
      ([path, text]) => FILES.includes(path) && (text === null || typeof text === 'string'),
    )
  );
}

function isSetting(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { before, applied = '' } = value;
  return typeof before === 'string' && typeof applied === 'string';
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
