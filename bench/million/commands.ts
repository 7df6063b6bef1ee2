/**
 * Runs commands of Holdfast as its users do, but without the launcher in between, so that whoever
 * ends the process ends the command itself.
 */

import { join } from 'node:path';
import type { Children } from '../children.ts';

const ROOT_FOLDER = join(import.meta.dir, '..', '..');

/** The command line of `holdfast …`. */
export function holdfast(...args: readonly string[]): readonly string[] {
  return [process.execPath, join(ROOT_FOLDER, 'src', 'cli', 'main.ts'), ...args];
}

/**
 * @param outputFile takes what it prints; without one it goes where ours goes
 * @returns the exit code
 */
export async function runCommand(
  command: readonly string[],
  children: Children,
  outputFile?: string,
): Promise<number> {
  const child = children.add(
    Bun.spawn([...command], {
      stdin: 'ignore',
      stdout: outputFile === undefined ? 'inherit' : Bun.file(outputFile),
      stderr: 'inherit',
    }),
  );
  return await child.exited;
}
