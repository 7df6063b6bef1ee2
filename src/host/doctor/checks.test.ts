/** Each check on made-up hosts: what it says when all is well, when not, when it cannot tell. */
import { describe, expect, test } from 'bun:test';
import {
  limitsFile,
  MadeUpHost,
  memoryFile,
  type Patch,
  statusFile,
  unitPatch,
  workerPatch,
} from '../../../test/support/made-up-host.ts';
import { nodeRules } from '../../cli/doctor-rules.ts';
import { type ConfigSources, loadConfig } from '../config/load.ts';
import { readSysctl, sysctlPath } from '../machine/sysctl.ts';
import type { Check, Warning } from './check.ts';
import { CHECKS } from './checks.ts';
import { type Goal, outlookOf } from './outlook.ts';
import { SETTINGS, SYSCTL_FILE } from './reach.ts';

interface Case {
  readonly files?: Patch;
  readonly flags?: ConfigSources['flags'];
  readonly withFleet?: boolean;
  /** Parts of the finding, by name. */
  readonly finding?: Readonly<Record<string, unknown>>;
}

interface Cases {
  readonly ok: Case;
  readonly warning: Case;
  /** Missing where there is nothing that a host could lack. */
  readonly skipped: Case;
  /** The error that an operator sees, by its name. */
  readonly symptom: string;
}

function goalOf({ flags = {}, withFleet = false }: Case, connections = 1_000_000): Goal {
  return { connections, withFleet, node: nodeRules(loadConfig({ flags })) };
}

function examine(check: Check, one: Case) {
  using host = new MadeUpHost(one.files ?? {});
  return check.examine(outlookOf(host.files, goalOf(one)));
}

function has(text: string): unknown {
  return expect.stringContaining(text);
}

const CONNTRACK_MAX = '/proc/sys/net/netfilter/nf_conntrack_max';
const CONNTRACK_COUNT = '/proc/sys/net/netfilter/nf_conntrack_count';
const SERVICE_CGROUP = '/sys/fs/cgroup/system.slice/holdfast.service/cgroup.procs';
const GROUP = '/sys/fs/cgroup/user.slice';
const UNIT_ON: Patch = { ...unitPatch('LimitNOFILE=1048576'), [SERVICE_CGROUP]: '70\n71\n' };
const OURS = 'fs.nr_open = 300000\nnet.ipv4.ip_local_port_range = 1024 65535\n';

