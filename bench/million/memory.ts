/**
 * Memory of every process of a run, and the kernel's, at one moment.
 *
 * Pages that processes share (above all the program itself) count once: `pssBytes` divides each by
 * the number of processes that map it. The sum of `rssBytes` counts them in each process.
 */

import { kernelMemory } from '../../src/host/machine/kernel-memory.ts';
import { type ProcessMemory, processMemory } from '../../src/host/machine/process-usage.ts';
import type { KernelMemory } from '../../src/report/recording/record.ts';

export interface KnownProcess {
  readonly role: 'worker' | 'controller' | 'agent';
  readonly pid: number;
}

export interface MemoryPhase {
  readonly phase: string;
  readonly atMs: number;
  readonly processes: readonly (KnownProcess & ProcessMemory)[];
  readonly kernel: KernelMemory | undefined;
}

/** Processes that are gone by now are left out. */
export function readMemory(phase: string, processes: readonly KnownProcess[]): MemoryPhase {
  const read = processes.flatMap((known) => {
    try {
      return [{ ...known, ...processMemory(known.pid) }];
    } catch {
      return [];
    }
  });
  return { phase, atMs: Date.now(), processes: read, kernel: kernelMemory() };
}

/** The sum over the processes of some roles. */
export function sumOf(
  { processes }: MemoryPhase,
  key: keyof ProcessMemory,
  roles: readonly KnownProcess['role'][],
): number {
  return processes
    .filter(({ role }) => roles.includes(role))
    .reduce((total, process) => total + process[key], 0);
}
