/**
 * Runs commands of Holdfast as its users do, but without the launcher in between, so that whoever
 * ends the process ends the command itself.
 */

import { join } from 'node:path';
import type { Children } from '../measure/children.ts';

const ROOT_FOLDER = join(import.meta.dir, '..', '..');

export interface CommandOptions {
  /** Takes what it prints; without one it goes where ours goes. */
  readonly outputFile?: string;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** How long it may take to end when it is asked to. */
  readonly stopTimeoutMs?: number;
}

/** The command line of `holdfast …`. */
export function holdfast(...args: readonly string[]): readonly string[] {
  return [process.execPath, join(ROOT_FOLDER, 'src', 'cli', 'main.ts'), ...args];
}

/** @returns the exit code */
export async function runCommand(
  command: readonly string[],
  children: Children,
  { outputFile, env = {}, stopTimeoutMs }: CommandOptions = {},
): Promise<number> {
  const child = children.add(
    Bun.spawn([...command], {
      env: { ...process.env, ...env },
      stdin: 'ignore',
      stdout: outputFile === undefined ? 'inherit' : Bun.file(outputFile),
      stderr: 'inherit',
    }),
    stopTimeoutMs === undefined ? {} : { stopTimeoutMs },
  );
  return await child.exited;
}