const CASES: Readonly<Record<string, Cases>> = {
  'the configuration': {
    ok: {
      flags: { maxSessionsPerWorker: '100000' },
      finding: { sessions: 98_735 * 256 },
    },
    warning: {
      flags: { maxSessionsPerWorker: '1000', workers: '8' },
      finding: { sessions: 6_984, consequence: has('allow about 6,984') },
    },
    skipped: {},
    symptom: '503',
  },
  'open files here': {
    ok: { finding: { sessions: 1_044_224 * 256 } },
    warning: {
      files: { '/proc/self/limits': limitsFile('20000                20000') },
      finding: {
        read: '20,000 soft, 20,000 hard',
        sessions: 19_181 * 256,
        consequence: has('53 workers instead of 4'),
        fix: [has('/etc/security/limits.d/90-holdfast.conf'), has('prlimit --pid $$')],
      },
    },
    skipped: { files: { '/proc/self/limits': null } },
    symptom: 'EMFILE',
  },
  'open files of workers': {
    ok: { files: { ...workerPatch(70, 600_000), ...workerPatch(71, 600_000) } },
    warning: {
      files: { ...workerPatch(70, 20_000), ...workerPatch(71, 20_000) },
      finding: {
        consequence: has('take 38,362 sessions'),
        fix: ['holdfast start --connections 1000000'],
      },
    },
    skipped: {},
    symptom: 'EMFILE',
  },
  'open files of the unit': {
    ok: {
      files: {
        ...unitPatch('LimitNOFILE=1024'),
        '/etc/systemd/system/holdfast.service.d/90-holdfast.conf': '[Service]\nLimitNOFILE=600000',
      },
      finding: { read: 'LimitNOFILE 600,000' },
    },
    warning: {
      files: unitPatch('LimitNOFILE=1024:4096'),
      finding: {
        sessions: 3_592 * 256,
        consequence: 'a node takes at most 919,552 sessions and answers 503 to the others',
        fix: [
          'mkdir -p /etc/systemd/system/holdfast.service.d',
          has('LimitNOFILE='),
          'systemctl daemon-reload',
          'systemctl restart holdfast.service',
        ],
      },
    },
    skipped: {},
    symptom: 'EMFILE',
  },
  'the unit, as it runs': {
    ok: { files: { ...UNIT_ON, ...workerPatch(70, 1_048_576), ...workerPatch(71, 1_048_576) } },
    warning: {
      files: { ...UNIT_ON, ...workerPatch(70, 1_048_576), ...workerPatch(71, 1024) },
      finding: { read: '1,024 in the running service', consequence: has('set but not applied') },
    },
    skipped: { files: UNIT_ON, finding: { reason: has('does not run') } },
    symptom: 'EMFILE',
  },
  'the limit of a login': {
    ok: { files: { '/etc/security/limits.conf': 'root hard nofile 500000\n' } },
    warning: {
      files: {
        '/proc/sys/fs/nr_open': '4194304\n',
        '/etc/security/limits.d/50-some.conf': '# comment\nroot - nofile 2000000\n',
        '/etc/security/limits.conf': 'root hard nofile 1024\n* hard nofile 9000000\n',
      },
      finding: {
        needs: '2,000,000, as /etc/security/limits.d/50-some.conf says',
        consequence: has('next login'),
      },
    },
    skipped: { files: { '/etc/security/limits.conf': '* hard nofile 9000000\n' } },
    symptom: 'EMFILE',
  },
  'fs.nr_open': {
    ok: {},
    warning: { files: { '/proc/sys/fs/nr_open': '65536\n' } },
    skipped: { files: { '/proc/sys/fs/nr_open': null } },
    symptom: 'EPERM',
  },
  'fs.file-max': {
    ok: { finding: { read: 'unlimited, 2,000 in use' } },
    warning: {
      files: { '/proc/sys/fs/file-nr': '2000\t0\t800000\n', '/proc/sys/fs/file-max': '800000\n' },
      finding: { sessions: 800_000 - 1_980 - 4 * 64 },
    },
    skipped: { files: { '/proc/sys/fs/file-nr': null } },
    symptom: 'ENFILE',
  },
  'free memory': {
    ok: { finding: { needs: '6.5 GB: 2.5 GB in 4 workers, 4.0 GB in the kernel' } },
    warning: {
      files: { '/proc/meminfo': memoryFile(4_000_000, 3_000_000) },
      finding: { sessions: 432_233, consequence: has('432,233 sessions') },
    },
    skipped: { files: { '/proc/meminfo': null } },
    symptom: 'out of memory',
  },
  'cgroup memory limit': {
    ok: {
      files: { [`${GROUP}/memory.max`]: '9000000000\n', '/sys/fs/cgroup/memory.max': 'max\n' },
    },
    warning: {
      files: {
        [`${GROUP}/memory.max`]: '2000000000\n',
        [`${GROUP}/memory.current`]: '500000000\n',
        [`${GROUP}/memory.stat`]: 'anon 1\ninactive_file 100000000\n',
      },
      finding: { read: '2.0 GB, 400 MB in use', sessions: Math.floor(1_522_000_000 / 6_453) },
    },
    skipped: { files: { [`${GROUP}/memory.max`]: 'max\n' } },
    symptom: 'out of memory',
  },
  swap: {
    ok: {
      files: {
        '/proc/swaps': 'Filename\n/swapfile file 2097148 0 -2\n',
        '/proc/sys/vm/swappiness': '10\n',
      },
    },
    warning: {
      files: { '/proc/swaps': 'Filename\n/swapfile file 2097148 300000 -2\n' },
      finding: { read: '307 MB in use, swappiness 60', fix: ['sysctl -w vm.swappiness=10'] },
    },
    skipped: {},
    symptom: 'ping timeout',
  },
  'huge pages': {
    ok: {},
    warning: {
      files: { '/sys/kernel/mm/transparent_hugepage/enabled': '[always] madvise never\n' },
      finding: { fix: [has('echo madvise >')] },
    },
    skipped: { files: { '/sys/kernel/mm/transparent_hugepage/enabled': null } },
    symptom: 'out of memory',
  },
  'vm.max_map_count': {
    ok: {},
    warning: { files: { ...workerPatch(70, 1_000_000, 50_000) } },
    skipped: { files: { '/proc/sys/vm/max_map_count': null } },
    symptom: 'out of memory',
  },
  cores: {
    ok: { finding: { read: '4', needs: has('0.73 when idle'), sessions: 4_383_561 } },
    warning: {
      files: { [`${GROUP}/cpu.max`]: '50000 100000\n' },
      finding: { read: '0.5', sessions: 547_945, fix: [has('--ping-interval-ms')] },
    },
    skipped: { files: { '/proc/self/status': null } },
    symptom: 'ETIMEDOUT',
  },
  'processes and threads': {
    ok: {},
    warning: {
      files: { '/proc/sys/kernel/pid_max': '310\n', '/proc/sys/kernel/threads-max': '320\n' },
      finding: { read: '300 now, at most 310' },
    },
    skipped: { files: { '/proc/loadavg': null } },
    symptom: 'EAGAIN',
  },
  'kind of host': {
    ok: { files: { '/.dockerenv': '' }, finding: { read: has('settings can be changed') } },
    warning: {
      files: { '/.dockerenv': '', '/proc/sys/net/core/somaxconn': null },
      finding: { read: has('settings cannot be changed'), fix: [has('docker run --sysctl')] },
    },
    skipped: { files: { '/proc/sys': null } },
    symptom: 'EROFS',
  },
  'local port range': {
    ok: {
      finding: {
        needs:
          '16 pairs of source and target address for a proxy; 200 --source addresses for a fleet',
      },
    },
    warning: {
      files: { '/proc/sys/net/ipv4/ip_local_port_range': '32768\t60999\n' },
      finding: {
        read: '32768–60999: 28,232 from an address',
        needs: has('36 pairs of source and target address for a proxy (with all ports 16)'),
        consequence: has('any port that nothing listens on now'),
        // 2024 is listened on, and the range did not cover it before.
        fix: [
          'sysctl -w net.ipv4.ip_local_reserved_ports=2024,8500,8600',
          'sysctl -w net.ipv4.ip_local_port_range="1024 65535"',
        ],
      },
    },
    skipped: { files: { '/proc/sys/net/ipv4/ip_local_port_range': null } },
    symptom: 'EADDRNOTAVAIL',
  },
  'reserved ports': {
    ok: { flags: { workerPorts: 'true' }, files: reservedPorts('7000,8500-8504,8600') },
    warning: {
      flags: { workerPorts: 'true' },
      files: reservedPorts(''),
      finding: {
        read: 'none reserved',
        needs: '8500, 8600, 8501–8504, which lie in 1024–65535',
        settings: { 'net.ipv4.ip_local_reserved_ports': '8500,8501-8504,8600' },
      },
    },
    skipped: { files: { '/proc/sys/net/ipv4/ip_local_reserved_ports': null } },
    symptom: 'EADDRINUSE',
  },
  tcp_tw_reuse: {
    ok: {},
    warning: {
      files: { '/proc/sys/net/ipv4/tcp_tw_reuse': '0\n' },
      finding: { consequence: has('1,075 connections a second') },
    },
    skipped: { files: { '/proc/sys/net/ipv4/tcp_tw_reuse': null } },
    symptom: 'EADDRNOTAVAIL',
  },
  'net.core.somaxconn': {
    ok: { finding: { read: '4,096; 7 overflows since the boot' } },
    warning: { files: { '/proc/sys/net/core/somaxconn': '128\n' } },
    skipped: { files: { '/proc/sys/net/core/somaxconn': null } },
    symptom: 'ECONNREFUSED',
  },
  tcp_max_syn_backlog: {
    ok: { files: { '/proc/sys/net/ipv4/tcp_max_syn_backlog': '512\n' } },
    warning: {
      files: {
        '/proc/sys/net/ipv4/tcp_max_syn_backlog': '512\n',
        '/proc/sys/net/ipv4/tcp_syncookies': '0\n',
      },
      finding: { needs: '1,024' },
    },
    skipped: { files: { '/proc/sys/net/ipv4/tcp_max_syn_backlog': null } },
    symptom: 'ETIMEDOUT',
  },
  tcp_ehash_entries: {
    ok: {},
    warning: {
      withFleet: true,
      finding: {
        needs: has('524,288'),
        consequence: has('among 8 connections'),
        fix: [has('thash_entries=524288'), 'update-grub', has('a restart')],
      },
    },
    skipped: { files: { '/proc/sys/net/ipv4/tcp_ehash_entries': null } },
    symptom: 'ETIMEDOUT',
  },
  tcp_migrate_req: {
    ok: {},
    warning: { files: { '/proc/sys/net/ipv4/tcp_migrate_req': '0\n' } },
    skipped: { files: { '/proc/sys/net/ipv4/tcp_migrate_req': null } },
    symptom: 'ECONNRESET',
  },
  nf_conntrack_max: {
    ok: {
      files: { [CONNTRACK_MAX]: '262144\n', [CONNTRACK_COUNT]: '0\n' },
      finding: { needs: has('tracks nothing') },
    },
    warning: {
      files: { [CONNTRACK_MAX]: '262144\n', [CONNTRACK_COUNT]: '12\n' },
      finding: { sessions: 209_715, needs: has('1,250,000') },
    },
    skipped: {},
    symptom: 'nf_conntrack: table full',
  },
  tcp_mem: {
    ok: {},
    warning: {
      files: { '/proc/sys/net/ipv4/tcp_mem': '287898\t383867\t9000000\n' },
      finding: { settings: { 'net.ipv4.tcp_mem': '750000 1000000 9000000' } },
    },
    skipped: { files: { '/proc/sys/net/ipv4/tcp_mem': null } },
    symptom: 'TCP: out of memory',
  },
  'tcp_rmem, tcp_wmem': {
    ok: {},
    warning: {
      files: { '/proc/sys/net/ipv4/tcp_rmem': '4096\t16777216\t33554432\n' },
      finding: { fix: [has('tcp_rmem="4096 131072 33554432"'), has('tcp_wmem')] },
    },
    skipped: { files: { '/proc/sys/net/ipv4/tcp_wmem': null } },
    symptom: 'out of memory',
  },
  netdev_max_backlog: {
    ok: { finding: { read: '1,000; 0 packets dropped since the boot' } },
    warning: {
      files: { '/proc/net/softnet_stat': '0000ffff 0000000a 1\n0000ffff 00000001 1\n' },
      finding: { read: '1,000; 11 packets dropped since the boot' },
    },
    skipped: { files: { '/proc/net/softnet_stat': null } },
    symptom: 'ETIMEDOUT',
  },
  'settings after a restart': {
    ok: {
      files: {
        [SYSCTL_FILE]: OURS,
        '/etc/sysctl.d/10-earlier.conf': 'fs.nr_open = 65536\n',
        '/etc/sysctl.d/99-later.conf': 'fs.nr_open = 400000\n',
      },
    },
    warning: {
      files: {
        [SYSCTL_FILE]: OURS,
        '/usr/lib/sysctl.d/99-later.conf':
          'fs.nr_open = 65536\nnet/ipv4/ip_local_port_range = 32768\t60999\n',
      },
      finding: {
        read:
          'fs.nr_open = 65536 in /usr/lib/sysctl.d/99-later.conf; ' +
          'net.ipv4.ip_local_port_range = 32768 60999 in /usr/lib/sysctl.d/99-later.conf',
        fix: [
          "sed -i --follow-symlinks 's|^[ -]*fs[./]nr_open *=|# &|' " +
            '/usr/lib/sysctl.d/99-later.conf',
          has('ip_local_port_range'),
        ],
      },
    },
    skipped: {},
    symptom: 'any of the others',
  },
};

