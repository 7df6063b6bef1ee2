/**
 * Processes below a process, by /proc. A process is known by its id and the time it started: the id
 * alone may belong to another one by the time that it is used.
 */

import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessIdentity {
  readonly pid: number;
  /** In clock ticks since the host started. */
  readonly startTicks: number;
}

/** The processes that this one started and that still run. */
export function childPids(pid: number): readonly number[] {
  return taskIds(pid).flatMap((task) => {
    const text = readOrNothing(`/proc/${pid}/task/${task}/children`).trim();
    return text === '' ? [] : text.split(' ').map(Number);
  });
}

/** All processes below this one, those nearest to it first. */
export function descendantsOf(pid: number): readonly ProcessIdentity[] {
  const children = childPids(pid);
  const known = children.flatMap((child) => {
    const startTicks = startOf(child);
    return startTicks === undefined ? [] : [{ pid: child, startTicks }];
  });
  return [...known, ...children.flatMap(descendantsOf)];
}

/** Kills a process, unless it is gone and another one has its id. */
export function killIfSame({ pid, startTicks }: ProcessIdentity): void {
  if (startOf(pid) !== startTicks) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone in this moment.
  }
}

/** @returns undefined when there is no such process */
function startOf(pid: number): number | undefined {
  const stat = readOrNothing(`/proc/${pid}/stat`);
  // The command name is in parentheses and may hold spaces; the fields after it do not.
  const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return ticks === undefined ? undefined : Number(ticks);
}

function taskIds(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
