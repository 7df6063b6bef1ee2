/**
 * A command of `holdfast` in this process: for what it says and how it would end, where a process
 * of its own takes a hundred times as long. Not for commands that serve or wait for signals.
 */

import { spyOn } from 'bun:test';
import { run } from '../../src/cli/program.ts';

export interface Said {
  /** What the exit code would be. */
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** One at a time, since the ways out are those of the process. */
export async function runHere(args: readonly string[]): Promise<Said> {
  let out = '';
  let err = '';
  const spies = [
    spyOn(console, 'error').mockImplementation((text: string) => void (err += `${text}\n`)),
    spyOn(process.stdout, 'write').mockImplementation(((text: string, done?: () => void) => {
      out += text;
      done?.();
      return true;
    }) as typeof process.stdout.write),
  ];
  try {
    const code = await run(args);
    return { code, out, err };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
