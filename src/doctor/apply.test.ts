/** Settings made and put back, on a made-up host. */
import { describe, expect, test } from 'bun:test';
import { existsSync, readdirSync } from 'node:fs';
import {
  limitsFile,
  MadeUpHost,
  type Patch,
  statusFile,
  unitPatch,
} from '../../test/support/made-up-host.ts';
import { nodeRules } from '../cli/doctor-rules.ts';
import { loadConfig } from '../config/load.ts';
import { apply, type Changes, SYSCTL_FILE, undo } from './apply.ts';
import { diagnose } from './diagnosis.ts';
import { LOGIN_LIMITS_FILE, UNIT_FILE } from './open-files.ts';
import { outlookOf } from './outlook.ts';
import { STATE_FILE } from './saved-state.ts';

/** What a fresh machine has. */
const FRESH: Patch = {
  '/proc/self/limits': limitsFile('1024                 524288'),
  '/proc/sys/fs/nr_open': '65536\n',
  '/proc/sys/net/ipv4/ip_local_port_range': '32768\t60999\n',
  '/proc/sys/net/ipv4/ip_local_reserved_ports': '\n',
  '/proc/sys/net/ipv4/tcp_mem': '287898\t383867\t575796\n',
  '/proc/sys/net/ipv4/tcp_migrate_req': '0\n',
};
const SETTINGS = Object.keys(FRESH).filter((path) => path.startsWith('/proc/sys'));

/** What holds one worker a core without more ado is not what the tests are about. */
const LOW = limitsFile('20000                20000');

function applyTo(host: MadeUpHost, connections = 1_000_000, run: string[] = []): Changes {
  const goal = { connections, withFleet: false, node: nodeRules(loadConfig()) };
  const outlook = outlookOf(host.files, goal);
  return apply(outlook, diagnose(outlook), (command) => run.push(command.join(' ')));
}

function undoOn(host: MadeUpHost, run: string[] = []): Changes | undefined {
  return undo(host.files, (command) => run.push(command.join(' ')));
}

function has(host: MadeUpHost, path: string): boolean {
  return existsSync(host.files.root + path);
}

function values(host: MadeUpHost): readonly string[] {
  return SETTINGS.map((path) => host.read(path).trim().replaceAll('\t', ' '));
}

describe('apply', () => {
  test('raises what warns, now and for later, and reads back', () => {
    using host = new MadeUpHost(FRESH, { '/proc/self/limits': LOW });
    const changes = applyTo(host);
    expect(changes.settings.map(({ name, done }) => `${name}: ${done}`)).toEqual([
      expect.stringMatching(/^fs.nr_open: 65536 → 26\d{4}$/),
      'net.ipv4.ip_local_reserved_ports: nothing → 2024,8500,8600',
      'net.ipv4.ip_local_port_range: 32768 60999 → 1024 65535',
      'net.ipv4.tcp_migrate_req: 0 → 1',
      'net.ipv4.tcp_mem: 287898 383867 575796 → 750000 1000000 1500000',
    ]);
    const lines = host.read(SYSCTL_FILE).split('\n');
    expect(lines).toContain('net.ipv4.tcp_mem = 750000 1000000 1500000');
    expect(lines).toContain('net.ipv4.ip_local_port_range = 1024 65535');
    expect(host.read(LOGIN_LIMITS_FILE)).toMatch(/^\* - nofile 25\d{4}\nroot - nofile 25\d{4}$/m);
  });

  test('then nothing warns that it can mend, and nothing is left to apply', () => {
    using host = new MadeUpHost(FRESH);
    applyTo(host);
    const node = nodeRules(loadConfig());
    const outlook = outlookOf(host.files, { connections: 1_000_000, withFleet: false, node });
    const warnings = diagnose(outlook).checks.filter(({ state }) => state === 'warning');
    expect(warnings.map(({ name }) => name)).toEqual(['open files here']);
    expect(applyTo(host).settings).toEqual([]);
  });

  test('writes nothing where nothing is wanting', () => {
    using host = new MadeUpHost();
    const { settings, files } = applyTo(host);
    expect(settings).toEqual([]);
    expect(files.map(({ isDone }) => isDone)).toEqual([false, false, false]);
    for (const path of [STATE_FILE, SYSCTL_FILE, LOGIN_LIMITS_FILE, UNIT_FILE]) {
      expect(has(host, path)).toBe(false);
    }
  });

  test('gives systemd a drop-in where it runs the host', () => {
    using host = new MadeUpHost(FRESH, unitPatch('LimitNOFILE=1024'));
    const run: string[] = [];
    applyTo(host, 1_000_000, run);
    expect(host.read(UNIT_FILE)).toMatch(/^\[Service\]\nLimitNOFILE=25\d{4}$/m);
    expect(run).toEqual(['systemctl daemon-reload']);
    undoOn(host, run);
    expect(has(host, UNIT_FILE)).toBe(false);
    expect(has(host, '/etc/systemd/system/holdfast.service.d')).toBe(false);
    expect(run).toHaveLength(2);
  });

  test('lowers no value for a smaller goal', () => {
    using host = new MadeUpHost(FRESH);
    applyTo(host);
    const before = values(host);
    applyTo(host, 40_000);
    expect(values(host)).toEqual(before);
    expect(host.read(SYSCTL_FILE)).toContain('tcp_mem = 750000 1000000 1500000');
  });

  test('for a larger goal keeps what the file had, and undo goes back to the first', () => {
    using host = new MadeUpHost(FRESH);
    applyTo(host, 500_000);
    applyTo(host, 1_000_000);
    const file = host.read(SYSCTL_FILE);
    expect(file).toContain('net.ipv4.tcp_migrate_req = 1');
    expect(file.match(/tcp_mem = .*/g)).toEqual(['tcp_mem = 750000 1000000 1500000']);
    undoOn(host);
    expect(values(host)).toEqual(SETTINGS.map((path) => clean(FRESH[path])));
  });

  test('writes no limit that would keep people from logging in', () => {
    const status = statusFile({ capabilities: '000001fffeffffff' });
    const held = { '/proc/self/status': status, '/proc/1/status': status };
    using host = new MadeUpHost(FRESH, held, unitPatch(), { '/proc/self/limits': LOW });
    const { files } = applyTo(host);
    expect(files.filter(({ isDone }) => !isDone)).toMatchObject([
      { name: LOGIN_LIMITS_FILE, done: expect.stringContaining('CAP_SYS_RESOURCE') },
      { name: UNIT_FILE, done: expect.stringContaining('CAP_SYS_RESOURCE') },
    ]);
    expect(has(host, LOGIN_LIMITS_FILE)).toBe(false);
    expect(has(host, UNIT_FILE)).toBe(false);
  });
});

