/** Describes the machine and the versions under test, so that a result can be judged later. */

import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { ownOpenFileLimit } from '../../src/host/machine/process-limits.ts';

const ROOT_FOLDER = join(import.meta.dir, '..', '..');
const PACKAGES = ['bun', 'ws', 'socket.io', 'engine.io', 'socket.io-adapter'];

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly openFilesMax: number;
  readonly bun: string;
  readonly node: string;
  readonly packages: Readonly<Record<string, string>>;
  /** Commit of the checkout, with `-dirty` when files differ from it. */
  readonly commit: string;
  /** Runnable processes over the last minute, before the run. */
  readonly loadAverage: number;
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    kernel: release(),
    openFilesMax: openFileLimit(),
    bun: Bun.version,
    node: output(['node', '--version']).replace(/^v/, ''),
    packages: Object.fromEntries(PACKAGES.map((name) => [name, packageVersion(name)])),
    commit: output(['git', 'describe', '--always', '--dirty']) || 'none',
    loadAverage: Number(readFileSync('/proc/loadavg', 'latin1').split(' ')[0]),
  };
}

/** Of this process, and of those that it starts. */
export function openFileLimit(): number {
  return ownOpenFileLimit();
}

function packageVersion(name: string): string {
  const manifest = readFileSync(join(ROOT_FOLDER, 'node_modules', name, 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

function output(command: string[]): string {
  const { stdout } = Bun.spawnSync(command, { cwd: ROOT_FOLDER, stderr: 'ignore' });
  return stdout.toString().trim();
}
