/** Which kernel settings the next start of the host makes: what stands in the files of sysctl.d. */

import { configFiles } from './config-files.ts';
import type { HostFiles } from './host-files.ts';
import { isSystemdRunning } from './service-unit.ts';

export interface StoredSetting {
  /** The file that sets it last, which is the one that counts. */
  readonly path: string;
  /** With single spaces between its parts. */
  readonly value: string;
}

const FOLDERS = [
  '/etc/sysctl.d',
  '/run/sysctl.d',
  '/usr/local/lib/sysctl.d',
  '/usr/lib/sysctl.d',
  '/lib/sysctl.d',
];
/** The `sysctl` of other systems reads it after all others; that of systemd does not read it. */
const LAST_FILE = '/etc/sysctl.conf';

/** @returns undefined when no file sets it, so that the default of the kernel or systemd holds */
export function storedSetting(host: HostFiles, name: string): StoredSetting | undefined {
  const files = configFiles(host, FOLDERS);
  const paths = isSystemdRunning(host) ? files : [...files, LAST_FILE];
  return paths
    .flatMap((path) => {
      const value = settingsIn(host.text(path) ?? '')[name];
      return value === undefined ? [] : [{ path, value }];
    })
    .at(-1);
}

/** The settings in the text of one file by their names; the last line for a name counts. */
export function settingsIn(text: string): Readonly<Record<string, string>> {
  // A line may start with a dash: errors do not matter. Names may have slashes for the dots.
  const lines = text.matchAll(/^\s*-?\s*([\w./-]+)[^\S\n]*=[^\S\n]*(.*)$/gm);
  return Object.fromEntries(
    [...lines].map(([, name = '', value = '']) => [
      name.replaceAll('/', '.'),
      value.trim().replaceAll(/\s+/g, ' '),
    ]),
  );
}
