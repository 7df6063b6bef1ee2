/**
 * A network namespace for the run: to the kernel a host of its own, with its own loopback, ports
 * and table of connections.
 *
 * It is for the table. The kernel sizes it once, when it starts (262,144 buckets at 24 GB), and
 * walks a chain for each packet: with two million ends of connections the walk alone was 11 % of
 * both cores. A namespace gets a table of the size that `tcp_child_ehash_entries` has when it is
 * made. It has a name, so that a run can be steered from another shell.
 */

import { SETTINGS } from '../../src/host/doctor/reach.ts';
import { HostFiles } from '../../src/host/machine/host-files.ts';
import { readSysctl, sysctlPath, writeSysctl } from '../../src/host/machine/sysctl.ts';

const NAME = 'holdfast-million';
const TABLE_SETTING = 'net.ipv4.tcp_child_ehash_entries';
/** The kernel's own bound. */
const TABLE_MOST = 2 ** 24;
/** Both ends of a connection are on this machine. */
const ENDS = 2;

/** Tells the process inside which kernel settings the host has: some are each namespace's own. */
const SETTINGS_VARIABLE = 'MILLION_SETTINGS';

export class Namespace {
  /** What goes before a command that is to run inside. */
  readonly prefix: readonly string[] = ['nsenter', `--net=/run/netns/${NAME}`];
  /** What its environment needs for `furnishNamespace`. */
  readonly env: Readonly<Record<string, string>>;

  private constructor(settings: Readonly<Record<string, string | undefined>>) {
    this.env = { [SETTINGS_VARIABLE]: JSON.stringify(settings) };
  }

  /**
   * @returns why none can be made here, when it cannot
   * @throws Error when another run is under way in the one of this name
   */
  static make(connections: number): Namespace | string {
    const host = new HostFiles();
    if (process.getuid?.() !== 0) return 'only root may make one';
    const missing = ['ip', 'nsenter'].find((name) => Bun.which(name) === null);
    if (missing !== undefined) return `there is no command "${missing}"`;
    if (!host.isWritable(sysctlPath(TABLE_SETTING))) {
      return `this kernel has no ${TABLE_SETTING} that can be set (Linux 6.1)`;
    }
    const [running] = processesInside();
    if (running !== undefined) {
      throw new Error(`another run is under way (process ${running}): wait until it has ended.`);
    }
    // One that an earlier run left, which was killed.
    ip('netns', 'delete', NAME);
    const before = readSysctl(host, TABLE_SETTING) ?? '0';
    const entries = Math.min(TABLE_MOST, 2 ** Math.ceil(Math.log2(connections * ENDS)));
    writeSysctl(host, TABLE_SETTING, String(entries));
    const failure = ip('netns', 'add', NAME);
    writeSysctl(host, TABLE_SETTING, before);
    if (failure !== undefined) return failure;
    return new Namespace(
      Object.fromEntries(SETTINGS.map((name) => [name, readSysctl(host, name)])),
    );
  }

  /** Processes that still run in it keep what they have. */
  remove(): void {
    ip('netns', 'delete', NAME);
  }
}

/**
 * Makes the namespace that this process was started in like its host: loopback up, and the settings
 * that each namespace has for itself. Elsewhere it does nothing.
 */
export function furnishNamespace(): void {
  const text = process.env[SETTINGS_VARIABLE];
  if (text === undefined) return;
  const failure = ip('link', 'set', 'lo', 'up');
  if (failure !== undefined) throw new Error(`loopback cannot be brought up: ${failure}`);
  const host = new HostFiles();
  for (const [name, value] of Object.entries(JSON.parse(text) as Record<string, string>)) {
    const now = readSysctl(host, name);
    if (now !== undefined && now !== value) writeSysctl(host, name, value);
  }
}

function processesInside(): readonly string[] {
  const { stdout } = Bun.spawnSync(['ip', 'netns', 'pids', NAME], { stderr: 'ignore' });
  return stdout.toString().match(/\d+/g) ?? [];
}

/** @returns what it says when it fails */
function ip(...args: readonly string[]): string | undefined {
  const { success, stderr } = Bun.spawnSync(['ip', ...args]);
  return success ? undefined : stderr.toString().trim();
}
