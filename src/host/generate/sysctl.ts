/**
 * Kernel settings for a number of connections, as a file of sysctl.d: what the doctor would set
 * with `--apply`, for those who bring settings to their hosts in another way.
 */

import type { Diagnosis } from '../doctor/diagnosis.ts';
import { count } from '../doctor/quantities.ts';
import { comment } from './deployment.ts';

/** @param diagnosis of the host that the file is for; settings that suffice are left out */
export function sysctlText(diagnosis: Diagnosis): string {
  const wanting = diagnosis.checks.flatMap((check) => (check.state === 'warning' ? [check] : []));
  const raised = wanting.filter(({ settings }) => Object.keys(settings ?? {}).length > 0);
  // A list of ports comes from two checks, the second of which has all.
  const last = new Map(
    raised.flatMap(({ name, settings }) => Object.keys(settings ?? {}).map((key) => [key, name])),
  );
  const blocks = raised.map(({ name, read, needs, settings = {} }) => {
    const lines = Object.entries(settings)
      .filter(([key]) => last.get(key) === name)
      .map(([key, value]) => `${key} = ${value}`);
    return [comment(`${name}: it is ${read}; needed: ${needs}.`), ...lines].join('\n');
  });
  const others = wanting.filter((check) => !raised.includes(check)).map(({ name }) => name);
  return `${[
    comment(
      `Kernel settings for ${count(diagnosis.connections)} connections on this host; written by ` +
        '"holdfast generate sysctl". Put it into /etc/sysctl.d/90-holdfast.conf, then: sysctl ' +
        '--system',
      ...(raised.length === 0 ? ['Nothing has to be raised here.'] : []),
      ...(others.length === 0
        ? []
        : [`No kernel setting mends these: ${others.join(', ')}; see "holdfast doctor".`]),
    ),
    ...blocks,
  ].join('\n\n')}\n`;
}
