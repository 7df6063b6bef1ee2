/**
 * How processes of Holdfast are started: with nothing of the folder they are started in.
 *
 * Bun reads `bunfig.toml`, `.env` and `tsconfig.json` of the working directory, which may run code,
 * set our variables, and lead our own imports elsewhere; the folder may be anybody's. `bin/`
 * starts the first process in the same way. The executable that `scripts/build-binary.ts` makes is
 * closed when it is built, and starts itself.
 */

import { existsSync } from 'node:fs';
import { devNull } from 'node:os';
import { dirname, join } from 'node:path';

/** Flags of Bun that keep files of the working directory out. */
export const CLOSED_FLAGS: readonly string[] = [`--config=${devNull}`, '--no-env-file'];

/** The entry of the command, where Bun runs it from source. */
const MAIN = new URL('../../cli/main.ts', import.meta.url);

export interface OwnCommand {
  /** What the arguments of `holdfast` follow. */
  readonly words: readonly string[];
  /** What its environment must have beside what it has anyway. */
  readonly variables: Readonly<Record<string, string>>;
}

/**
 * The command that runs this very program.
 *
 * @param app an app file that it will load, whose own `tsconfig.json` counts; empty for none
 */
export function ownCommand(app = ''): OwnCommand {
  const tsconfig = app === '' ? undefined : tsconfigOf(app);
  const override = `--tsconfig-override=${tsconfig ?? devNull}`;
  if (!Bun.isStandaloneExecutable) {
    const words = [process.execPath, ...CLOSED_FLAGS, override, Bun.fileURLToPath(MAIN)];
    return { words, variables: {} };
  }
  const variables = tsconfig === undefined ? {} : { BUN_OPTIONS: withOption(override) };
  return { words: [process.execPath], variables };
}

/** The executable takes its own arguments for those of `holdfast`, and Bun's from a variable. */
function withOption(option: string): string {
  const others = process.env['BUN_OPTIONS'];
  const quoted = `"${option.replaceAll(/["\\]/g, '\\$&')}"`;
  return others ? `${others} ${quoted}` : quoted;
}

/** The nearest one, from the folder of a file upwards. */
function tsconfigOf(file: string): string | undefined {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const path = join(folder, 'tsconfig.json');
    if (existsSync(path)) return path;
    if (folder === dirname(folder)) return undefined;
  }
}
