/** What runs on a host, run here by its `sh`, with a stand-in for Holdfast. */
import { afterEach, beforeEach, expect, test } from 'bun:test';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../../../test/system/eventually.ts';
import {
  isCommand,
  lacksCommand,
  readStart,
  type StartThere,
  startScript,
  stopScript,
} from './scripts.ts';

/** All that a shell might take for its own. */
const TOKEN = `'"$(touch x)\`touch x\`;|&\\!`;
const ID = '0123456789ab-01234567';

let home = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

async function sh(script: string): Promise<{ readonly code: number; readonly out: string }> {
  const child = Bun.spawn(['sh', '-s'], {
    cwd: home,
    env: { HOME: home, PATH: process.env['PATH'] },
    stdio: [new Blob([script]), 'pipe', 'inherit'],
  });
  const out = await child.stdout.text();
  return { code: await child.exited, out };
}

/** A command that says what an agent would, unless its port is to fail, and waits. */
function standIn(): string {
  const path = join(home, 'stand-in');
  writeFileSync(
    path,
    `#!/bin/sh
case "$4" in *:9) echo 'holdfast: the port is taken' >&2; exit 1;; esac
echo "{$*}"
exec sleep 600
`,
  );
  chmodSync(path, 0o755);
  return path;
}

function order(more: Partial<StartThere> = {}): StartThere {
  return {
    ...{ id: ID, ports: [8, 10], token: TOKEN, command: standIn(), listen: '0.0.0.0' },
    ...{ seconds: 60, ...more },
  };
}

/** One that has ended may still be in the table. */
function isRunning(pid: string): boolean {
  return Bun.spawnSync(['cat', `/proc/${pid}/cmdline`], { stderr: 'ignore' }).stdout.length > 0;
}

const folder = (): string => join(home, '.local', 'state', 'holdfast', `fleet-${ID}`);

test('agents are started with the token in a file, and stopped with nothing left', async () => {
  const { code, out } = await sh(startScript(order()));
  expect([code, out]).toEqual([0, 'agent 8 ready\nagent 10 ready\n']);
  expect(readStart(out, [8, 10])).toEqual(new Map());
  expect(readFileSync(join(folder(), 'token'), 'utf8')).toBe(`${TOKEN}\n`);
  const said = readFileSync(join(folder(), '8.out'), 'utf8');
  expect(said).toContain('fleet agent --listen 0.0.0.0:8 --token-file');
  expect(said).not.toContain(TOKEN);
  expect(existsSync(join(home, 'x'))).toBe(false);

  const pid = readFileSync(join(folder(), '8.pid'), 'utf8').trim();
  expect((await sh(stopScript({ id: ID, ports: [8, 10] }))).out).toBe('stopped 2\n');
  expect(isRunning(pid)).toBe(false);
  expect(existsSync(folder())).toBe(false);
});

test('of one that fails, the last thing that it said is told', async () => {
  const { out } = await sh(startScript(order({ ports: [8, 9] })));
  expect(readStart(out, [8, 9])).toEqual(new Map([[9, 'holdfast: the port is taken']]));
  await sh(stopScript({ id: ID, ports: [8, 9] }));
});

test('they end by themselves when their time is over', async () => {
  await sh(startScript(order({ ports: [8], seconds: 1 })));
  const pid = readFileSync(join(folder(), '8.pid'), 'utf8').trim();
  await eventually(
    'it has ended',
    () => isRunning(pid),
    (is) => !is,
  );
});

test('a process that has the number of an agent by now is let be', async () => {
  await sh(startScript(order({ ports: [8] })));
  const agent = readFileSync(join(folder(), '8.pid'), 'utf8').trim();
  const other = Bun.spawn(['sleep', '600']);
  writeFileSync(join(folder(), '8.pid'), `${other.pid}\n`);
  expect((await sh(stopScript({ id: ID, ports: [8] }))).out).toBe('stopped 0\n');
  expect(other.exitCode).toBeNull();
  other.kill();
  process.kill(Number(agent), 'SIGTERM');
});

test('where there is no Holdfast, it says so', async () => {
  const { code, out } = await sh(startScript(order({ command: 'no-such-holdfast' })));
  expect([code, lacksCommand(out)]).toEqual([3, true]);
  expect(existsSync(folder())).toBe(false);
});

test('what a host says of other ports is no answer', () => {
  expect(readStart('agent 8 ready\n', [8, 10])).toBeUndefined();
  expect(readStart('Welcome!\nagent 8 ready\n', [8])).toEqual(new Map());
});

test('commands are paths without anything of a shell', () => {
  const fine = ['holdfast', '/opt/a-b/holdfast', './bin/holdfast.js', '~/bin/holdfast'];
  expect(fine.every(isCommand)).toBe(true);
  const wrong = ['', '-x', 'a b', "a'b", '$x', 'a;b', '`a`', 'a\nb', '~root/x'];
  expect(wrong.some(isCommand)).toBe(false);
});
