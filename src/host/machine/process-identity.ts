/**
 * Which process left something, told from any other that has had its number: by the time it was
 * started, the boot of the machine, and the world in which numbers of processes count.
 */

import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** What is known of a process by its identity; of another host or container nothing is. */
export type Life = 'alive' | 'gone' | 'unknown';

/** Where there is no `/proc`. */
const NOT_KNOWN = '-';

/** Of this process, as one line of text. */
export function ownIdentity(): string {
  return [process.pid, startTime(process.pid) ?? NOT_KNOWN, ...world()].join(' ');
}

/** @param identity as `ownIdentity` gave it to some process */
export function lifeOf(identity: string): Life {
  const [pid = '', start, boot, namespace, host, ...rest] = identity.trim().split(' ');
  if (!/^[1-9]\d{0,9}$/.test(pid) || host === undefined || rest.length > 0) return 'unknown';
  const [ownBoot, ownNamespace, ownHost] = world();
  if (host !== ownHost || namespace !== ownNamespace) return 'unknown';
  if (boot !== ownBoot) return 'gone';
  if (start !== NOT_KNOWN) return startTime(Number(pid)) === start ? 'alive' : 'gone';
  try {
    process.kill(Number(pid), 0);
    return 'alive';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH' ? 'gone' : 'alive';
  }
}

function world(): readonly [boot: string, namespace: string, host: string] {
  const boot = tryTo(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim());
  const namespace = tryTo(() => readlinkSync('/proc/self/ns/pid'));
  return [boot ?? NOT_KNOWN, namespace ?? NOT_KNOWN, encodeURIComponent(hostname())];
}

/** In ticks since the boot; undefined when there is no such process, or none but for its parent. */
function startTime(pid: number): string | undefined {
  const stat = tryTo(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  // The command name is in parentheses and may hold spaces; the fields after it do not.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields === undefined || 'ZX'.includes(fields[0] ?? '') ? undefined : fields[19];
}

function tryTo<Result>(call: () => Result): Result | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}
