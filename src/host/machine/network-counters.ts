/** What the kernel counted of its network since the start, and which ports are listened on. */

import { closeSync, openSync, readSync } from 'node:fs';
import type { HostFiles } from './host-files.ts';

/** Sockets that listen come first in the table; with a million others behind, it is never read
 * to its end. */
const TABLE_BYTES_MAX = 131_072;

/** The state of a socket that listens, by table; one of UDP that is not connected is "closed". */
const LISTENING: Readonly<Record<string, string>> = {
  tcp: '0A',
  tcp6: '0A',
  udp: '07',
  udp6: '07',
};

/** @returns a counter of /proc/net/netstat such as `ListenOverflows`, or undefined without it */
export function tcpCounter(host: HostFiles, name: string): number | undefined {
  const lines = (host.text('/proc/net/netstat') ?? '')
    .split('\n')
    .filter((line) => line.startsWith('TcpExt:'))
    .map((line) => line.split(' '));
  const at = lines[0]?.indexOf(name) ?? -1;
  return at === -1 ? undefined : Number(lines[1]?.[at]);
}

/** @returns packets dropped because a core's queue was full, or undefined without the table */
export function droppedPackets(host: HostFiles): number | undefined {
  const rows = host.text('/proc/net/softnet_stat')?.trim().split('\n');
  return rows?.reduce((sum, row) => sum + Number.parseInt(row.split(' ')[1] ?? '0', 16), 0);
}

/** TCP ports that something listens on, and UDP ports that take packets from anyone, ascending. */
export function listeningPorts(host: HostFiles): readonly number[] {
  const ports = Object.entries(LISTENING).flatMap(([name, listening]) => {
    const rows = firstBytes(`${host.root}/proc/net/${name}`)
      .split('\n')
      .slice(1)
      .map((row) => row.trim().split(/\s+/));
    return rows
      .filter(([, , , state]) => state === listening)
      .map(([, local = '']) => Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16));
  });
  return [...new Set(ports)].toSorted((a, b) => a - b);
}

function firstBytes(path: string): string {
  try {
    const file = openSync(path, 'r');
    try {
      const buffer = Buffer.alloc(TABLE_BYTES_MAX);
      let length = 0;
      // Files of /proc come in pieces of a page.
      for (let read = -1; read !== 0 && length < TABLE_BYTES_MAX; length += read) {
        read = readSync(file, buffer, length, TABLE_BYTES_MAX - length, null);
      }
      return buffer.toString('latin1', 0, length);
    } finally {
      closeSync(file);
    }
  } catch {
    return '';
  }
}
