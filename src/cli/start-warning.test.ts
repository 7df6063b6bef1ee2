import { expect, test } from 'bun:test';
import {
  limitsFile,
  MadeUpHost,
  memoryFile,
  type Patch,
  statusFile,
} from '../../test/support/made-up-host.ts';
import { type ConfigSources, loadConfig } from '../host/config/load.ts';
import { HostFiles } from '../host/machine/host-files.ts';
import { warnOfMachine } from './start-warning.ts';

function warnings(files: Patch, flags: ConfigSources['flags'] = {}): readonly string[] {
  using host = new MadeUpHost(files);
  return warningsOn(host.files, flags);
}

function warningsOn(host: HostFiles, flags: ConfigSources['flags'] = {}): readonly string[] {
  const lines: string[] = [];
  const log = { warn: (message: string) => lines.push(message) };
  warnOfMachine(loadConfig({ flags }), log, host);
  return lines;
}

const LOW = { '/proc/self/limits': limitsFile('20000                20000') };

test('two lines say how many connections the machine holds, and who says more', () => {
  expect(warnings(LOW, { workers: '2', connections: '1000000' })).toEqual([
    expect.stringMatching(
      /^this machine holds about 38,362 of 1,000,000 connections: open files here, EMFILE/,
    ),
    '"holdfast doctor --connections 1000000" says more',
  ]);
});

test('nothing is said when the machine is large enough', () => {
  expect(warnings({}, { connections: '1000000' })).toEqual([]);
});

test('what only costs more workers or what a fleet needs is not worth a line', () => {
  const range = { '/proc/sys/net/ipv4/ip_local_port_range': '32768\t60999\n' };
  expect(warnings({ ...LOW, ...range }, { connections: '1000000' })).toEqual([]);
});

test('without connections nothing is said on an ordinary machine', () => {
  const ordinary = {
    '/proc/self/status': statusFile({ uid: 1000, cores: '0', capabilities: '0' }),
    '/proc/self/limits': limitsFile('1024                 4096'),
    '/proc/meminfo': memoryFile(2_000_000, 900_000),
  };
  expect(warnings(ordinary)).toEqual([]);
  expect(warnings({})).toEqual([]);
});

test('without connections a machine that is too small for anything is worth two lines', () => {
  const lines = warnings({ '/proc/meminfo': memoryFile(500_000, 120_000) });
  expect(lines).toHaveLength(2);
  expect(lines[0]).toContain('of 10,000 connections: free memory, out of memory');
});

test('a host that tells nothing is no reason to say anything, or to fail', () => {
  expect(warningsOn(new HostFiles('/nowhere'), { connections: '1000000' })).toEqual([]);
});

test('it takes less than 50 ms on this machine', () => {
  // The best of several: others may use the cores, too.
  const timesMs = Array.from({ length: 5 }, () => {
    const beganMs = performance.now();
    warningsOn(new HostFiles(), { connections: '1000000' });
    return performance.now() - beganMs;
  });
  expect(Math.min(...timesMs)).toBeLessThan(50);
});
