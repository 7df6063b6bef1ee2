/** Configuration in pieces: files `*.conf` in several folders, as systemd and sysctl read them. */

import type { HostFiles } from './host-files.ts';

/**
 * The files that count, in the order in which they are read: by name, whatever their folder.
 * @param folders of files with the same name only that in the first folder counts
 */
export function configFiles(host: HostFiles, folders: readonly string[]): readonly string[] {
  const byName = new Map<string, string>();
  for (const folder of folders.toReversed()) {
    for (const file of host.names(folder)) {
      if (file.endsWith('.conf')) byName.set(file, `${folder}/${file}`);
    }
  }
  return [...byName].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path);
}