function clean(text: string | null | undefined): string {
  return text?.trim().replaceAll('\t', ' ') ?? '';
}

describe('undo', () => {
  test('puts the values back, removes the files, and has then nothing to undo', () => {
    using host = new MadeUpHost(FRESH, { '/proc/self/limits': LOW });
    applyTo(host);
    expect(has(host, STATE_FILE)).toBe(true);
    const changes = undoOn(host)!;
    expect([...changes.settings, ...changes.files].every(({ isDone }) => isDone)).toBe(true);
    expect(values(host)).toEqual(SETTINGS.map((path) => clean(FRESH[path])));
    for (const path of [STATE_FILE, SYSCTL_FILE, LOGIN_LIMITS_FILE, '/var/lib/holdfast']) {
      expect(has(host, path)).toBe(false);
    }
    expect(readdirSync(`${host.files.root}/etc/sysctl.d`)).toEqual([]);
    expect(undoOn(host)).toBeUndefined();
  });

  test('puts back a file that was there before', () => {
    const text = 'net.core.somaxconn = 9999\n';
    using host = new MadeUpHost(FRESH, { [SYSCTL_FILE]: text });
    applyTo(host);
    expect(host.read(SYSCTL_FILE)).toContain('tcp_migrate_req = 1');
    undoOn(host);
    expect(host.read(SYSCTL_FILE)).toBe(text);
  });

  test('leaves alone what somebody else has changed since', () => {
    using host = new MadeUpHost(FRESH);
    applyTo(host);
    host.write({ '/proc/sys/net/ipv4/tcp_mem': '1 2 3\n' });
    const { settings } = undoOn(host)!;
    expect(settings[0]).toEqual({
      name: 'net.ipv4.tcp_mem',
      done: 'left at 1 2 3: changed by someone else since',
      isDone: true,
    });
    expect(host.read('/proc/sys/net/ipv4/tcp_mem')).toBe('1 2 3\n');
  });

  test('keeps what it could not put back for another try', () => {
    using host = new MadeUpHost(FRESH);
    applyTo(host);
    const path = '/proc/sys/net/ipv4/tcp_mem';
    const now = host.read(path);
    host.write({ [path]: null, [`${path}/in-the-way`]: '' });
    expect(undoOn(host)!.settings[0]).toMatchObject({ name: 'net.ipv4.tcp_mem', isDone: false });
    host.write({ [path]: now });
    expect(undoOn(host)!.settings.every(({ isDone }) => isDone)).toBe(true);
    expect(values(host)).toEqual(SETTINGS.map((name) => clean(FRESH[name])));
  });

  test('goes back even when apply was cut off before it had read back', () => {
    using host = new MadeUpHost(FRESH);
    applyTo(host);
    const state = JSON.parse(host.read(STATE_FILE));
    for (const setting of Object.values<{ applied?: string }>(state.settings)) {
      delete setting.applied;
    }
    host.write({ [STATE_FILE]: JSON.stringify(state) });
    undoOn(host);
    expect(values(host)).toEqual(SETTINGS.map((path) => clean(FRESH[path])));
  });

  test('names a saved state that cannot be read', () => {
    using host = new MadeUpHost({ [STATE_FILE]: '{"version":1,' });
    expect(() => undoOn(host)).toThrow(`${STATE_FILE} cannot be read; correct or remove it.`);
  });
});
