/** The command `doctor`: on made-up hosts from inside, and as users run it. */
import { describe, expect, test } from 'bun:test';
import { limitsFile, MadeUpHost, type Patch } from '../../test/support/made-up-host.ts';
import { CliError } from './cli-error.ts';
import { type DoctorOptions, doctor } from './doctor-run.ts';

const MAIN = new URL('./main.ts', import.meta.url).pathname;

/** What a fresh machine has that is wanting. */
const FRESH: Patch = {
  '/proc/self/limits': limitsFile('20000                20000'),
  '/proc/sys/net/ipv4/ip_local_port_range': '32768\t60999\n',
  '/proc/sys/net/ipv4/ip_local_reserved_ports': '\n',
};

function examine(host: MadeUpHost, options: DoctorOptions, isRoot = true) {
  const printed: string[] = [];
  const isWell = doctor(options, {
    host: host.files,
    isRoot,
    run: () => {},
    print: (text) => printed.push(text),
  });
  return { isWell, text: printed.join('\n') };
}

function complaint(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(CliError);
    return (error as CliError).message;
  }
  throw new Error('it did not complain');
}

describe('the words', () => {
  test('fit into 100 columns, with the table, each warning and the verdict', () => {
    using host = new MadeUpHost(FRESH);
    const { isWell, text } = examine(host, { connections: '1000000' });
    expect(isWell).toBe(false);
    const lines = text.split('\n');
    const wide = lines.filter((line) => line.length > 100 && !line.startsWith('  $ '));
    expect(wide).toEqual([]);
    expect(text).toMatch(/│ open files here +│ warning │ 20,000 soft, 20,000 hard +│/);
    expect(text).toMatch(/│ swap +│ skipped │ the host has no swap +│/);
    expect(text).toContain('\n\nopen files here: no session is lost, but this makes 53 workers');
    expect(text).toContain('\n  prevents EMFILE');
    expect(text).toContain('\n  $ sysctl -w net.ipv4.ip_local_port_range="1024 65535"\n');
    expect(text.replaceAll(/\s+/g, ' ')).toContain(
      'This machine holds 1,000,000 sessions. It would hold about 4,383,561; what stops the next ' +
        'one: cores (ETIMEDOUT',
    );
  });

  test('say so when the machine is too small', () => {
    using host = new MadeUpHost({ '/proc/self/limits': limitsFile('1024                 1024') });
    const { text } = examine(host, { connections: '1000000', withFleet: true });
    expect(text.replaceAll(/\s+/g, ' ')).toContain(
      'This machine holds about 168,192 of 1,000,000 sessions with the fleet on it; what stops ' +
        'the next one: open files here (EMFILE',
    );
  });

  test('are few when all is well', () => {
    using host = new MadeUpHost();
    const { isWell, text } = examine(host, { connections: '1000000' });
    expect(isWell).toBe(true);
    expect(text).not.toContain('$ ');
  });
});

describe('--json', () => {
  test('has the same content', () => {
    using host = new MadeUpHost(FRESH);
    const { isWell, text } = examine(host, { connections: '1000000', json: true });
    expect(isWell).toBe(false);
    expect(JSON.parse(text)).toMatchObject({
      connections: 1_000_000,
      withFleet: false,
      workers: 53,
      sessions: 4_383_561,
      limitedBy: { name: 'cores' },
      checks: expect.arrayContaining([
        {
          name: 'open files here',
          symptom: expect.stringContaining('EMFILE'),
          state: 'warning',
          read: '20,000 soft, 20,000 hard',
          needs: expect.stringContaining('for 4 workers'),
          sessions: 4_910_336,
          consequence: expect.any(String),
          fix: expect.any(Array),
        },
        expect.objectContaining({ name: 'swap', state: 'skipped', reason: expect.any(String) }),
      ]),
    });
  });

  test('tells of changes and of what stays wanting', () => {
    using host = new MadeUpHost(FRESH);
    const applied = examine(host, { connections: '1000000', apply: true, json: true });
    expect(applied.isWell).toBe(false);
    const { changes, checks } = JSON.parse(applied.text);
    expect(changes.settings).toContainEqual({
      name: 'net.ipv4.ip_local_port_range',
      done: '32768 60999 → 1024 65535',
      isDone: true,
    });
    const warnings = checks.filter(({ state }: { state: string }) => state === 'warning');
    // The limit of a login takes effect with the next one.
    expect(warnings.map(({ name }: { name: string }) => name)).toEqual([
      'open files here',
      'the limit of a login',
    ]);
    const undone = examine(host, { undo: true, json: true });
    expect(undone.isWell).toBe(true);
    expect(JSON.parse(undone.text).changes.settings).toContainEqual({
      name: 'net.ipv4.ip_local_port_range',
      done: '1024 65535 → 32768 60999',
      isDone: true,
    });
  });
});

describe('one sentence', () => {
  const options = { connections: '1000' };

  test.each([
    [{ ...options, apply: true }, false, 'Only root can change settings: run it with sudo, or'],
    [{ undo: true }, false, 'Only root can change settings: run it with sudo, or'],
    [{ ...options, apply: true, undo: true }, true, 'Give either --apply or --undo.'],
    [{ undo: true }, true, 'There is nothing to undo'],
    [{}, true, 'Say for how many sessions, such as --connections 100000.'],
    [{ connections: '0' }, true, '--connections is "0"; it must be a whole number from 1 to'],
    [{ connections: 'many' }, true, '--connections is "many"; it must be a whole number from 1 to'],
    [{ connections: '1e3' }, true, '--connections is "1e3"'],
  ] as const)('for %j, root %p', (asked, isRoot, sentence) => {
    using host = new MadeUpHost(FRESH);
    expect(complaint(() => examine(host, asked, isRoot))).toStartWith(sentence);
  });

  test('for files that cannot be written', () => {
    using host = new MadeUpHost(FRESH, { '/var': 'no folder' });
    const message = complaint(() => examine(host, { connections: '1000000', apply: true }));
    expect(message).toStartWith('Settings cannot be changed: ');
  });
});

test('the command reads this machine, and its exit code says whether something warns', async () => {
  const child = Bun.spawn([process.execPath, MAIN, 'doctor', '--connections', '1', '--json'], {
    env: { ...process.env, HOLDFAST_CONFIG: undefined },
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [code, out, err] = await Promise.all([
    child.exited,
    child.stdout.text(),
    child.stderr.text(),
  ]);
  const { checks, sessions } = JSON.parse(out) as { checks: { state: string }[]; sessions: number };
  expect(sessions).toBeGreaterThan(1);
  expect(code).toBe(checks.some(({ state }) => state === 'warning') ? 1 : 0);
  expect(err).toBe('');
});
