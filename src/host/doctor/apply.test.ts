/** Settings made and put back, on a made-up host. */
import { describe, expect, test } from 'bun:test';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import {
  limitsFile,
  MadeUpHost,
  type Patch,
  statusFile,
  unitPatch,
} from '../../../test/support/made-up-host.ts';
import { nodeRules } from '../../cli/doctor-rules.ts';
import { loadConfig } from '../config/load.ts';
import { HostFiles } from '../machine/host-files.ts';
import { apply, type Changes, undo } from './apply.ts';
import { diagnose } from './diagnosis.ts';
import { outlookOf } from './outlook.ts';
import { LOGIN_LIMITS_FILE, SYSCTL_FILE, UNIT_FILE } from './reach.ts';
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

function applyTo({ files }: MadeUpHost, connections = 1_000_000, run: string[] = []): Changes {
  return applyOn(files, connections, run);
}

function applyOn(host: HostFiles, connections: number, run: string[] = []): Changes {
  const goal = { connections, withFleet: false, node: nodeRules(loadConfig()) };
  const outlook = outlookOf(host, goal);
  return apply(outlook, diagnose(outlook), (command) => run.push(command.join(' ')));
}

/** Stops an apply when it has written the last setting and reads it back. */
class CutOff extends HostFiles {
  override text(path: string): string | undefined {
    const text = super.text(path);
    if (path.endsWith('/tcp_mem') && text?.startsWith('750000')) throw new Error('cut off');
    return text;
  }
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
    const low = { '/proc/self/limits': LOW };
    using host = new MadeUpHost(FRESH, held, unitPatch('LimitNOFILE=1024'), low);
    const { files } = applyTo(host);
    expect(files.filter(({ isDone }) => !isDone)).toMatchObject([
      { name: LOGIN_LIMITS_FILE, done: expect.stringContaining('CAP_SYS_RESOURCE') },
      { name: UNIT_FILE, done: expect.stringContaining('CAP_SYS_RESOURCE') },
    ]);
    expect(has(host, LOGIN_LIMITS_FILE)).toBe(false);
    expect(has(host, UNIT_FILE)).toBe(false);
  });
});

describe('the open files of others', () => {
  const LOW_FILES = { '/proc/self/limits': LOW };

  test('stay as they are where everybody has more', () => {
    const limits = { '/etc/security/limits.conf': '* - nofile 1048576\n' };
    using host = new MadeUpHost(LOW_FILES, limits);
    applyTo(host);
    const lines = host.read(LOGIN_LIMITS_FILE).split('\n').slice(1);
    expect(lines).toEqual([expect.stringMatching(/^root - nofile 25\d{4}$/), '']);
  });

  test('are no fewer than systemd gives without a line', () => {
    using host = new MadeUpHost(LOW_FILES, unitPatch('LimitNOFILE=1048576'));
    applyTo(host);
    expect(host.read(LOGIN_LIMITS_FILE)).toContain('* - nofile 524288\nroot - nofile 524288\n');
  });

  test.each([
    ['that is silent has what systemd gives', '', null],
    ['that is silent has what systemd is configured to give', '', '700000'],
    ['without a limit keeps that', 'LimitNOFILE=infinity', null],
  ])('a unit %s', (_, line, configured) => {
    const file = '/etc/systemd/system.conf';
    const text = configured && `[Manager]\nDefaultLimitNOFILE=1024:${configured}\n`;
    // For 2,400,000 each of four workers needs some 603,000.
    using host = new MadeUpHost(unitPatch(line), { [file]: text });
    const { files } = applyTo(host, configured ? 2_400_000 : 1_000_000);
    expect(has(host, UNIT_FILE)).toBe(false);
    expect(files.at(-1)?.done).toContain('already');
  });
});

