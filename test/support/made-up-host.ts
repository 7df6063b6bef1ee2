/** A Linux host made of files in a temporary directory, with room for a million sessions. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { HostFiles } from '../../src/host/machine/host-files.ts';

/** Texts by path; null is a file, or a folder, that is not there. */
export type Patch = Readonly<Record<string, string | null>>;

export class MadeUpHost {
  readonly files: HostFiles = new HostFiles(mkdtempSync(join(tmpdir(), 'holdfast-host-')));

  constructor(...patches: readonly Patch[]) {
    for (const patch of [LARGE_HOST, ...patches]) this.write(patch);
  }

  write(patch: Patch): void {
    for (const [path, text] of Object.entries(patch)) {
      const file = this.files.root + path;
      rmSync(file, { recursive: true, force: true });
      if (text === null) continue;
      // As root makes them, whatever the tester's umask: others may not write.
      mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
      writeFileSync(file, text, { mode: 0o644 });
    }
  }

  read(path: string): string {
    return readFileSync(this.files.root + path, 'utf8');
  }

  [Symbol.dispose](): void {
    rmSync(this.files.root, { recursive: true, force: true });
  }
}

export function limitsFile(openFiles: string): string {
  return [
    'Limit                     Soft Limit           Hard Limit           Units     ',
    'Max processes             96365                96365                processes ',
    `Max open files            ${openFiles}                files     `,
    '',
  ].join('\n');
}

export interface StatusParts {
  readonly uid?: number;
  readonly cores?: string;
  /** In hexadecimal; with all of them, limits can be raised. */
  readonly capabilities?: string;
  readonly ownKilobytes?: number;
}

export function statusFile(parts: StatusParts = {}): string {
  const {
    uid = 0,
    cores = '0-3',
    capabilities = '000001ffffffffff',
    ownKilobytes = 10_000,
  } = parts;
  return [
    'Name:\tbun',
    'PPid:\t1',
    `Uid:\t${uid}\t${uid}\t${uid}\t${uid}`,
    `VmRSS:\t  ${ownKilobytes + 40_000} kB`,
    `RssAnon:\t  ${ownKilobytes} kB`,
    'Threads:\t9',
    `CapEff:\t${capabilities}`,
    `Cpus_allowed_list:\t${cores}`,
    '',
  ].join('\n');
}

export function memoryFile(totalKilobytes: number, availableKilobytes: number): string {
  return [
    `MemTotal:       ${totalKilobytes} kB`,
    `MemAvailable:   ${availableKilobytes} kB`,
    'Slab:           100000 kB',
    '',
  ].join('\n');
}

export const LARGE_HOST: Patch = {
  '/proc/self/limits': limitsFile('1048576              1048576'),
  '/proc/self/status': statusFile(),
  '/proc/self/uid_map': '         0          0 4294967295\n',
  '/proc/self/cgroup': '0::/user.slice\n',
  '/proc/1/status': statusFile(),
  '/proc/1/cgroup': '0::/init.scope\n',
  '/proc/cpuinfo': 'flags\t\t: fpu hypervisor\n',
  '/proc/loadavg': '0.10 0.20 0.30 1/300 4711\n',
  '/proc/meminfo': memoryFile(64_000_000, 60_000_000),
  '/proc/swaps': 'Filename\tType\tSize\tUsed\tPriority\n',
  '/proc/net/sockstat': 'TCP: inuse 20 orphan 0 tw 0 alloc 20 mem 3\n',
  '/proc/net/netstat': 'TcpExt: SyncookiesSent ListenOverflows\nTcpExt: 1 7\n',
  '/proc/net/softnet_stat': '0000ffff 00000000 00000001\n0000ffff 00000000 00000001\n',
  '/proc/net/tcp': [
    '  sl  local_address rem_address   st tx_queue rx_queue',
    '   0: 00000000:07E8 00000000:0000 0A 00000000:00000000',
    '   1: 0100007F:1538 0100007F:1539 01 00000000:00000000',
    '',
  ].join('\n'),
  '/proc/sys/fs/nr_open': '1048576\n',
  '/proc/sys/fs/file-max': '9223372036854775807\n',
  '/proc/sys/fs/file-nr': '2000\t0\t9223372036854775807\n',
  '/proc/sys/kernel/pid_max': '4194304\n',
  '/proc/sys/kernel/threads-max': '500000\n',
  '/proc/sys/net/core/netdev_max_backlog': '1000\n',
  '/proc/sys/net/core/somaxconn': '4096\n',
  '/proc/sys/net/ipv4/ip_local_port_range': '1024\t65535\n',
  '/proc/sys/net/ipv4/ip_local_reserved_ports': '8500,8600\n',
  '/proc/sys/net/ipv4/ip_unprivileged_port_start': '1024\n',
  '/proc/sys/net/ipv4/tcp_ehash_entries': '262144\n',
  '/proc/sys/net/ipv4/tcp_max_syn_backlog': '2048\n',
  '/proc/sys/net/ipv4/tcp_mem': '1000000\t2000000\t3000000\n',
  '/proc/sys/net/ipv4/tcp_migrate_req': '1\n',
  '/proc/sys/net/ipv4/tcp_rmem': '4096\t131072\t6291456\n',
  '/proc/sys/net/ipv4/tcp_syncookies': '1\n',
  '/proc/sys/net/ipv4/tcp_tw_reuse': '2\n',
  '/proc/sys/net/ipv4/tcp_wmem': '4096\t16384\t4194304\n',
  '/proc/sys/vm/max_map_count': '65530\n',
  '/proc/sys/vm/swappiness': '60\n',
  '/sys/kernel/mm/transparent_hugepage/enabled': 'always [madvise] never\n',
  '/etc/passwd': 'root:x:0:0::/:/bin/sh\noperator:x:1000:1000::/:/bin/sh\n',
};

/** A worker of Holdfast that runs. */
export function workerPatch(pid: number, openFiles: number, maps = 65): Patch {
  return {
    [`/proc/${pid}/cmdline`]: '/opt/bun\0/opt/holdfast/src/cli/main.ts\0worker\0',
    [`/proc/${pid}/limits`]: limitsFile(`${openFiles}                ${openFiles}`),
    [`/proc/${pid}/status`]: statusFile({ ownKilobytes: 80_000 }),
    [`/proc/${pid}/cgroup`]: '0::/system.slice/holdfast.service\n',
    [`/proc/${pid}/maps`]: '7f00-7f01 rw-p\n'.repeat(maps),
  };
}

/** systemd runs the host, with a unit of these lines. */
export function unitPatch(...lines: readonly string[]): Patch {
  return {
    '/run/systemd/system/present': '',
    '/etc/systemd/system/holdfast.service': `[Service]\n${lines.join('\n')}\n`,
  };
}
