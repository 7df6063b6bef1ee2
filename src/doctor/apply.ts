/**
 * `--apply` and `--undo`: makes the settings that warnings ask for, now and for later starts of the
 * host, and takes them back.
 *
 *     save what is → /etc files → /proc/sys → read back → save what was applied
 *
 * What is saved first survives a second run: `--undo` goes back to before the first one. No value
 * is lowered.
 */

import type { HostFiles } from '../machine/host-files.ts';
import { loginOpenFiles } from '../machine/login-limits.ts';
import { processStatus } from '../machine/process-limits.ts';
import { isSystemdRunning, serviceUnit } from '../machine/service-unit.ts';
import { readSysctl, sysctlNumber, sysctlPath, writeSysctl } from '../machine/sysctl.ts';
import type { Settings } from './check.ts';
import type { Diagnosis } from './diagnosis.ts';
import { LOGIN_LIMITS_FILE, loginLimitsText, SERVICE, UNIT_FILE, unitText } from './open-files.ts';
import type { Outlook } from './outlook.ts';
import { RANGE, RESERVED } from './ports.ts';
import { count } from './quantities.ts';
import {
  dropState,
  loadState,
  readWhole,
  removeFile,
  type SavedState,
  saveState,
  writeWhole,
} from './saved-state.ts';

export const SYSCTL_FILE = '/etc/sysctl.d/90-holdfast.conf';
const HEADER = '# Written by "holdfast doctor --apply"; "holdfast doctor --undo" removes it.\n';

/** One kernel setting or file that was changed, or that could not be. */
export interface Change {
  readonly name: string;
  /** What was done, or the reason why not, in words. */
  readonly done: string;
  readonly isDone: boolean;
}

export interface Changes {
  readonly settings: readonly Change[];
  readonly files: readonly Change[];
}

/** Runs a command of the host. */
export type RunCommand = (command: readonly string[]) => void;

interface WantedFile {
  readonly path: string;
  /** The text, or why the file is not written. */
  readonly text?: string;
  readonly reason?: string;
}

/** @throws the system's error when files of /etc or /var cannot be written */
export function apply(outlook: Outlook, diagnosis: Diagnosis, run: RunCommand): Changes {
  const { host } = outlook;
  const wanted = wantedSettings(host, diagnosis);
  const files = wantedFiles(outlook, wanted);
  const state = loadState(host) ?? { version: 1, settings: {}, files: {} };
  const names = Object.keys(wanted);
  if (names.length === 0 && files.every(({ text }) => text === undefined)) {
    return { settings: [], files: files.map(describeFile) };
  }
  for (const name of names) {
    state.settings[name] ??= { before: readSysctl(host, name) ?? '' };
  }
  for (const { path, text } of files) {
    if (text !== undefined && !(path in state.files)) {
      state.files[path] = readWhole(host.root + path);
    }
  }
  saveState(host, state);
  for (const { path, text } of files) {
    if (text !== undefined) writeWhole(host.root + path, HEADER + text);
  }
  const settings = names.map((name) => makeSetting(host, state, name, wanted[name] ?? ''));
  saveState(host, state);
  if (files.some(({ path, text }) => path === UNIT_FILE && text !== undefined)) reloadUnits(run);
  return { settings, files: files.map(describeFile) };
}

/** @returns undefined when there is nothing to undo */
export function undo(host: HostFiles, run: RunCommand): Changes | undefined {
  const state = loadState(host);
  if (state === undefined) return undefined;
  const settings = Object.keys(state.settings)
    .toReversed()
    .map((name) => restoreSetting(host, state, name));
  const files = Object.entries(state.files).map(([path, before]): Change => {
    if (before === null) removeFile(host.root + path);
    else writeWhole(host.root + path, before);
    return { name: path, done: before === null ? 'removed' : 'put back', isDone: true };
  });
  if (UNIT_FILE in state.files) reloadUnits(run);
  if (settings.every(({ isDone }) => isDone)) dropState(host);
  return { settings, files };
}

function wantedSettings(host: HostFiles, { checks }: Diagnosis): Settings {
  const all = checks.flatMap((check) =>
    check.state === 'warning' ? Object.entries(check.settings ?? {}) : [],
  );
  return Object.fromEntries(
    all.filter(([name, value]) => isRaise(name, readSysctl(host, name), value)),
  );
}

