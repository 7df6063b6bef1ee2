/**
 * Marks processes by a variable in their environment, which all that they start inherit.
 *
 * The mark tells which processes are still there, whoever their parent is by now. Marks are read
 * from `/proc`; where there is none, no process is known by its mark.
 */

import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessMark {
  readonly name: string;
  readonly value: string;
}

export function newMark(name: string): ProcessMark {
  return { name, value: crypto.randomUUID() };
}

/** An environment whose processes carry the mark. */
export function markedEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  { name, value }: ProcessMark,
): Record<string, string | undefined> {
  return { ...environment, [name]: value };
}

export function processesMarked({ name, value }: ProcessMark): readonly number[] {
  const text = `${name}=${value}`;
  return processIds().filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(text);
    } catch {
      return false;
    }
  });
}

export function killMarked(mark: ProcessMark): void {
  for (const pid of processesMarked(mark)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself in the meantime.
    }
  }
}

function processIds(): readonly number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}
