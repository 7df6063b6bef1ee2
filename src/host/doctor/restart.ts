/** Whether the next start of the host keeps what `--apply` has set. */

import { settingsIn, storedSetting } from '../machine/sysctl-files.ts';
import { type Check, type Finding, skipped } from './check.ts';
import { count } from './quantities.ts';
import { isRaise, RESERVED, SYSCTL_FILE } from './reach.ts';

const laterFiles: Check = {
  name: 'settings after a restart',
  symptom: 'any of the others, but only since the host has been started again',
  examine({ host }): Finding {
    const ours = Object.entries(settingsIn(host.text(SYSCTL_FILE) ?? ''));
    if (ours.length === 0) return skipped('--apply has stored none here');
    const lost = ours.flatMap(([name, value]) => {
      const stored = storedSetting(host, name);
      if (stored === undefined || stored.path === SYSCTL_FILE) return [];
      const isKept =
        name === RESERVED ? stored.value === value : isRaise(name, value, stored.value);
      return isKept ? [] : [{ ...stored, name, wanted: value }];
    });
    const [first] = lost;
    if (first === undefined) {
      const read = `${count(ours.length)} stored by --apply`;
      return { state: 'ok', read, needs: 'no file that sets them back' };
    }
    return {
      state: 'warning',
      read: lost.map(({ name, value, path }) => `${name} = ${value} in ${path}`).join('; '),
      needs: lost.map(({ name, wanted }) => `${name} = ${wanted}`).join('; '),
      consequence: `the host reads ${first.path} after ${SYSCTL_FILE}, and the last file counts`,
      // The file is somebody else's: no setting for --apply.
      fix: lost.map(({ name, path }) => {
        const pattern = name.replaceAll('.', '[./]');
        return `sed -i --follow-symlinks 's|^[ -]*${pattern} *=|# &|' ${path}`;
      }),
    };
  },
};

export const restartChecks: readonly Check[] = [laterFiles];
