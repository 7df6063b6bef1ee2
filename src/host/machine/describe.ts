/** The machine in a few words, so that whoever reads a record later can judge its figures. */

import { existsSync, readFileSync } from 'node:fs';
import { cpus, hostname, release, totalmem } from 'node:os';
import packageJson from '../../../package.json' with { type: 'json' };
import type { MachineRecord } from '../../report/recording/record.ts';

export function describeMachine(): MachineRecord {
  return {
    hostname: hostname(),
    kernel: release(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    kind: kindOfHost(),
    runtime: `Bun ${Bun.version}`,
    holdfast: packageJson.version,
  };
}

/** A hypervisor shows as a CPU flag, a container by what its runtime leaves in the file system. */
export function kindOfHost(root = ''): 'container' | 'virtual machine' | 'host' {
  const read = (path: string): string => {
    try {
      return readFileSync(root + path, 'latin1');
    } catch {
      return '';
    }
  };
  const isContainer =
    existsSync(`${root}/.dockerenv`) ||
    existsSync(`${root}/run/.containerenv`) ||
    /docker|containerd|kubepods|lxc/.test(read('/proc/1/cgroup')) ||
    read('/proc/1/environ').includes('container=');
  if (isContainer) return 'container';
  return /^flags\s*:.*\bhypervisor\b/m.test(read('/proc/cpuinfo')) ? 'virtual machine' : 'host';
}
