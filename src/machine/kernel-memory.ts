/** What the kernel holds for all processes of the host: slab, socket buffers, sockets. */

import { readFileSync } from 'node:fs';
import type { KernelMemory } from '../recording/record.ts';

const PAGE_BYTES = 4096;

/** @returns undefined where there is no /proc, or one without these files */
export function kernelMemory(proc = '/proc'): KernelMemory | undefined {
  try {
    const meminfo = readFileSync(`${proc}/meminfo`, 'latin1');
    const sockstat = readFileSync(`${proc}/net/sockstat`, 'latin1');
    const kilobytes = (key: string): number =>
      Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(meminfo)?.[1] ?? 0);
    const tcp = (key: string): number =>
      Number(new RegExp(`^TCP:.*\\b${key} (\\d+)`, 'm').exec(sockstat)?.[1] ?? 0);
    return {
      slabBytes: kilobytes('Slab') * 1024,
      socketBufferBytes: tcp('mem') * PAGE_BYTES,
      tcpSockets: tcp('inuse'),
      timeWaitSockets: tcp('tw'),
      availableBytes: kilobytes('MemAvailable') * 1024,
      totalBytes: kilobytes('MemTotal') * 1024,
    };
  } catch {
    return undefined;
  }
}
