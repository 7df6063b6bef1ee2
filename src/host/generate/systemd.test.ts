/** The unit: what a config leads to, and that systemd itself takes it. */
import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requirement } from '../../../test/support/requires.ts';
import { loadConfig } from '../config/load.ts';
import { systemdText } from './systemd.ts';

setDefaultTimeout(20_000);

const analyze = requirement('systemd-analyze');
const SECRET = 'a-secret-of-sixteen-and-more';
const FACTS = { command: ['/bin/sh'], openFilesNeeded: 524_288, workers: 4 };

type Env = Readonly<Record<string, string>>;
const textOf = (env: Env = {}, facts: Partial<typeof FACTS> = {}): string =>
  systemdText(loadConfig({ env }), { ...FACTS, ...facts });

test('words are quoted as systemd reads them', () => {
  const text = textOf(
    { HOLDFAST_APP: '/srv/100% "a"\\b/$HOME.ts' },
    { command: ['/opt/my bun', '--x=$1', '50%'] },
  );
  expect(text).toContain('ExecStart="/opt/my bun" "--x=$$1" 50%% start\n');
  expect(text).toContain('Environment="HOLDFAST_APP=/srv/100%% \\"a\\"\\\\b/$HOME.ts"\n');
});

test('secrets are in a file of their own', () => {
  const text = textOf({ HOLDFAST_ADMIN_TOKEN: SECRET });
  expect(text).not.toContain(SECRET);
  expect(text).toContain(': HOLDFAST_ADMIN_TOKEN.\nEnvironmentFile=/etc/holdfast/secrets.env\n');
  expect(textOf()).not.toContain('EnvironmentFile');
});

test('a port below 1024 needs one capability, others none', () => {
  expect(textOf({ HOLDFAST_PORT: '443' })).toContain('\nAmbientCapabilities=CAP_NET_BIND_SERVICE');
  expect(textOf()).toContain('\nCapabilityBoundingSet=\n');
  expect(textOf({ HOLDFAST_PORT: '0' })).toContain('\nCapabilityBoundingSet=\n');
});

test('homes are closed unless something of it lies there', () => {
  const inHome = (...parts: readonly string[]): string => ['', ...parts].join('/');
  expect(textOf()).toContain('\nProtectHome=yes\n');
  const app = inHome('home', 'ada', 'app.ts');
  expect(textOf({ HOLDFAST_APP: app })).toContain('\nProtectHome=read-only\n');
  expect(textOf({}, { command: [inHome('root', 'bun')] })).toContain('\nProtectHome=read-only\n');
});

test('what lies where it cannot see is refused', () => {
  expect(() => textOf({ HOLDFAST_APP: '/tmp/app.ts' })).toThrow('/tmp/app.ts lies in a temporary');
  expect(() => textOf({}, { command: ['/var/tmp/bun'] })).toThrow('lies in a temporary folder');
});

test('it may write where it records', () => {
  expect(textOf({ HOLDFAST_RECORD_DIR: '/srv/run 1' })).toContain('ReadWritePaths="/srv/run 1"\n');
});

test('it has the time that the config gives it to stop, and 10 s', () => {
  expect(textOf({ HOLDFAST_SHUTDOWN_TIMEOUT_MS: '1500' })).toContain('\nTimeoutStopSec=12\n');
});

describe.skipIf(!analyze.available)(analyze.title('systemd takes it'), () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-unit-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each<[string, Env]>([
    ['as usual', {}],
    ['with odd values', { HOLDFAST_APP: '/srv/100% "a"\\b/$HOME.ts', HOLDFAST_PORT: '80' }],
    ['with secrets', { HOLDFAST_ADMIN_TOKEN: SECRET, HOLDFAST_RECORD_DIR: '/srv/a b' }],
  ])('%s', async (_how, env) => {
    const file = join(folder, 'holdfast.service');
    writeFileSync(file, textOf(env));
    const child = Bun.spawn([analyze.path, 'verify', '--man=no', file], { stderr: 'pipe' });
    const said = await child.stderr.text();
    // Of other units of the machine it may say what it likes.
    const ofOurs = said.split('\n').filter((line) => line.includes('holdfast'));
    expect({ ofOurs, code: await child.exited }).toEqual({ ofOurs: [], code: 0 });
  });
});
