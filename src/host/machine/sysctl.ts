/** Kernel settings by their names, as `sysctl` has them: `net.core.somaxconn`. */

import { writeFileSync } from 'node:fs';
import type { HostFiles } from './host-files.ts';

/** The file of a setting. */
export function sysctlPath(name: string): string {
  return `/proc/sys/${name.replaceAll('.', '/')}`;
}

/** @returns the value with single spaces between its parts, or undefined when there is none */
export function readSysctl(host: HostFiles, name: string): string | undefined {
  return host.text(sysctlPath(name))?.trim().replaceAll(/\s+/g, ' ');
}

export function sysctlNumbers(host: HostFiles, name: string): readonly number[] | undefined {
  return host.integers(sysctlPath(name));
}

export function sysctlNumber(host: HostFiles, name: string): number | undefined {
  return sysctlNumbers(host, name)?.[0];
}

/**
 * Sets the value of the running kernel; it is gone after a restart of the host.
 * @throws the system's error when the kernel refuses it
 */
export function writeSysctl(host: HostFiles, name: string, value: string): void {
  // The line end matters: an empty write would leave a list as it is.
  writeFileSync(host.root + sysctlPath(name), `${value}\n`);
}
