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
  const folder = '/etc/security/limits.d';
  const files = host.names(folder).filter((name) => name.endsWith('.conf'));
  const paths = [
    '/etc/security/limits.conf',
    ...files.toSorted().map((name) => `${folder}/${name}`),
  ];
  const found: { isOwn: boolean; limit: LoginLimit }[] = [];
  for (const path of paths) {
    for (const line of (host.text(path) ?? '').split('\n')) {
      const [who, kind, item, value = ''] = line.replace(/#.*/, '').trim().split(/\s+/);
      // The star is for everybody but root.
      const isFor = who === user || (who === '*' && uid !== 0);
      if (!isFor || item !== 'nofile' || kind === 'soft') continue;
      found.push({ isOwn: who === user, limit: { path, hard: valueOf(value) } });
    }
  }
  return (found.findLast(({ isOwn }) => isOwn) ?? found.at(-1))?.limit;
}

function userName(host: HostFiles, uid: number): string | undefined {
  const users = (host.text('/etc/passwd') ?? '').split('\n').map((line) => line.split(':'));
  return users.find(([, , id]) => id === String(uid))?.[0];
}

function valueOf(word: string): number {
  return /^(unlimited|infinity|-1)$/.test(word) ? UNLIMITED : Number(word);
}