/** The last guard against a check that would lower a value. */
function isRaise(name: string, before: string | undefined, wanted: string): boolean {
  if (before === undefined) return false;
  if (name === RESERVED) return true;
  const now = before.split(' ').map(Number);
  const next = wanted.split(' ').map(Number);
  if (name === RANGE) return (next[0] ?? 0) <= (now[0] ?? 0) && (next[1] ?? 0) >= (now[1] ?? 0);
  return next.length === now.length && next.every((value, at) => value >= (now[at] ?? 0));
}

function makeSetting(host: HostFiles, state: SavedState, name: string, value: string): Change {
  const before = readSysctl(host, name) ?? '';
  try {
    writeSysctl(host, name, value);
  } catch (error) {
    return { name, done: `stays ${shown(before)}: ${reasonOf(error)}`, isDone: false };
  }
  const applied = readSysctl(host, name) ?? '';
  state.settings[name] = { before: state.settings[name]?.before ?? before, applied };
  return { name, done: `${shown(before)} → ${shown(applied)}`, isDone: applied !== before };
}

function restoreSetting(host: HostFiles, state: SavedState, name: string): Change {
  const { before = '', applied } = state.settings[name] ?? {};
  const now = readSysctl(host, name);
  if (now === undefined) {
    // A module that is no longer loaded takes its settings with it.
    const isGone = !host.has(sysctlPath(name));
    return { name, done: isGone ? 'is no more' : 'cannot be read', isDone: isGone };
  }
  if (now === before) return { name, done: `is ${shown(before)}`, isDone: true };
  if (applied !== undefined && now !== applied) {
    return { name, done: `left at ${shown(now)}: changed by someone else since`, isDone: true };
  }
  try {
    writeSysctl(host, name, before);
  } catch (error) {
    return { name, done: `stays ${shown(now)}: ${reasonOf(error)}`, isDone: false };
  }
  const after = readSysctl(host, name) ?? '';
  return { name, done: `${shown(now)} → ${shown(after)}`, isDone: after === before };
}

function wantedFiles(outlook: Outlook, settings: Settings): readonly WantedFile[] {
  return [sysctlFile(outlook.host, settings), loginFile(outlook, settings), unitFile(outlook)];
}

/** Keeps what an earlier run wrote: those values are in force, and so nothing asks for them. */
function sysctlFile(host: HostFiles, settings: Settings): WantedFile {
  const path = SYSCTL_FILE;
  if (Object.keys(settings).length === 0) return { path, reason: 'no kernel setting is wanting' };
  const earlier = (host.text(path) ?? '').matchAll(/^([\w.]+) = (.*)$/gm);
  const all = {
    ...Object.fromEntries([...earlier].map(([, name = '', value = '']) => [name, value])),
    ...settings,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}\n`);
  return { path, text: lines.join('') };
}

function loginFile({ host, openFiles, openFilesNeeded }: Outlook, settings: Settings): WantedFile {
  const path = LOGIN_LIMITS_FILE;
  const { uid = 0, mayRaiseLimits } = processStatus(host, 'self') ?? {};
  const hard = Math.max(openFiles?.hard ?? 0, loginOpenFiles(host, uid)?.hard ?? 0);
  if (hard >= openFilesNeeded) return { path, reason: `the limit is ${count(hard)} already` };
  if (!mayRaiseLimits) {
    const reason =
      'root may not raise limits here (CAP_SYS_RESOURCE is missing), and with this file a login ' +
      'would fail; whoever starts this container or machine sets the limit';
    return { path, reason };
  }
  const most = Number(settings['fs.nr_open'] ?? sysctlNumber(host, 'fs.nr_open') ?? 0);
  if (most < openFilesNeeded) return { path, reason: `fs.nr_open stays ${count(most)}` };
  return { path, text: loginLimitsText(openFilesNeeded) };
}

function unitFile({ host, openFilesNeeded }: Outlook): WantedFile {
  const path = UNIT_FILE;
  if (!isSystemdRunning(host)) return { path, reason: 'systemd does not run this host' };
  const limit = serviceUnit(host, SERVICE)?.openFiles?.hard ?? 0;
  if (limit >= openFilesNeeded) return { path, reason: `the unit has ${count(limit)} already` };
  if (!processStatus(host, 1)?.mayRaiseLimits) {
    return { path, reason: 'systemd may not raise limits here (CAP_SYS_RESOURCE is missing)' };
  }
  return { path, text: unitText(openFilesNeeded) };
}

function describeFile({ path, reason }: WantedFile): Change {
  const isDone = reason === undefined;
  return { name: path, done: isDone ? 'written' : `not written: ${reason}`, isDone };
}

function reloadUnits(run: RunCommand): void {
  run(['systemctl', 'daemon-reload']);
}

function shown(value: string): string {
  return value === '' ? 'nothing' : value;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
