/**
 * `--apply` and `--undo`: makes the settings that warnings ask for, now and for later starts of the
 * host, and takes them back.
 *
 *     save what is → /proc/sys → read back → /etc files
 *
 * A login fails when limits.d allows more open files than fs.nr_open does. So that file comes last,
 * and is the first to go. What is saved first survives a second run: `--undo` goes back to before
 * the first one. No value is lowered.
 */

import type { HostFiles } from '../machine/host-files.ts';
import { processStatus } from '../machine/process-limits.ts';
import { defaultOpenFiles, isSystemdRunning, serviceUnit } from '../machine/service-unit.ts';
import { readSysctl, sysctlNumber, sysctlPath, writeSysctl } from '../machine/sysctl.ts';
import { settingsIn, storedSetting } from '../machine/sysctl-files.ts';
import type { Settings } from './check.ts';
import type { Diagnosis } from './diagnosis.ts';
import { loginLimitsText, loginOpenFilesNeeded, unitText } from './open-files.ts';
import type { Outlook } from './outlook.ts';
import { count, limitText } from './quantities.ts';
import { isRaise, LOGIN_LIMITS_FILE, SERVICE, SYSCTL_FILE, UNIT_FILE } from './reach.ts';
import {
  dropState,
  loadState,
  readWhole,
  removeFile,
  type SavedState,
  saveState,
  writeWhole,
} from './saved-state.ts';

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
  const state = loadState(host) ?? { version: 1, settings: {}, files: {} };
  const settings = makeSettings(host, state, wantedSettings(host, diagnosis));
  const sysctl = sysctlFile(host, state);
  writeFiles(host, state, [sysctl]);
  // Now fs.nr_open is what it will be, and the file says what it will be later.
  const limits = [loginFile(outlook), unitFile(outlook)];
  writeFiles(host, state, limits);
  if (limits.some(({ path, text }) => path === UNIT_FILE && text !== undefined)) reloadUnits(run);
  return { settings, files: [sysctl, ...limits].map(describeFile) };
}

/** @returns undefined when there is nothing to undo */
export function undo(host: HostFiles, run: RunCommand): Changes | undefined {
  const state = loadState(host);
  if (state === undefined) return undefined;
  const files = Object.entries(state.files).map(([path, before]): Change => {
    if (before === null) removeFile(host.root + path);
    else writeWhole(host.root + path, before);
    return { name: path, done: before === null ? 'removed' : 'put back', isDone: true };
  });
  const settings = Object.keys(state.settings)
    .toReversed()
    .map((name) => restoreSetting(host, state, name));
  if (UNIT_FILE in state.files) reloadUnits(run);
  if (settings.every(({ isDone }) => isDone)) dropState(host);
  return { settings, files };
}

function wantedSettings(host: HostFiles, { checks }: Diagnosis): Settings {
  const all = checks.flatMap((check) =>
    check.state === 'warning' ? Object.entries(check.settings ?? {}) : [],
  );
  return Object.fromEntries(
    all.filter(([name, value]) => {
      const before = readSysctl(host, name);
      return before !== undefined && isRaise(name, before, value);
    }),
  );
}

function makeSettings(host: HostFiles, state: SavedState, wanted: Settings): readonly Change[] {
  const all = Object.entries(wanted);
  if (all.length === 0) return [];
  // Without `applied`, should this run be cut off, all of them are put back whatever they are then.
  for (const [name] of all) {
    state.settings[name] = {
      before: state.settings[name]?.before ?? readSysctl(host, name) ?? '',
    };
  }
  saveState(host, state);
  const changes = all.map(([name, value]) => makeSetting(host, state, name, value));
  saveState(host, state);
  return changes;
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

function writeFiles(host: HostFiles, state: SavedState, files: readonly WantedFile[]): void {
  const texts = files.flatMap(({ path, text }) => (text === undefined ? [] : [{ path, text }]));
  if (texts.length === 0) return;
  for (const { path } of texts) {
    if (!(path in state.files)) state.files[path] = readWhole(host.root + path);
  }
  saveState(host, state);
  for (const { path, text } of texts) writeWhole(host.root + path, HEADER + text);
}

/**
 * What this run and earlier ones have set, also one that was cut off before it wrote the file. It
 * keeps what the file has: those values are in force, and so nothing asks for them.
 */
function sysctlFile(host: HostFiles, state: SavedState): WantedFile {
  const path = SYSCTL_FILE;
  const made = Object.entries(state.settings).flatMap(([name, { before, applied }]) => {
    const now = readSysctl(host, name);
    const isOurs = now !== undefined && now !== before && (applied ?? now) === now;
    return isOurs ? [[name, now] as const] : [];
  });
  if (made.length === 0) return { path, reason: 'no kernel setting has been raised' };
  const stored = settingsIn(host.text(path) ?? '');
  if (made.every(([name, value]) => stored[name] === value)) {
    return { path, reason: 'it has all that is wanting already' };
  }
  const all = { ...stored, ...Object.fromEntries(made) };
  const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}\n`);
  return { path, text: lines.join('') };
}

function loginFile(outlook: Outlook): WantedFile {
  const { host, openFilesNeeded } = outlook;
  const path = LOGIN_LIMITS_FILE;
  const text = loginLimitsText(outlook);
  if (text === '') {
    return { path, reason: `logins have ${count(openFilesNeeded)} or more already` };
  }
  if (!processStatus(host, 'self')?.mayRaiseLimits) {
    const reason =
      'root may not raise limits here (CAP_SYS_RESOURCE is missing, or it is that of a user ' +
      'namespace), and with this file a login would fail; whoever starts this container or ' +
      'machine sets the limit';
    return { path, reason };
  }
  const needed = loginOpenFilesNeeded(outlook);
  const most = sysctlNumber(host, 'fs.nr_open') ?? 0;
  if (most < needed) return { path, reason: `fs.nr_open stays ${count(most)}` };
  const later = storedSetting(host, 'fs.nr_open');
  if (later !== undefined && Number(later.value) < needed) {
    const reason =
      `${later.path} sets fs.nr_open to ${later.value} when the host starts, and then nobody ` +
      'could log in; raise it there and run this again';
    return { path, reason };
  }
  return { path, text };
}

function unitFile({ host, openFilesNeeded }: Outlook): WantedFile {
  const path = UNIT_FILE;
  if (!isSystemdRunning(host)) return { path, reason: 'systemd does not run this host' };
  const limit = serviceUnit(host, SERVICE)?.openFiles?.hard ?? defaultOpenFiles(host);
  if (limit >= openFilesNeeded) {
    return { path, reason: `the unit has ${limitText(limit)} already` };
  }
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
