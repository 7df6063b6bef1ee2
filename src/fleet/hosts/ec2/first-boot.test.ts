/** The first-boot script, run here with stand-ins for what belongs to a system. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostFleet } from '../hosts-state.ts';
import { firstBootScript, parsePackage } from './first-boot.ts';

const COMMANDS = ['shutdown', 'systemctl', 'sysctl', 'dnf', 'npm', 'id', 'useradd', 'install'];
const fleet: HostFleet = {
  ...{ id: '0123456789ab', provider: 'ec2', token: `it's-"$(id)"-a-token`, ports: [8710, 8711] },
  ...{ startedAtMs: 0, endsAtMs: 5_400_000, regions: ['us-east-1'], hosts: [] },
};

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
  for (const name of [...COMMANDS, 'systemd-run', 'mkdir']) {
    const path = join(folder, name);
    writeFileSync(path, `#!/bin/sh\necho "${name} $*" >>'${folder}/log'\n`);
    chmodSync(path, 0o755);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('it sees to its end first, installs, and starts each agent without the token', async () => {
  // Where it writes is a folder of the test.
  const script = firstBootScript(fleet, 'holdfast@0.1.0')
    .replaceAll('>/etc/systemd/system/', `>${folder}/`)
    .replaceAll('>/opt/holdfast/', `>${folder}/`);
  const child = Bun.spawn(['bash', '-s'], {
    env: { PATH: `${folder}:${process.env['PATH']}` },
    stdio: [new Blob([script]), 'inherit', 'inherit'],
  });
  expect(await child.exited).toBe(0);
  const lines = readFileSync(join(folder, 'log'), 'utf8').trim().split('\n');
  expect(lines.slice(0, 2)).toEqual([
    'shutdown -P +90',
    'systemctl enable --now holdfast-end.timer',
  ]);
  expect(lines).toContain('npm install --prefix /opt/holdfast holdfast@0.1.0');
  const agents = lines.filter((line) => line.startsWith('systemd-run'));
  expect(agents).toHaveLength(2);
  expect(agents[1]).toEndWith('--listen 0.0.0.0:8711 --token-file /opt/holdfast/fleet.token');
  expect(lines.join('\n')).not.toContain('-a-token');
  expect(readFileSync(join(folder, 'fleet.token'), 'utf8')).toBe(`${fleet.token}\n`);
  const timer = readFileSync(join(folder, 'holdfast-end.timer'), 'utf8');
  expect(timer).toContain('OnCalendar=1970-01-01 01:30:00 UTC\nPersistent=true\n');
});

test('it is no longer than EC2 takes', () => {
  const long = { ...fleet, token: 'x'.repeat(20_000) };
  expect(() => firstBootScript(long, 'holdfast')).toThrow('longer than EC2 takes');
});

test('what npm installs is a package or a tarball, and nothing of a shell', () => {
  const fine = ['holdfast', 'holdfast@0.1.0', '@me/holdfast@1.0.0-a.1', 'https://a.b/c-1.tgz'];
  expect(fine.map(parsePackage)).toEqual(fine);
  for (const text of ['', "a'b", 'a b', '$(id)', '-g', 'http://a/b.tgz', '../x', 'a;b']) {
    expect(() => parsePackage(text)).toThrow('--package is');
  }
});
