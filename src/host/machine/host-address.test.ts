import { expect, test } from 'bun:test';
import type { NetworkInterfaceInfo } from 'node:os';
import { hostAddress } from './host-address.ts';

function one(address: string, internal = false): NetworkInterfaceInfo {
  const common = { address, internal, mac: '', netmask: '', cidr: null };
  return address.includes(':')
    ? { ...common, family: 'IPv6', scopeid: 0 }
    : { ...common, family: 'IPv4' };
}

test.each([
  ['10.0.0.5', { lo: [one('127.0.0.1', true)], eth0: [one('fd00::5'), one('10.0.0.5')] }],
  [
    'fd00::5',
    { lo: [one('::1', true)], eth0: [one('fe80::1'), one('169.254.1.1'), one('fd00::5')] },
  ],
  ['127.0.0.1', { lo: [one('127.0.0.1', true), one('::1', true)], eth0: [one('fe80::1')] }],
  ['127.0.0.1', {}],
])('%s is where other hosts reach this one', (address, interfaces) => {
  expect(hostAddress(interfaces)).toBe(address);
});
