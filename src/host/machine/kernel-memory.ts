/** What the kernel holds for all processes of the host: slab, socket buffers, sockets. */

import { readFileSync } from 'node:fs';
import type { KernelMemory } from '../../report/recording/record.ts';

/** AT_PAGESZ, the key of the page size in what the kernel hands to each process. */
const AUXILIARY_PAGE_SIZE = 6n;
const PAGE_BYTES_USUAL = 4096;

/** The size of a page, in which tcp_mem and sockstat count: 4,096, on some ARM hosts 65,536. */
export function pageBytes(proc = '/proc'): number {
  try {
    const { buffer, byteOffset, byteLength } = readFileSync(`${proc}/self/auxv`);
    const words = new DataView(buffer, byteOffset, byteLength);
    for (let at = 0; at + 16 <= byteLength; at += 16) {
      if (words.getBigUint64(at, true) !== AUXILIARY_PAGE_SIZE) continue;
      return Number(words.getBigUint64(at + 8, true));
    }
  } catch {
    // There is no such file.
  }
  return PAGE_BYTES_USUAL;
}

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
      socketBufferBytes: tcp('mem') * pageBytes(proc),
      // `mem` and `tw` count both versions of IP, `inuse` only one.
      tcpSockets: tcp('inuse') + socketsOfVersion6(proc),
      timeWaitSockets: tcp('tw'),
      availableBytes: kilobytes('MemAvailable') * 1024,
      totalBytes: kilobytes('MemTotal') * 1024,
    };
  } catch {
    return undefined;
  }
}

function socketsOfVersion6(proc: string): number {
  try {
    const sockstat = readFileSync(`${proc}/net/sockstat6`, 'latin1');
    return Number(/^TCP6: inuse (\d+)/m.exec(sockstat)?.[1] ?? 0);
  } catch {
    // The kernel has no IPv6.
    return 0;
  }
}
