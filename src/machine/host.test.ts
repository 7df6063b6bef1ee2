/** What the files of a host tell, read from made-up ones and from those of this machine. */
import { describe, expect, test } from 'bun:test';
import { MadeUpHost, unitPatch, workerPatch } from '../../test/support/made-up-host.ts';
import { cgroupCores, cgroupMemory, cgroupTasks } from './cgroup.ts';
import { HostFiles } from './host-files.ts';
import { loginOpenFiles } from './login-limits.ts';
import { droppedPackets, listeningPorts, tcpCounter } from './network-counters.ts';
import { openFileLimits, processStatus, UNLIMITED } from './process-limits.ts';
import { isSystemdRunning, serviceUnit } from './service-unit.ts';
import { readSysctl, sysctlNumbers, writeSysctl } from './sysctl.ts';
import { workerPids } from './worker-processes.ts';

describe('a control group', () => {
  test('is bound by the tightest of those above it', () => {
    using host = new MadeUpHost({
      '/proc/self/cgroup': '0::/a/b\n',
      '/sys/fs/cgroup/a/b/memory.max': '3000\n',
      '/sys/fs/cgroup/a/memory.max': '2000\n',
      '/sys/fs/cgroup/a/memory.current': '700\n',
      '/sys/fs/cgroup/memory.max': 'max\n',
      '/sys/fs/cgroup/a/b/cpu.max': 'max 100000\n',
      '/sys/fs/cgroup/a/cpu.max': '250000 100000\n',
      '/sys/fs/cgroup/a/b/pids.max': 'max\n',
      '/sys/fs/cgroup/a/pids.max': '512\n',
    });
    const group = { path: '/sys/fs/cgroup/a', limitBytes: 2000, usedBytes: 700 };
    expect(cgroupMemory(host.files, 'self')).toEqual(group);
    expect(cgroupCores(host.files, 'self')).toBe(2.5);
    expect(cgroupTasks(host.files, 'self')).toBe(512);
  });

  test('that is not there bounds nothing', () => {
    using host = new MadeUpHost({ '/proc/self/cgroup': null });
    expect(cgroupMemory(host.files, 'self')).toBeUndefined();
    expect(cgroupCores(host.files, 'self')).toBeUndefined();
    expect(cgroupTasks(host.files, 'self')).toBeUndefined();
  });
});

describe('a service', () => {
  test('has the limit of the last drop-in by name, and of /etc before /usr', () => {
    using host = new MadeUpHost(unitPatch('LimitNOFILE=1024'), {
      '/usr/lib/systemd/system/holdfast.service.d/50-a.conf': 'LimitNOFILE=5\n',
      '/etc/systemd/system/holdfast.service.d/50-a.conf': '[Service]\nLimitNOFILE = 7:infinity\n',
      '/usr/lib/systemd/system/holdfast.service.d/10-b.conf': 'LimitNOFILE=9\n',
      '/sys/fs/cgroup/systemd/system.slice/holdfast.service/cgroup.procs': '70\n71\n',
    });
    expect(isSystemdRunning(host.files)).toBe(true);
    expect(serviceUnit(host.files, 'holdfast.service')).toEqual({
      path: '/etc/systemd/system/holdfast.service',
      openFiles: { soft: 7, hard: UNLIMITED },
      pids: [70, 71],
    });
    expect(serviceUnit(host.files, 'other.service')).toBeUndefined();
  });
});

test('a login of a user has their own limit, else that of everybody', () => {
  using host = new MadeUpHost({
    '/etc/security/limits.conf': 'operator hard nofile 5000 # mine\n* - nofile unlimited\n',
    '/etc/security/limits.d/10-soft.conf': 'operator soft nofile 9\n* hard nproc 9\n',
  });
  expect(loginOpenFiles(host.files, 1000)?.hard).toBe(5000);
  expect(loginOpenFiles(host.files, 1001)?.hard).toBe(UNLIMITED);
  expect(loginOpenFiles(host.files, 0)).toBeUndefined();
});

test('workers are told from other processes by their command line', () => {
  using host = new MadeUpHost(workerPatch(70, 1024), workerPatch(71, 1024), {
    '/proc/72/cmdline': '/opt/bun\0/opt/holdfast/src/cli/main.ts\0start\0',
    '/proc/73/cmdline': '/usr/bin/editor\0worker\0',
    '/proc/74/cmdline': '',
    '/proc/sys/kernel/pid_max': '9\n',
  });
  expect(new Set(workerPids(host.files))).toEqual(new Set([70, 71]));
});

test('ports that are listened on are found, and counters read', () => {
  using host = new MadeUpHost({
    '/proc/net/tcp6': '  sl\n   0: 00000000000000000000000000000000:2134 0:0 0A\n',
  });
  expect(listeningPorts(host.files)).toEqual([2024, 8500]);
  expect(listeningPorts(new HostFiles('/nowhere'))).toEqual([]);
  expect(tcpCounter(host.files, 'ListenOverflows')).toBe(7);
  expect(tcpCounter(host.files, 'Unheard')).toBeUndefined();
  expect(droppedPackets(host.files)).toBe(0);
});

test('a setting is read back as it was written', () => {
  using host = new MadeUpHost();
  writeSysctl(host.files, 'net.ipv4.ip_local_port_range', '2000 3000');
  expect(sysctlNumbers(host.files, 'net.ipv4.ip_local_port_range')).toEqual([2000, 3000]);
  host.write({ '/proc/sys/net/ipv4/tcp_mem': '1\t2\t3\n' });
  expect(readSysctl(host.files, 'net.ipv4.tcp_mem')).toBe('1 2 3');
  expect(readSysctl(host.files, 'net.ipv4.absent')).toBeUndefined();
});

describe('this machine', () => {
  const host = new HostFiles();

  test('tells of this process', () => {
    const { soft, hard } = openFileLimits(host, 'self')!;
    expect(soft).toBeGreaterThan(100);
    expect(hard).toBeGreaterThanOrEqual(soft);
    const status = processStatus(host, process.pid)!;
    expect(status.parentPid).toBe(process.ppid);
    expect(status.uid).toBe(process.getuid!());
    expect(status.cores).toBe(navigator.hardwareConcurrency);
    expect(status.rssBytes).toBeGreaterThan(10_000_000);
  });

  test('shows a port that is listened on', () => {
    using server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
    expect(listeningPorts(host)).toContain(server.port);
  });
});
