/**
 * The package as npm packs it, and as it lies in a project that has installed it. Packing writes
 * files, so it is done in a copy of the clone.
 */

import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ROOT } from '../support/holdfast-process.ts';
import { within } from '../support/raw-deadline.ts';
import type { CloneRegistry } from './clone-registry.ts';

export interface Packed {
  readonly tarball: string;
  readonly tarballBytes: number;
  readonly files: readonly PackedFile[];
}

export interface PackedFile {
  readonly path: string;
  readonly size: number;
}

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const COMMAND_TIMEOUT_MS = 60_000;

/** What git does not have, and so no clone has before its first command. */
const NOT_IN_GIT = ['.git', '.holdfast', 'build', 'dist', 'node_modules', 'test-output'];

/** `npm pack` in a fresh clone with its dependencies. */
export async function pack(folder: string): Promise<Packed> {
  const clone = join(folder, 'clone');
  cpSync(ROOT, clone, {
    recursive: true,
    filter: (path) => !NOT_IN_GIT.includes(relative(ROOT, path)),
  });
  symlinkSync(join(ROOT, 'node_modules'), join(clone, 'node_modules'));
  const { out } = await succeed(clone, ['npm', 'pack', '--json', '--pack-destination', folder]);
  const [report] = JSON.parse(out) as [
    { readonly filename: string; readonly size: number; readonly files: readonly PackedFile[] },
  ];
  const { filename, size, files } = report;
  return { tarball: join(folder, filename), tarballBytes: size, files };
}

/** `npm install` into an empty project, without install scripts. */
export async function install(
  project: string,
  tarball: string,
  registry: CloneRegistry,
): Promise<void> {
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "name": "project", "type": "module" }');
  const npm = ['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund'];
  const cache = ['--cache', join(project, '..', 'npm-cache')];
  await succeed(project, [...npm, '--registry', registry.url, ...cache, tarball]);
}

export async function succeed(folder: string, command: readonly string[]): Promise<Ended> {
  const ended = await run(folder, command);
  if (ended.code === 0) return ended;
  throw new Error(`${command.join(' ')} ended with ${ended.code}: ${ended.out}${ended.err}`);
}

export async function run(folder: string, command: readonly string[]): Promise<Ended> {
  const child = Bun.spawn([...command], {
    cwd: folder,
    env: environment(folder),
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  try {
    const [code, out, err] = await within(
      `${command.join(' ')} ends`,
      Promise.all([child.exited, child.stdout.text(), child.stderr.text()]),
      COMMAND_TIMEOUT_MS,
    );
    return { code, out, err };
  } finally {
    child.kill('SIGKILL');
  }
}

/** Without what npm hands to the scripts it runs, and without the settings of the user. */
function environment(home: string): Readonly<Record<string, string>> {
  return { PATH: process.env['PATH'] ?? '', HOME: home };
}
