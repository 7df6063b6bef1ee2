/** What one process may do and is: its resource limits, capabilities, cores and threads. */

import { readFileSync } from 'node:fs';
import type { HostFiles } from './host-files.ts';

/** Stands for a limit that is `unlimited`. */
export const UNLIMITED: number = Number.MAX_SAFE_INTEGER;

/** Where the system does not tell: the most that macOS gives a process without being asked. */
const OPEN_FILES_UNKNOWN = 10_240;

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
  /** Memory of its own: resident, without pages of files, which the kernel counts as available. */
  readonly anonymousBytes: number;
  /** Cores that the process may run on. */
  readonly cores: number;
  /** The process may raise its hard limits; in a user namespace nobody may. */
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

/**
 * The soft limit of this very process, beyond which it gets EMFILE.
 * @param proc another directory in tests
 * @returns UNLIMITED without a limit, and 10,240 where the system does not tell
 */
export function ownOpenFileLimit(proc = '/proc'): number {
  try {
    const text = readFileSync(`${proc}/self/limits`, 'latin1');
    const soft = /^Max open files\s+(\S+)/m.exec(text)?.[1];
    return soft === undefined ? OPEN_FILES_UNKNOWN : limitOf(soft);
  } catch {
    return OPEN_FILES_UNKNOWN;
  }
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
    anonymousBytes: Number(word('RssAnon')) * 1024,
    cores: countOf(word('Cpus_allowed_list')),
    mayRaiseLimits: ((capabilities >> SYS_RESOURCE) & 1n) === 1n && !isInUserNamespace(host, pid),
  };
}

/** A capability there holds for the namespace; the kernel asks for it outside. */
function isInUserNamespace(host: HostFiles, pid: number | 'self'): boolean {
  const map = host.text(`/proc/${pid}/uid_map`)?.trim().replaceAll(/\s+/g, ' ');
  // Without user namespaces in the kernel there is no such file.
  return map !== undefined && map !== '0 0 4294967295';
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
