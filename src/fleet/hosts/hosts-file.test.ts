import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FleetError } from '../settings/fleet-error.ts';
import { agentsOf } from './agents.ts';
import { HostsFile } from './hosts-file.ts';
import type { HostFleet } from './hosts-state.ts';

const NOW_MS = Date.UTC(2026, 11, 1);
const HOUR_MS = 3_600_000;

let folder = '';
let file: HostsFile;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-test-'));
  file = new HostsFile([{ folder, user: process.geteuid?.() ?? 0 }]);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function fleet(more: Partial<HostFleet> = {}): HostFleet {
  return {
    id: '0123456789ab',
    provider: 'ssh',
    token: 'a-token-of-a-test',
    ports: [8710, 8711],
    startedAtMs: NOW_MS,
    endsAtMs: Date.now() + HOUR_MS,
    regions: [],
    hosts: [{ name: 'root@[2001:db8::7]:22', address: '2001:db8::7' }, { name: 'host' }],
    ...more,
  };
}

const path = (): string => join(folder, readdirSync(folder)[0] ?? '');

test('what is put in is read back, replaced and removed; nobody else may read it', () => {
  expect(file.read()).toEqual([]);
  file.put(fleet());
  file.put(fleet({ id: 'ffffffffffff' }));
  file.put(fleet({ ports: [1] }));
  expect(statSync(path()).mode & 0o777).toBe(0o600);
  expect(file.read()).toEqual([fleet({ id: 'ffffffffffff' }), fleet({ ports: [1] })].map(near));
  file.remove('ffffffffffff');
  expect(file.read()).toHaveLength(1);
});

test('agents of known hosts whose time is not over are found, each with its token', () => {
  const over = fleet({ id: 'ffffffffffff', provider: 'ec2', endsAtMs: NOW_MS - HOUR_MS });
  const agents = agentsOf([fleet({ endsAtMs: NOW_MS + 1 }), over], NOW_MS);
  expect(agents).toMatchObject([
    { host: '2001:db8::7', port: 8710, token: 'a-token-of-a-test' },
    { host: '2001:db8::7', port: 8711 },
  ]);
  expect(agents).toHaveLength(2);
});

test('when the time is over, hosts that exist are forgotten, and rented ones are not', () => {
  file.put(fleet());
  file.put(fleet({ id: 'ffffffffffff', provider: 'ec2', regions: ['us-east-1'], hosts: [] }));
  const ids = file.read(Date.now() + 2 * HOUR_MS).map(({ id }) => id);
  expect(ids).toEqual(['ffffffffffff']);
});

test.each<[string, (text: string) => string]>([
  ['no JSON', () => 'x'],
  ['cut', (text) => text.slice(0, -20)],
  ['of another version', (text) => text.replace('"version": 1', '"version": 2')],
  ['an address that is none', (text) => text.replace('"2001:db8::7"', '"a/b?c"')],
  ['a host that would be an option', (text) => text.replace('"host"', '"-oProxyCommand=x"')],
  ['a host that would be a command', (text) => text.replace('"host"', '"a;id"')],
  ['no token', (text) => text.replace('a-token-of-a-test', 'short')],
  ['a token with a line', (text) => text.replace('a-token-of-a-test', 'a-token-of-a\\nx-test')],
  ['a port that is none', (text) => text.replace('8711', '70000')],
  ['an id that is none', (text) => text.replace('0123456789ab', '../../x')],
])('%s is not believed', (_name, change) => {
  file.put(fleet());
  const text = readFileSync(path(), 'utf8');
  expect(change(text)).not.toBe(text);
  writeFileSync(path(), change(text));
  expect(() => file.read()).toThrow(FleetError);
  expect(() => file.read()).toThrow('is not what this version writes');
});

/** The moment is another each time. */
function near(value: HostFleet): HostFleet {
  return { ...value, endsAtMs: expect.any(Number) as unknown as number };
}
