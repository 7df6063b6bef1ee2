/** The open-file limit that a login gives a user, by /etc/security/limits.conf and limits.d. */

import type { HostFiles } from './host-files.ts';
import { UNLIMITED } from './process-limits.ts';

export interface LoginLimit {
  /** The file that sets it. */
  readonly path: string;
  readonly hard: number;
}

/** @returns undefined when no file sets a hard limit for the user */
export function loginOpenFiles(host: HostFiles, uid: number): LoginLimit | undefined {
  const user = userName(host, uid);
  const own = user === undefined ? undefined : openFilesOf(host, user);
  // The star is for everybody but root.
  return own ?? (uid === 0 ? undefined : openFilesOf(host, '*'));
}

/**
 * @param who the first word of the lines: a user, or the star
 * @returns undefined when no line for exactly this word sets a hard limit
 */
export function openFilesOf(host: HostFiles, who: string): LoginLimit | undefined {
  const folder = '/etc/security/limits.d';
  const files = host.names(folder).filter((name) => name.endsWith('.conf'));
  const paths = [
    '/etc/security/limits.conf',
    ...files.toSorted().map((name) => `${folder}/${name}`),
  ];
  let last: LoginLimit | undefined;
  for (const path of paths) {
    for (const line of (host.text(path) ?? '').split('\n')) {
      const [name, kind, item, value = ''] = line.replace(/#.*/, '').trim().split(/\s+/);
      if (name !== who || item !== 'nofile' || kind === 'soft') continue;
      last = { path, hard: valueOf(value) };
    }
  }
  return last;
}

function userName(host: HostFiles, uid: number): string | undefined {
  const users = (host.text('/etc/passwd') ?? '').split('\n').map((line) => line.split(':'));
  return users.find(([, , id]) => id === String(uid))?.[0];
}

function valueOf(word: string): number {
  return /^(unlimited|infinity|-1)$/.test(word) ? UNLIMITED : Number(word);
}
