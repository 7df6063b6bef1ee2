/**
 * What /proc tells of a process that does not answer: whether it runs, waits, or was stopped.
 *
 * That is as far as one sees from outside. Which function of an app it stands in only its own
 * process knows, and that has no turn to say it.
 */

import type { HostFiles } from './host-files.ts';

export interface Standstill {
  /** The kernel's letter: R runs, S and D wait, T was stopped by a signal, t by a debugger. */
  readonly state: string;
  /** CPU time of all its threads so far. */
  readonly cpuMs: number;
  /** The function of the kernel that it waits in, where the kernel tells. */
  readonly waitsIn: string | undefined;
  readonly isTraced: boolean;
}

const MS_PER_TICK = 10;

/** @returns `undefined` when there is no such process, or the system has no /proc */
export function standstillOf(pid: number, host: HostFiles): Standstill | undefined {
  const stat = host.text(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The command name is in parentheses and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const waitsIn = host.text(`/proc/${pid}/wchan`);
  const tracer = /^TracerPid:\s*(\d+)/m.exec(host.text(`/proc/${pid}/status`) ?? '')?.[1];
  return {
    state: fields[0] ?? '?',
    cpuMs: (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK,
    waitsIn: waitsIn === undefined || waitsIn === '0' ? undefined : waitsIn,
    isTraced: tracer !== undefined && tracer !== '0',
  };
}

/**
 * A clause: what it did while it did not answer for so long.
 *
 * @param cpuMsBefore its CPU time when it answered last, if that is known
 */
export function describeStandstill(
  now: Standstill,
  cpuMsBefore: number | undefined,
  silentMs: number,
): string {
  if (now.isTraced) return 'a debugger holds it';
  if (now.state === 'T') return 'a signal has stopped it (SIGSTOP or SIGTSTP)';
  const cpuMs = Math.max(0, now.cpuMs - (cpuMsBefore ?? 0));
  const used = `it used ${(cpuMs / 1_000).toFixed(1)} s of CPU meanwhile`;
  // On a crowded machine it gets less than a core, but is there to run whenever one looks.
  if (cpuMs > silentMs / 2 || now.state === 'R') {
    return `${used}, so code of the app runs without a pause`;
  }
  const where = now.waitsIn === undefined ? '' : ` in ${now.waitsIn}`;
  return `${used}, so it waits for the system${where}, as in a synchronous call`;
}