function reservedPorts(ports: string): Patch {
  return { '/proc/sys/net/ipv4/ip_local_reserved_ports': `${ports}\n` };
}

test('every check has its cases', () => {
  expect(Object.keys(CASES).toSorted()).toEqual(CHECKS.map(({ name }) => name).toSorted());
});

for (const check of CHECKS) {
  const cases = CASES[check.name]!;
  describe(check.name, () => {
    test('names the error that it prevents', () => {
      expect(check.symptom).toContain(cases.symptom);
    });

    for (const state of ['ok', 'warning', 'skipped'] as const) {
      test(state, () => {
        expect(examine(check, cases[state])).toMatchObject({ state, ...cases[state].finding });
      });
    }

    test('its settings are the fix, and lower nothing', () => {
      using host = new MadeUpHost(cases.warning.files ?? {});
      const goal = goalOf(cases.warning);
      const { settings, fix } = check.examine(outlookOf(host.files, goal)) as Warning;
      expect(fix).not.toBeEmpty();
      for (const [name, value] of Object.entries(settings ?? {})) {
        expect(SETTINGS).toContain(name);
        expect(fix.join('\n')).toContain(`sysctl -w ${name}=`);
        if (!name.includes('port')) expectNoLower(readSysctl(host.files, name) ?? '', value);
        host.write({ [sysctlPath(name)]: `${value}\n` });
      }
      // The kernel shows the second in the third number of the first.
      const most = settings?.['fs.file-max'];
      if (most !== undefined) host.write({ '/proc/sys/fs/file-nr': `2000\t0\t${most}\n` });
      const after = check.examine(outlookOf(host.files, goal));
      expect(after.state).toBe(settings === undefined ? 'warning' : 'ok');
    });
  });
}

