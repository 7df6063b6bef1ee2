/**
 * Reads what a process used from /proc: CPU time of all its threads, and memory. Linux only. Times
 * come in ticks of 1/100 s, rounded by the kernel from a precise sum.
 */

import { readFileSync } from 'node:fs';

/** USER_HZ, the unit of /proc/PID/stat on every Linux architecture that Bun and Node support. */
const TICKS_PER_SECOND = 100;

export interface ProcessMemory {
  /** Resident memory; pages that several processes share count in each of them. */
  readonly rssBytes: number;
  /** The same with each shared page divided by the number of processes that share it. */
  readonly pssBytes: number;
  readonly anonymousBytes: number;
}

/**
 * utime + stime of a process with all its threads, including those that have ended.
 * @throws Error when the process is gone
 */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The command name is in parentheses and may hold spaces; the fields after it do not.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/**
 * CPU time that all processes of the machine used, and what a hypervisor took away. Interrupts
 * are left out: on loopback they are the measurement's own packets.
 */
export function machineCpuSeconds(): number {
  const line = readFileSync('/proc/stat', 'latin1').split('\n', 1)[0] ?? '';
  const [user, nice, system, , , , , steal] = line.split(/\s+/).slice(1).map(Number);
  return ((user ?? 0) + (nice ?? 0) + (system ?? 0) + (steal ?? 0)) / TICKS_PER_SECOND;
}

/**
 * Memory summed page by page; /proc/PID/status may be a few hundred KB off.
 * @throws Error when the process is gone
 */
export function processMemory(pid: number): ProcessMemory {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  const kilobytes = (key: string): number =>
    Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1] ?? Number.NaN);
  return {
    rssBytes: kilobytes('Rss') * 1024,
    pssBytes: kilobytes('Pss') * 1024,
    anonymousBytes: kilobytes('Anonymous') * 1024,
  };
}
