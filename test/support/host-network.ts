/**
 * Hosts that a test may reach by ssh: network namespaces with a real sshd each, and a wire from
 * each to one more, the hub. Nothing of the machine's own network is touched.
 *
 * All of them have one file system and one process table; what makes a host is its address, its
 * sshd and what that has started.
 */

import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../system/eventually.ts';
import { COMMAND } from './holdfast-process.ts';

const HUB_ADDRESS = '10.77.255.1';

/** Why there can be none here; empty where there can. */
export const NO_HOST_NETWORK: string = whyNone();

export class HostNetwork implements AsyncDisposable {
  /** Of the hub, where servers and coordinators run. */
  readonly address: string = HUB_ADDRESS;
  readonly addresses: readonly string[];
  readonly folder: string = mkdtempSync(join(tmpdir(), 'holdfast-hosts-'));
  readonly #hub = `hf${process.pid}-hub`;
  readonly #names: readonly string[];
  readonly #servers: Bun.Subprocess[] = [];

  private constructor(count: number) {
    const indices = Array.from({ length: count }, (_, index) => index);
    this.#names = indices.map((index) => `hf${process.pid}-${index}`);
    this.addresses = indices.map((index) => `10.77.${index}.2`);
  }

  /** @param sshd its path */
  static async start(count: number, sshd: string): Promise<HostNetwork> {
    const network = new HostNetwork(count);
    try {
      network.#lay();
      network.#writeFiles();
      await network.#startServers(sshd);
      return network;
    } catch (error) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What bash is to do to run `"$@"` in the hub. */
  get bash(): string {
    return `exec ip netns exec ${this.#hub} "$@"`;
  }

  /** A configuration of ssh that gets into the hosts. */
  get sshConfig(): string {
    return join(this.folder, 'ssh_config');
  }

  /** A path to Holdfast, as it would be on a host. */
  get command(): string {
    return join(this.folder, 'holdfast');
  }

  /** Home of who logs in on the hosts. */
  get theirHome(): string {
    return join(this.folder, 'their-home');
  }

  /** Processes on a host beside its sshd. */
  processes(index: number): readonly number[] {
    const own = this.#servers[index]?.pid;
    return pidsIn(this.#names[index] ?? '').filter((pid) => pid !== own);
  }

  /** A host that is gone all at once. */
  lose(index: number): void {
    for (const pid of pidsIn(this.#names[index] ?? '')) killed(pid);
    ip('netns', 'exec', this.#names[index] ?? '', 'ip', 'link', 'set', 'eth0', 'down');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const names = [...this.#names, this.#hub];
    await eventually(
      'the hosts are empty',
      async () => names.flatMap(pidsIn).map(killed).length,
      (count) => count === 0,
    );
    for (const name of names) Bun.spawnSync(['ip', 'netns', 'del', name], { stderr: 'ignore' });
    rmSync(this.folder, { recursive: true, force: true });
  }

  #lay(): void {
    const hub = this.#hub;
    ip('netns', 'add', hub);
    ip('-n', hub, 'link', 'set', 'lo', 'up');
    ip('-n', hub, 'addr', 'add', `${HUB_ADDRESS}/32`, 'dev', 'lo');
    for (const [index, name] of this.#names.entries()) {
      ip('netns', 'add', name);
      ip('-n', name, 'link', 'set', 'lo', 'up');
      const peer = ['peer', 'name', `host${index}`, 'netns', hub];
      ip('-n', name, 'link', 'add', 'eth0', 'type', 'veth', ...peer);
      const gateway = `10.77.${index}.1`;
      ip('-n', hub, 'addr', 'add', `${gateway}/30`, 'dev', `host${index}`);
      ip('-n', hub, 'link', 'set', `host${index}`, 'up');
      ip('-n', name, 'addr', 'add', `${this.addresses[index]}/30`, 'dev', 'eth0');
      ip('-n', name, 'link', 'set', 'eth0', 'up');
      ip('-n', name, 'route', 'add', 'default', 'via', gateway);
    }
  }

  #writeFiles(): void {
    const at = (name: string): string => join(this.folder, name);
    mkdirSync(this.theirHome);
    for (const key of ['host_key', 'user_key']) {
      run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', at(key));
    }
    writeFileSync(
      at('sshd_config'),
      `HostKey ${at('host_key')}
AuthorizedKeysFile ${at('user_key.pub')}
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PidFile none
SetEnv HOME=${this.theirHome}
`,
    );
    writeFileSync(
      this.sshConfig,
      `Host *
IdentityFile ${at('user_key')}
IdentitiesOnly yes
UserKnownHostsFile ${at('known_hosts')}
StrictHostKeyChecking accept-new
`,
    );
    writeFileSync(this.command, `#!/bin/sh\nexec ${COMMAND.join(' ')} "$@"\n`);
    chmodSync(this.command, 0o755);
  }

  async #startServers(sshd: string): Promise<void> {
    // Where the service was never started, nobody has made what it wants to be in.
    if (!existsSync('/run/sshd')) mkdirSync('/run/sshd', { mode: 0o755 });
    const config = join(this.folder, 'sshd_config');
    for (const name of this.#names) {
      const command = ['ip', 'netns', 'exec', name, sshd, '-D', '-e', '-f', config];
      this.#servers.push(Bun.spawn(command, { stdio: ['ignore', 'ignore', 'ignore'] }));
    }
    await eventually(
      'every sshd listens',
      async () => this.#names.every((name) => ip('-n', name, 'link') !== '' && listens(name)),
      (are) => are,
    );
  }
}

function whyNone(): string {
  if (process.getuid?.() !== 0) return 'needs root, for network namespaces';
  if (Bun.which('ip') === null) return 'ip is not installed: apt-get install iproute2';
  const probe = Bun.spawnSync(['unshare', '-n', 'ip', 'link', 'add', 'end0', 'type', 'veth']);
  return probe.success ? '' : 'this system makes no network namespaces';
}

function listens(name: string): boolean {
  const text = run('ip', 'netns', 'exec', name, 'cat', '/proc/net/tcp');
  return /^\s*\d+: 00000000:0016 /m.test(text);
}

function pidsIn(name: string): readonly number[] {
  const { stdout } = Bun.spawnSync(['ip', 'netns', 'pids', name], { stderr: 'ignore' });
  return stdout.toString().trim().split('\n').filter(Boolean).map(Number);
}

function killed(pid: number): number {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself in the meantime.
  }
  return pid;
}

function ip(...args: readonly string[]): string {
  return run('ip', ...args);
}

function run(...command: readonly string[]): string {
  const { success, stdout, stderr } = Bun.spawnSync([...command]);
  if (!success) throw new Error(`${command.join(' ')}: ${stderr.toString().trim()}`);
  return stdout.toString();
}