function expectNoLower(before: string, after: string): void {
  const values = after.split(' ').map(Number);
  for (const [at, value] of before.split(' ').map(Number).entries()) {
    expect(values[at]).toBeGreaterThanOrEqual(value);
  }
}

describe('what the cases leave out', () => {
  const find = (name: string): Check => CHECKS.find((check) => check.name === name)!;

  test('a soft limit below a hard one that is high enough is raised in the shell', () => {
    const files = { '/proc/self/limits': limitsFile('1024                 1048576') };
    const { fix } = examine(find('open files here'), { files }) as Warning;
    expect(fix).toEqual([expect.stringMatching(/^ulimit -n 25\d{4}$/)]);
  });

  test('in a container whose limits cannot be raised, its runtime sets them', () => {
    const files = {
      '/.dockerenv': '',
      '/proc/self/limits': limitsFile('20000                20000'),
      '/proc/self/status': statusFile({ capabilities: '000001fffeffffff' }),
    };
    const { fix } = examine(find('open files here'), { files }) as Warning;
    expect(fix).toEqual([expect.stringContaining('docker run --ulimit nofile=')]);
  });

  test('a node of two workers takes what two workers take', () => {
    const files = { '/proc/self/limits': limitsFile('20000                20000') };
    const found = examine(find('open files here'), { files, flags: { workers: '2' } });
    expect(found).toMatchObject({ sessions: 38_362, consequence: has('at most 38,362 sessions') });
  });

  test('a fleet on the same machine doubles sockets and kernel memory', () => {
    const one: Case = { withFleet: true };
    expect(examine(find('fs.file-max'), one)).toMatchObject({ needs: has('2,002,236') });
    expect(examine(find('free memory'), one)).toMatchObject({
      needs: '14.2 GB: 3.9 GB in 4 workers and the fleet, 10.2 GB in the kernel',
    });
    expect(examine(find('tcp_mem'), one)).toMatchObject({ needs: has('2,000,000 pages') });
    expect(examine(find('netdev_max_backlog'), one)).toMatchObject({ state: 'warning' });
  });

  test('what running workers hold counts as free for sessions', () => {
    const files = { '/proc/meminfo': memoryFile(8_000_000, 6_000_000) };
    const alone = examine(find('free memory'), { files }) as Warning;
    const running = { ...files, ...workerPatch(70, 9_000), ...workerPatch(71, 9_000) };
    const beside = examine(find('free memory'), { files: running }) as Warning;
    const heldBytes = 2 * 80_000 * 1024 + 20 * 4_000;
    const each = 2_453 + 4_000;
    expect(beside.sessions! - alone.sessions!).toBeCloseTo(heldBytes / each, -1);
  });

  test('what running workers hold is never more than there is', () => {
    const files = { ...workerPatch(70, 9_000), ...workerPatch(71, 9_000) };
    const meminfo = { '/proc/meminfo': memoryFile(4_000_000, 3_990_000) };
    const host = examine(find('free memory'), { files: { ...files, ...meminfo } });
    expect(host).toMatchObject({ read: '4.1 GB of 4.1 GB for sessions' });
    // All that is in use belongs to sessions, so that the group needs no room beside theirs.
    const group = '/sys/fs/cgroup/system.slice/holdfast.service';
    const limits = { [`${group}/memory.max`]: '2000000000\n', [`${group}/memory.current`]: '9\n' };
    expect(examine(find('cgroup memory limit'), { files: { ...files, ...limits } })).toMatchObject({
      sessions: Math.floor(1_922_000_000 / 6_453),
      fix: ['systemctl set-property holdfast.service MemoryMax=6600000000'],
    });
  });

  test('a limit that is infinite is applied when it is as high as the kernel allows', () => {
    const unit = { ...UNIT_ON, ...unitPatch('LimitNOFILE=infinity') };
    const workers = { ...workerPatch(70, 1_048_576), ...workerPatch(71, 1_048_576) };
    const running = examine(find('the unit, as it runs'), { files: { ...unit, ...workers } });
    expect(running).toMatchObject({ state: 'ok', needs: '1,048,576, as the unit says' });
    const files = { '/etc/security/limits.conf': 'root - nofile unlimited\n' };
    const login = examine(find('the limit of a login'), { files });
    expect(login).toMatchObject({ state: 'ok', needs: has('1,048,576, as /etc/security') });
  });

  test('one worker gets all connections, several are not filled evenly', () => {
    const flags = { maxSessionsPerWorker: '1000000', workers: '1' };
    expect(examine(find('the configuration'), { flags })).toMatchObject({ sessions: 1_000_000 });
    const two = { files: workerPatch(70, 20_256) };
    const found = examine(find('open files of workers'), two);
    expect(found).toMatchObject({ consequence: has('take 20,000 sessions together') });
  });

  test('the limit of a control group is for what runs in it', () => {
    const host = { '/proc/loadavg': '0.10 0.20 0.30 1/3000 4711\n' };
    const group = { [`${GROUP}/pids.max`]: '1000\n', [`${GROUP}/pids.current`]: '20\n' };
    const tasks = find('processes and threads');
    expect(examine(tasks, { files: { ...host, ...group } })).toMatchObject({
      state: 'ok',
      read: '20 in the control group now, at most 1,000',
      needs: '100 with 4 workers',
    });
    const full = { ...group, [`${GROUP}/pids.current`]: '990\n' };
    expect(examine(tasks, { files: { ...host, ...full } })).toMatchObject({
      state: 'warning',
      fix: ['systemctl set-property holdfast.service TasksMax=2200'],
    });
  });

  test('pages may be larger than usual', () => {
    const words = new BigUint64Array([6n, 65_536n, 0n, 0n]);
    const files = { '/proc/self/auxv': new TextDecoder().decode(words) };
    const found = examine(find('tcp_mem'), { files });
    expect(found).toMatchObject({ read: has('at most 3,000,000 (196.6 GB)') });
  });

  test('more data than half of the memory is not asked for', () => {
    const files = {
      '/proc/meminfo': memoryFile(4_000_000, 3_000_000),
      '/proc/sys/net/ipv4/tcp_mem': '10000\t20000\t30000\n',
    };
    const { needs, settings } = examine(find('tcp_mem'), { files }) as Warning;
    expect(needs).toContain('as much as this memory allows');
    expect(settings).toEqual({ 'net.ipv4.tcp_mem': '250000 333333 500000' });
  });

  test('a limit of cgroup version 1 counts', () => {
    const files = {
      '/proc/self/cgroup': '5:memory:/docker/a\n4:cpu,cpuacct:/docker/a\n0::/\n',
      '/sys/fs/cgroup/memory/docker/a/memory.limit_in_bytes': '1000000000\n',
      '/sys/fs/cgroup/memory/docker/a/memory.usage_in_bytes': '0\n',
      '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
      '/sys/fs/cgroup/cpu/docker/a/cpu.cfs_quota_us': '150000\n',
      '/sys/fs/cgroup/cpu/docker/a/cpu.cfs_period_us': '100000\n',
    };
    expect(examine(find('cgroup memory limit'), { files })).toMatchObject({ state: 'warning' });
    expect(examine(find('cores'), { files })).toMatchObject({ read: '1.5' });
  });
});
