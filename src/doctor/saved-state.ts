/**
 * What the host was like before `--apply`, kept in one file so that `--undo` can put it back, after
 * any number of runs and a restart in between.
 */

import { mkdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { HostFiles } from '../machine/host-files.ts';

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
 * @throws Error when the file is not one of ours
 */
export function loadState(host: HostFiles): SavedState | undefined {
  const text = host.text(STATE_FILE);
  if (text === undefined) return undefined;
  const state = parse(text);
  if (state?.version !== 1) {
    throw new Error(`${host.root}${STATE_FILE} cannot be read; correct or remove it.`);
  }
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
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
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
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function parse(text: string): SavedState | undefined {
  try {
    return JSON.parse(text) as SavedState;
  } catch {
    return undefined;
  }
}
