/** What one process may do and is: its resource limits, capabilities, cores and threads. */

import type { HostFiles } from './host-files.ts';

/** Stands for a limit that is `unlimited`. */
export const UNLIMITED: number = Number.MAX_SAFE_INTEGER;

/** CAP_SYS_RESOURCE: who has it may raise a hard limit. */
const SYS_RESOURCE = 24n;

export interface ResourceLimit {
  readonly soft: number;
  readonly hard: number;
}

export interface ProcessStatus {
  readonly parentPid: number;
  readonly uid: number;
  readonly threads: number;
  readonly rssBytes: number;
  /** Cores that the process may run on. */
  readonly cores: number;
  /** The process may raise its hard limits. */
  readonly mayRaiseLimits: boolean;
}

/** @param name as /proc/PID/limits writes it, such as `Max open files` */
export function resourceLimit(
  host: HostFiles,
  pid: number | 'self',
  name: string,
): ResourceLimit | undefined {
  const text = host.text(`/proc/${pid}/limits`);
  const values = new RegExp(`^${name}\\s+(\\S+)\\s+(\\S+)`, 'm').exec(text ?? '');
  if (values === null) return undefined;
  return { soft: limitOf(values[1]), hard: limitOf(values[2]) };
}

export function openFileLimits(host: HostFiles, pid: number | 'self'): ResourceLimit | undefined {
  return resourceLimit(host, pid, 'Max open files');
}

/** @returns undefined when there is no such process */
export function processStatus(host: HostFiles, pid: number | 'self'): ProcessStatus | undefined {
  const text = host.text(`/proc/${pid}/status`);
  if (text === undefined) return undefined;
  const word = (key: string): string => new RegExp(`^${key}:\\s+(\\S+)`, 'm').exec(text)?.[1] ?? '';
  const capabilities = BigInt(`0x${word('CapEff') || '0'}`);
  return {
    parentPid: Number(word('PPid')),
    uid: Number(word('Uid')),
    threads: Number(word('Threads')),
    rssBytes: Number(word('VmRSS')) * 1024,
    cores: countOf(word('Cpus_allowed_list')),
    mayRaiseLimits: ((capabilities >> SYS_RESOURCE) & 1n) === 1n,
  };
}

function limitOf(word: string | undefined): number {
  return word === 'unlimited' ? UNLIMITED : Number(word);
}

/** How many numbers a list such as `0-3,8` names. */
function countOf(list: string): number {
  return list
    .split(',')
    .map((part) => part.split('-').map(Number))
    .reduce((sum, [first = 0, last = first]) => sum + last - first + 1, 0);
}
