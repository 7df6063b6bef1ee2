/** What generated files are made from, and kernel settings, on made-up hosts. */
import { describe, expect, test } from 'bun:test';
import { limitsFile, MadeUpHost } from '../../test/support/made-up-host.ts';
import { loadConfig } from '../host/config/load.ts';
import { sysctlText } from '../host/generate/sysctl.ts';
import { diagnosisFor, hostFacts, serviceFacts } from './generate-facts.ts';

const configFor = (flags: Readonly<Record<string, string>> = {}) => loadConfig({ flags });

test('a host is told by its files', () => {
  using host = new MadeUpHost({
    '/proc/self/limits': limitsFile('10256                20000'),
    '/proc/sys/net/ipv4/ip_local_port_range': '1024\t65535\n',
  });
  expect(hostFacts(configFor({ workers: '3' }), host.files)).toMatchObject({
    workers: 3,
    connectionsPerWorker: 10_000,
    openFiles: 10_256,
    localPorts: 64_512,
  });
});

test('a service gets the open files that its connections need', () => {
  using host = new MadeUpHost();
  const files = (flags: Readonly<Record<string, string>>): number =>
    serviceFacts(configFor(flags), host.files).openFilesNeeded;
  expect(files({})).toBe(524_288);
  expect(files({ workers: '1', connections: '1000000' })).toBe(1_000_256);
});

describe('kernel settings', () => {
  test('are those that the doctor would raise', () => {
    using host = new MadeUpHost({
      '/proc/sys/fs/nr_open': '20000\n',
      '/proc/sys/net/ipv4/ip_local_port_range': '32768\t60999\n',
      '/proc/sys/net/ipv4/ip_local_reserved_ports': '\n',
    });
    const text = sysctlText(diagnosisFor(configFor({ connections: '1000000' }), host.files));
    expect(text).toMatch(/\n\n# fs\.nr_open: it is 20,000; needed: .*\nfs\.nr_open = \d{6,}\n/);
    expect(text).toContain('\nnet.ipv4.ip_local_port_range = 1024 65535\n');
    const keys = [...text.matchAll(/^([\w.]+) = /gm)].map(([, key]) => key);
    expect(keys).toEqual([...new Set(keys)]);
  });

  test('are none where nothing is wanting', () => {
    using host = new MadeUpHost();
    const text = sysctlText(diagnosisFor(configFor({ connections: '1000' }), host.files));
    expect(text).toContain('# Nothing has to be raised here.\n');
    expect(text).not.toContain(' = ');
  });

  test('need a number', () => {
    using host = new MadeUpHost();
    expect(() => diagnosisFor(configFor(), host.files)).toThrow('such as --connections 100000.');
  });
});
