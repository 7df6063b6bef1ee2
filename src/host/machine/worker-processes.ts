/**
 * Finds the processes of Holdfast on a host by their command line, whoever started them: this needs
 * neither the admin API nor its token.
 */

import type { HostFiles } from './host-files.ts';

/** The pids of all workers of all nodes. Reads every process once; not for a hot path. */
export function workerPids(host: HostFiles): readonly number[] {
  return host
    .names('/proc')
    .filter((name) => /^\d+$/.test(name) && isWorker(host.text(`/proc/${name}/cmdline`)))
    .map(Number);
}

/** The words of a worker are `bun …/cli/main.ts worker`. */
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
  return at > 0 ? words[at + 1] : undefined;
}
