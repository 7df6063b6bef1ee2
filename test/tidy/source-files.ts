/** The files of the repository, as the tidy rules see them: a path, the text and its lines. */

import { existsSync, readFileSync } from 'node:fs';

export interface SourceFile {
  /** Relative to the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
}

/** Text files that git tracks or would track; a file deleted but not yet committed is left out. */
export function listSourceFiles(): readonly SourceFile[] {
  const git = Bun.spawnSync(['git', 'ls-files', '-coz', '--exclude-standard']);
  if (!git.success) {
    throw new Error(`The tidy test needs git and a clone: ${git.stderr.toString()}`);
  }
  return git.stdout
    .toString()
    .split('\0')
    .filter((path) => path !== '' && existsSync(path))
    .map((path) => sourceFile(path, readFileSync(path, 'utf8')))
    .filter((file) => !file.text.includes('\0'));
}

export function sourceFile(path: string, text: string): SourceFile {
  return { path, text, lines: text.replace(/\n$/, '').split('\n') };
}
