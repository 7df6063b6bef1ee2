/**
 * Finds the processes of Holdfast on a host by their command line, whoever started them: this needs
 * neither the admin API nor its token.
 */

import { basename } from 'node:path';
import type { HostFiles } from './host-files.ts';

/** One that may say for which platform it is, such as `holdfast-linux-x64`. */
const EXECUTABLE = /^holdfast[\w.-]*$/;

/** The pids of all workers of all nodes. Reads every process once; not for a hot path. */
export function workerPids(host: HostFiles): readonly number[] {
  return host
    .names('/proc')
    .filter((name) => /^\d+$/.test(name) && isWorker(host.text(`/proc/${name}/cmdline`)))
    .map(Number);
}

/** The words of a worker are `bun …/cli/main.ts worker`, or `holdfast worker` of the executable. */
function isWorker(commandLine: string | undefined): boolean {
  return holdfastCommand(commandLine) === 'worker';
}

/**
 * Which command of Holdfast a process runs, the hidden ones for workers and agents among them.
 *
 * @param commandLine as in `/proc/<pid>/cmdline`
 * @returns undefined for another program
 */
export function holdfastCommand(commandLine: string | undefined): string | undefined {
  const words = commandLine?.split('\0') ?? [];
  const at = words.findIndex((word) => word.endsWith('/cli/main.ts'));
  if (at > 0) return words[at + 1];
  return EXECUTABLE.test(basename(words[0] ?? '')) ? words[1] : undefined;
}
