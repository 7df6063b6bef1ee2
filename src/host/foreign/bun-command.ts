/**
 * How processes of Holdfast are started: with nothing of the folder they are started in.
 *
 * Bun reads `bunfig.toml`, `.env` and `tsconfig.json` of the working directory, which may run code,
 * set our variables, and lead our own imports elsewhere; the folder may be anybody's. `bin/`
 * starts the first process in the same way.
 */

import { existsSync } from 'node:fs';
import { devNull } from 'node:os';
import { dirname, join } from 'node:path';

/** Flags of Bun that keep files of the working directory out. */
export const CLOSED_FLAGS: readonly string[] = [`--config=${devNull}`, '--no-env-file'];

/**
 * The command that runs a module of ours.
 *
 * @param app an app file that it will load, whose own `tsconfig.json` counts
 */
export function bunCommand(module: string, app?: string): readonly string[] {
  const tsconfig = app === undefined ? undefined : tsconfigOf(app);
  const override = `--tsconfig-override=${tsconfig ?? devNull}`;
  return [process.execPath, ...CLOSED_FLAGS, override, module];
}

/** The nearest one, from the folder of a file upwards. */
function tsconfigOf(file: string): string | undefined {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const path = join(folder, 'tsconfig.json');
    if (existsSync(path)) return path;
    if (folder === dirname(folder)) return undefined;
  }
}