describe('a login', () => {
  const LOW_FILES = { '/proc/self/limits': LOW };

  test('is not promised more than the kernel, asked to, has come to allow', () => {
    using host = new MadeUpHost(FRESH, LOW_FILES, { '/proc/sys/fs/nr_open': null });
    // A file of 65536 that not even root may write, as the real one is in a container.
    symlinkSync('/proc/sys/kernel/ngroups_max', `${host.files.root}/proc/sys/fs/nr_open`);
    const { settings, files } = applyTo(host);
    expect(settings[0]).toMatchObject({ name: 'fs.nr_open', isDone: false });
    expect(files[1]?.done).toBe('not written: fs.nr_open stays 65,536');
    expect(has(host, LOGIN_LIMITS_FILE)).toBe(false);
    expect(host.read(SYSCTL_FILE)).not.toContain('fs.nr_open');
  });

  test('is not promised more than the next start of the host allows', () => {
    const later = '/etc/sysctl.d/99-sysctl.conf';
    using host = new MadeUpHost(FRESH, LOW_FILES, { [later]: 'fs/nr_open=65536\n' });
    const { files } = applyTo(host);
    expect(files[1]?.done).toStartWith(`not written: ${later} sets fs.nr_open to 65536 when`);
    expect(has(host, LOGIN_LIMITS_FILE)).toBe(false);
  });

  test('has its limit taken back before that of the kernel', () => {
    using host = new MadeUpHost(FRESH, LOW_FILES);
    applyTo(host);
    const nrOpen = host.read('/proc/sys/fs/nr_open');
    // The file cannot be removed.
    host.write({ [LOGIN_LIMITS_FILE]: null, [`${LOGIN_LIMITS_FILE}/in-the-way`]: '' });
    expect(() => undoOn(host)).toThrow();
    expect(host.read('/proc/sys/fs/nr_open')).toBe(nrOpen);
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

  test('goes back when a second apply was cut off after it had written', () => {
    using host = new MadeUpHost(FRESH);
    applyTo(host, 500_000);
    expect(() => applyOn(new CutOff(host.files.root), 1_000_000)).toThrow('cut off');
    undoOn(host);
    expect(values(host)).toEqual(SETTINGS.map((path) => clean(FRESH[path])));
  });

  test('is ready for what an apply has set that was cut off and made again', () => {
    using host = new MadeUpHost(FRESH);
    expect(() => applyOn(new CutOff(host.files.root), 1_000_000)).toThrow('cut off');
    expect(has(host, SYSCTL_FILE)).toBe(false);
    applyTo(host);
    expect(host.read(SYSCTL_FILE)).toContain('tcp_mem = 750000 1000000 1500000');
    undoOn(host);
    expect(has(host, SYSCTL_FILE)).toBe(false);
    expect(values(host)).toEqual(SETTINGS.map((path) => clean(FRESH[path])));
  });

  test('puts back every byte of a file, whatever its encoding', () => {
    using host = new MadeUpHost(FRESH, { [SYSCTL_FILE]: '' });
    const path = host.files.root + SYSCTL_FILE;
    const bytes = Buffer.from([...Buffer.from('# für später\n'), 0xe9, 0xff, 0x0a]);
    writeFileSync(path, bytes);
    applyTo(host);
    undoOn(host);
    expect(readFileSync(path)).toEqual(bytes);
  });

  test('names a saved state that cannot be read', () => {
    using host = new MadeUpHost({ [STATE_FILE]: '{"version":1,' });
    expect(() => undoOn(host)).toThrow(`${STATE_FILE} cannot be read; correct or remove it.`);
  });
});

describe('a saved state that somebody else may have written', () => {
  const settings = { 'net.ipv4.tcp_mem': { before: '1 2 3', applied: '1000000 2000000 3000000' } };

  test.each([
    ['names a setting of its own', { settings: { 'kernel.core_pattern': { before: '|/bin/x' } } }],
    ['names a file of its own', { settings, files: { '/etc/shadow': 'root::0::::::' } }],
    ['has no texts', { settings, files: { [SYSCTL_FILE]: 1 } }],
  ])('is refused when it %s', (_, state) => {
    const text = JSON.stringify({ version: 1, files: {}, ...state });
    using host = new MadeUpHost({ [STATE_FILE]: text });
    expect(() => undoOn(host)).toThrow(`${STATE_FILE} cannot be read; correct or remove it.`);
    expect(host.read('/proc/sys/net/ipv4/tcp_mem')).toBe('1000000\t2000000\t3000000\n');
  });

  test.each([
    ['file', STATE_FILE, 0o646],
    ['directory', dirname(STATE_FILE), 0o777],
  ])('is refused with a %s that others may write', (kind, path, mode) => {
    using host = new MadeUpHost({ [STATE_FILE]: '{"version":1,"settings":{},"files":{}}' });
    chmodSync(host.files.root + path, mode);
    const sentence = `${path} must be a ${kind} of root that nobody else may write; correct or`;
    expect(() => undoOn(host)).toThrow(sentence);
    expect(() => applyTo(host)).toThrow(sentence);
  });

  test('is refused behind a link', () => {
    using host = new MadeUpHost({ '/elsewhere': '{"version":1,"settings":{},"files":{}}' });
    mkdirSync(host.files.root + dirname(STATE_FILE), { recursive: true, mode: 0o755 });
    symlinkSync(`${host.files.root}/elsewhere`, host.files.root + STATE_FILE);
    expect(() => undoOn(host)).toThrow('must be a file of root');
  });

  test('cannot make root write through a link', () => {
    using host = new MadeUpHost(FRESH, { '/elsewhere': 'as it was' });
    mkdirSync(host.files.root + dirname(STATE_FILE), { recursive: true, mode: 0o755 });
    symlinkSync(`${host.files.root}/elsewhere`, `${host.files.root}${STATE_FILE}.new`);
    applyTo(host);
    expect(host.read('/elsewhere')).toBe('as it was');
    expect(JSON.parse(host.read(STATE_FILE)).version).toBe(1);
  });
});
