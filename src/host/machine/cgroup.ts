/**
 * The bounds that control groups put on a process: memory, CPU and number of tasks, for both
 * versions of cgroups. A bound of any group above the process holds, so the tightest counts.
 */

import type { HostFiles } from './host-files.ts';

export interface CgroupMemory {
  /** The group that sets the bound. */
  readonly path: string;
  readonly limitBytes: number;
  /** In use by the group, without cached files that the kernel drops when it needs the room. */
  readonly usedBytes: number;
}

export interface CgroupTasks {
  /** Processes and threads that the group allows. */
  readonly limit: number;
  readonly used: number;
}

interface Controller {
  /** The directory of the hierarchy. */
  readonly mount: string;
  /** The group of the process, below the mount; `/` is the root. */
  readonly group: string;
  readonly version: 1 | 2;
}

/** Version 1 writes "no limit" as the largest multiple of a page. */
const NO_LIMIT_BYTES = 2 ** 60;

/** @returns undefined when no group bounds the memory of the process */
export function cgroupMemory(host: HostFiles, pid: number | 'self'): CgroupMemory | undefined {
  let tightest: CgroupMemory | undefined;
  for (const { path, version } of groups(host, pid, 'memory')) {
    const [limitFile, usedFile] =
      version === 2
        ? ['memory.max', 'memory.current']
        : ['memory.limit_in_bytes', 'memory.usage_in_bytes'];
    const limitBytes = host.integer(`${path}/${limitFile}`);
    if (limitBytes === undefined || limitBytes >= NO_LIMIT_BYTES) continue;
    if (tightest !== undefined && tightest.limitBytes <= limitBytes) continue;
    const cached = /^(?:total_)?inactive_file (\d+)/m.exec(host.text(`${path}/memory.stat`) ?? '');
    const used = (host.integer(`${path}/${usedFile}`) ?? 0) - Number(cached?.[1] ?? 0);
    tightest = { path, limitBytes, usedBytes: Math.max(0, used) };
  }
  return tightest;
}

/** @returns the cores' worth of CPU time that the groups allow, or undefined without a bound */
export function cgroupCores(host: HostFiles, pid: number | 'self'): number | undefined {
  const quotas = groups(host, pid, 'cpu').flatMap(({ path, version }) => {
    const [quota, period] =
      version === 2
        ? (host.text(`${path}/cpu.max`)?.trim().split(' ').map(Number) ?? [])
        : [host.integer(`${path}/cpu.cfs_quota_us`), host.integer(`${path}/cpu.cfs_period_us`)];
    const isBound = quota !== undefined && quota > 0 && period !== undefined && period > 0;
    return isBound ? [quota / period] : [];
  });
  return quotas.length === 0 ? undefined : Math.min(...quotas);
}

/** @returns the group with the least room for another process, or undefined without a bound */
export function cgroupTasks(host: HostFiles, pid: number | 'self'): CgroupTasks | undefined {
  const bounds = groups(host, pid, 'pids').flatMap(({ path }): readonly CgroupTasks[] => {
    const limit = host.integer(`${path}/pids.max`);
    return limit === undefined ? [] : [{ limit, used: host.integer(`${path}/pids.current`) ?? 0 }];
  });
  return bounds.toSorted((a, b) => a.limit - a.used - (b.limit - b.used))[0];
}

/** The directories of the groups of a process, from its own up to the root. */
function groups(
  host: HostFiles,
  pid: number | 'self',
  controller: string,
): readonly { readonly path: string; readonly version: 1 | 2 }[] {
  const found = controllerOf(host, pid, controller);
  if (found === undefined) return [];
  const names = found.group.split('/').filter((name) => name !== '');
  return Array.from({ length: names.length + 1 }, (_, up) => ({
    path: [found.mount, ...names.slice(0, names.length - up)].join('/'),
    version: found.version,
  }));
}

function controllerOf(
  host: HostFiles,
  pid: number | 'self',
  controller: string,
): Controller | undefined {
  const lines = (host.text(`/proc/${pid}/cgroup`) ?? '').split('\n').map((line) => line.split(':'));
  const old = lines.find(([, names]) => names?.split(',').includes(controller));
  if (old !== undefined) {
    return { mount: `/sys/fs/cgroup/${controller}`, group: old.slice(2).join(':'), version: 1 };
  }
  const unified = lines.find(([id, names]) => id === '0' && names === '');
  if (unified === undefined) return undefined;
  return { mount: '/sys/fs/cgroup', group: unified.slice(2).join(':'), version: 2 };
}
