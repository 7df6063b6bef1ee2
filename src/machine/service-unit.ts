/**
 * What systemd is told of a service and what runs of it, read from the files: unit, drop-ins and
 * the service's control group. Nothing is asked of systemd itself, so that it also works where its
 * bus does not answer.
 */

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
  const files = [path, ...dropIns(host, name)];
  const openFiles = files
    .map((file) => lastLimit(host.text(file) ?? ''))
    .findLast((limit) => limit !== undefined);
  return { path, openFiles, pids: servicePids(host, name) };
}

/** Drop-ins apply in the order of their names, whatever their folder. */
function dropIns(host: HostFiles, name: string): readonly string[] {
  const byName = new Map<string, string>();
  for (const folder of UNIT_FOLDERS.toReversed()) {
    for (const file of host.names(`${folder}/${name}.d`)) {
      if (file.endsWith('.conf')) byName.set(file, `${folder}/${name}.d/${file}`);
    }
  }
  return [...byName].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path);
}

/** `LimitNOFILE=1024:524288`, one number for both, or `infinity`. */
function lastLimit(text: string): ResourceLimit | undefined {
  const values = [...text.matchAll(/^\s*LimitNOFILE\s*=\s*(\w+)(?::(\w+))?\s*$/gm)].at(-1);
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
