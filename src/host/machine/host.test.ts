/** What the files of a host tell, read from made-up ones and from those of this machine. */
import { describe, expect, test } from 'bun:test';
import {
  limitsFile,
  MadeUpHost,
  unitPatch,
  workerPatch,
} from '../../../test/support/made-up-host.ts';
import { cgroupCores, cgroupMemory, cgroupTasks } from './cgroup.ts';
import { HostFiles } from './host-files.ts';
import { kernelMemory, pageBytes } from './kernel-memory.ts';
import { loginOpenFiles } from './login-limits.ts';
import { droppedPackets, listeningPorts, tcpCounter } from './network-counters.ts';
import { openFileLimits, ownOpenFileLimit, processStatus, UNLIMITED } from './process-limits.ts';
import { isSystemdRunning, serviceUnit } from './service-unit.ts';
import { readSysctl, sysctlNumbers, writeSysctl } from './sysctl.ts';
import { storedSetting } from './sysctl-files.ts';
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
      '/sys/fs/cgroup/a/pids.current': '500\n',
      '/sys/fs/cgroup/pids.max': '400\n',
      '/sys/fs/cgroup/pids.current': '40\n',
    });
    const group = { path: '/sys/fs/cgroup/a', limitBytes: 2000, usedBytes: 700 };
    expect(cgroupMemory(host.files, 'self')).toEqual(group);
    expect(cgroupCores(host.files, 'self')).toBe(2.5);
    expect(cgroupTasks(host.files, 'self')).toEqual({ limit: 512, used: 500 });
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
    '/proc/75/cmdline': '/opt/holdfast-linux-x64\0worker\0',
    '/proc/76/cmdline': 'holdfast\0start\0',
    '/proc/77/cmdline': 'node\0/usr/bin/holdfast\0worker\0',
    '/proc/sys/kernel/pid_max': '9\n',
  });
  expect(new Set(workerPids(host.files))).toEqual(new Set([70, 71, 75]));
});

test('in a user namespace no capability raises a limit', () => {
  const mayRaise = (map: string | null): boolean => {
    using host = new MadeUpHost({ '/proc/self/uid_map': map });
    return processStatus(host.files, 'self')!.mayRaiseLimits;
  };
  expect(mayRaise('         0          0 4294967295\n')).toBe(true);
  expect(mayRaise('         0     100000      65536\n')).toBe(false);
  expect(mayRaise('         0       1000          1\n')).toBe(false);
  expect(mayRaise(null)).toBe(true);
});

test.each([
  ['20000                1048576', 20_000],
  ['unlimited            unlimited', UNLIMITED],
])('the limit on open files of this process is the soft one of %s', (limits, openFiles) => {
  using host = new MadeUpHost({ '/proc/self/limits': limitsFile(limits) });
  expect(ownOpenFileLimit(`${host.files.root}/proc`)).toBe(openFiles);
});

test('without a system that tells, that of the least generous one is taken', () => {
  expect(ownOpenFileLimit('/nowhere')).toBe(10_240);
});

test('the last file by name sets a kernel setting when the host starts', () => {
  using host = new MadeUpHost({
    '/usr/lib/sysctl.d/50-a.conf': 'fs.nr_open = 5\n',
    '/etc/sysctl.d/50-a.conf': '# fs.nr_open = 6\n-fs/nr_open=7\nfs.file-max = 8\n',
    '/etc/sysctl.d/90-b.conf': '  fs.file-max   =  9\nfs.file-max = 10\t11\n',
    '/etc/sysctl.conf': 'fs.nr_open=1\n',
  });
  const fileMax = { path: '/etc/sysctl.d/90-b.conf', value: '10 11' };
  expect(storedSetting(host.files, 'fs.file-max')).toEqual(fileMax);
  expect(storedSetting(host.files, 'fs.nr_open')?.path).toBe('/etc/sysctl.conf');
  expect(storedSetting(host.files, 'vm.swappiness')).toBeUndefined();
  host.write(unitPatch());
  const nrOpen = { path: '/etc/sysctl.d/50-a.conf', value: '7' };
  expect(storedSetting(host.files, 'fs.nr_open')).toEqual(nrOpen);
});

test('sockets of both versions of IP count, and pages as large as they are', () => {
  const words = new BigUint64Array([33n, 5n, 6n, 65_536n, 0n, 0n]);
  using host = new MadeUpHost({
    '/proc/net/sockstat6': 'TCP6: inuse 7\nUDP6: inuse 1\n',
    '/proc/self/auxv': new TextDecoder().decode(words),
  });
  expect(kernelMemory(`${host.files.root}/proc`)).toMatchObject({
    tcpSockets: 27,
    socketBufferBytes: 3 * 65_536,
  });
  expect(pageBytes('/nowhere')).toBe(4096);
});

test('ports that are listened on are found, and counters read', () => {
  using host = new MadeUpHost({
    '/proc/net/tcp6': '  sl\n   0: 00000000000000000000000000000000:2134 0:0 0A\n',
    '/proc/net/udp': '  sl\n   0: 00000000:0202 0:0 07\n   1: 0100007F:0303 0100007F:1 01\n',
    '/proc/net/udp6': '  sl\n   0: 00000000000000000000000000000000:14E9 0:0 07\n',
  });
  expect(listeningPorts(host.files)).toEqual([514, 2024, 5353, 8500]);
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
    expect(ownOpenFileLimit()).toBe(soft);
    expect(status.parentPid).toBe(process.ppid);
    expect(status.uid).toBe(process.getuid!());
    expect(status.cores).toBe(navigator.hardwareConcurrency);
    expect(status.anonymousBytes).toBeGreaterThan(2_000_000);
  });

  test('shows a port that is listened on', () => {
    using server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
    expect(listeningPorts(host)).toContain(server.port);
  });
});
