/**
 * What systemd is told of a service and what runs of it, read from the files: unit, drop-ins and
 * the service's control group. Nothing is asked of systemd itself, so that it also works where its
 * bus does not answer.
 */

import { configFiles } from './config-files.ts';
import type { HostFiles } from './host-files.ts';
import { type ResourceLimit, UNLIMITED } from './process-limits.ts';

export interface ServiceUnit {
  /** The unit file. */
  readonly path: string;
  /** As configured; undefined when the unit says nothing and systemd's default holds. */
  readonly openFiles: ResourceLimit | undefined;
  /** Processes of the service that run now. */
  readonly pids: readonly number[];
}

/** What systemd gives a service whose unit names no limit, unless its own configuration does. */
const OPEN_FILES_DEFAULT = 524_288;

/** The first that has the unit wins, drop-ins of all of them are read. */
const UNIT_FOLDERS = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
];

/** systemd is what started this host, not merely installed on it. */
export function isSystemdRunning(host: HostFiles): boolean {
  return host.has('/run/systemd/system');
}

/** @returns undefined when there is no such unit */
export function serviceUnit(host: HostFiles, name: string): ServiceUnit | undefined {
  const path = UNIT_FOLDERS.map((folder) => `${folder}/${name}`).find((file) => host.has(file));
  if (path === undefined) return undefined;
  const dropIns = configFiles(
    host,
    UNIT_FOLDERS.map((folder) => `${folder}/${name}.d`),
  );
  const openFiles = lastLimit(host, [path, ...dropIns]);
  return { path, openFiles, pids: servicePids(host, name) };
}

/** The hard limit of a service whose unit names none: of systemd's configuration or its own. */
export function defaultOpenFiles(host: HostFiles): number {
  // They lie beside the folders of the units: /etc/systemd/system.conf and system.conf.d.
  const paths = UNIT_FOLDERS.map((folder) => `${folder}.conf`);
  const main = paths.filter((path) => host.has(path)).slice(0, 1);
  const dropIns = configFiles(
    host,
    paths.map((path) => `${path}.d`),
  );
  return lastLimit(host, [...main, ...dropIns])?.hard ?? OPEN_FILES_DEFAULT;
}

/** `LimitNOFILE=1024:524288`, one number for both, or `infinity`; the last of all files holds. */
function lastLimit(host: HostFiles, files: readonly string[]): ResourceLimit | undefined {
  const text = files.map((file) => host.text(file) ?? '').join('\n');
  const pattern = /^\s*(?:Default)?LimitNOFILE\s*=\s*(\w+)(?::(\w+))?\s*$/gm;
  const values = [...text.matchAll(pattern)].at(-1);
  if (values === undefined) return undefined;
  const [, soft = '', hard = soft] = values;
  return { soft: valueOf(soft), hard: valueOf(hard) };
}

function valueOf(word: string): number {
  return word === 'infinity' ? UNLIMITED : Number(word);
}

function servicePids(host: HostFiles, name: string): readonly number[] {
  return (
    [`/sys/fs/cgroup/system.slice/${name}`, `/sys/fs/cgroup/systemd/system.slice/${name}`]
      .map((group) => host.integers(`${group}/cgroup.procs`))
      .find((pids) => pids !== undefined) ?? []
  );
}
