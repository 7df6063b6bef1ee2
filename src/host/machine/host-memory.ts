/** How much memory there is for this process: of its control groups, or else of the host. */

import { totalmem } from 'node:os';
import { cgroupMemory } from './cgroup.ts';
import { HostFiles } from './host-files.ts';

export function memoryOfHost(host: HostFiles = new HostFiles()): number {
  return Math.min(totalmem(), cgroupMemory(host, 'self')?.limitBytes ?? Number.POSITIVE_INFINITY);
}
