import { expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ResolvedTarget } from '../settings/target.ts';
import { localPorts, loopbackSources } from './local-ports.ts';

const targetAt = (address: string): ResolvedTarget => ({
  url: `ws://${address}:8500/`,
  host: address,
  port: 8500,
  address,
  isLoopback: address.startsWith('127.'),
  isLocal: true,
});
const LOOPBACK = targetAt('127.0.0.1');

test('counts the ports of the range, ends included', () => {
  const proc = mkdtempSync(join(tmpdir(), 'holdfast-proc-'));
  mkdirSync(join(proc, 'sys/net/ipv4'), { recursive: true });
  writeFileSync(join(proc, 'sys/net/ipv4/ip_local_port_range'), '32768\t60999\n');
  expect(localPorts(proc)).toBe(28_232);
  rmSync(proc, { recursive: true });
  expect(localPorts(proc)).toBeUndefined();
});

test.each([
  [5_000, 1, 0],
  [5_001, 1, 2],
  [1_000_000, 1, 200],
  [10_000, 2, 0],
  // Named sources have their ports for all targets together.
  [10_001, 2, 3],
])('%d connections to %d targets want %d sources', (connections, targets, sources) => {
  const all = Array.from({ length: targets }, () => LOOPBACK);
  expect(loopbackSources(connections, all, 28_232)).toHaveLength(sources);
});

test('sources are distinct addresses of 127.0.0.0/8, and fewer ports want more of them', () => {
  const sources = loopbackSources(300_000, [LOOPBACK], 1_000);
  expect(new Set(sources).size).toBe(1_200);
  expect(
    sources.every((source) => /^127\.110\.[0-4]\.([1-9]\d?|1\d\d|2[0-4]\d|250)$/.test(source)),
  ).toBe(true);
});

test('targets elsewhere are reached from whatever address leads there', () => {
  expect(loopbackSources(1_000_000, [LOOPBACK, targetAt('10.0.0.2')], 28_232)).toEqual([]);
  expect(loopbackSources(1_000_000, [targetAt('::1')], 28_232)).toEqual([]);
});
