/**
 * A network namespace for the run: to the kernel a host of its own, with its own loopback, ports
 * and table of connections.
 *
 * It is for the table. The kernel sizes it once, when it starts (262,144 buckets at 24 GB), and
 * walks a chain for each packet: with two million ends of connections the walk alone was 11 % of
 * both cores. A namespace gets a table of the size that stands in `tcp_child_ehash_entries`.
 */

import { SETTINGS } from '../../src/doctor/reach.ts';
import { HostFiles } from '../../src/machine/host-files.ts';
import { readSysctl, sysctlPath, writeSysctl } from '../../src/machine/sysctl.ts';

const TABLE_SETTING = 'net.ipv4.tcp_child_ehash_entries';
/** The kernel's own bound. */
const TABLE_MOST = 2 ** 24;
/** Both ends of a connection are on this machine. */
const ENDS = 2;

/** Tells the process inside which kernel settings the host has: some are each namespace's own. */
const SETTINGS_VARIABLE = 'MILLION_SETTINGS';

/** Why no namespace can be made here, or undefined. */
export function namespaceObstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root may make one';
  const missing = ['unshare', 'ip'].find((name) => Bun.which(name) === null);
  if (missing !== undefined) return `there is no "${missing}" command`;
  if (!new HostFiles().isWritable(sysctlPath(TABLE_SETTING))) {
    return `this kernel has no ${TABLE_SETTING} that can be set (Linux 6.1)`;
  }
  const { success } = Bun.spawnSync(['unshare', '--net', 'true']);
  return success ? undefined : 'this process may not make one (CAP_SYS_ADMIN)';
}

/**
 * Lets a command be run in a namespace of its own.
 *
 * @param run gets what goes before the command, and what to add to its environment
 * @returns what `run` returns
 */
export async function runInNamespace<T>(
  connections: number,
  run: (prefix: readonly string[], env: Readonly<Record<string, string>>) => Promise<T>,
): Promise<T> {
  const host = new HostFiles();
  const before = readSysctl(host, TABLE_SETTING) ?? '0';
  const entries = Math.min(TABLE_MOST, 2 ** Math.ceil(Math.log2(connections * ENDS)));
  const settings = Object.fromEntries(SETTINGS.map((name) => [name, readSysctl(host, name)]));
  writeSysctl(host, TABLE_SETTING, String(entries));
  try {
    const env = { [SETTINGS_VARIABLE]: JSON.stringify(settings) };
    return await run(['unshare', '--net', '--'], env);
  } finally {
    writeSysctl(host, TABLE_SETTING, before);
  }
}

/**
 * Makes the namespace that `runInNamespace` has put this process into like its host: loopback up,
 * and the settings that each namespace has for itself. Elsewhere it does nothing.
 */
export function furnishNamespace(): void {
  const text = process.env[SETTINGS_VARIABLE];
  if (text === undefined) return;
  const { success, stderr } = Bun.spawnSync(['ip', 'link', 'set', 'lo', 'up']);
  if (!success) throw new Error(`loopback cannot be brought up: ${stderr.toString().trim()}`);
  const host = new HostFiles();
  const settings = JSON.parse(text) as Record<string, string>;
  for (const [name, value] of Object.entries(settings)) {
    const now = readSysctl(host, name);
    if (now !== undefined && now !== value) writeSysctl(host, name, value);
  }
}
