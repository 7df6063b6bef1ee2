import { expect, test } from 'bun:test';
import type { IpAddress } from '../../protocol/ip-address.ts';
import { parseIp } from '../../protocol/ip-address.ts';
import { SessionSources } from './session-sources.ts';
import { NO_SOURCE, SourceKeys } from './source-keys.ts';

const ip = (text: string): IpAddress => parseIp(text) as IpAddress;

test('an address has one key, however it is written; v6 counts by its first 64 bits', () => {
  const keys = new SourceKeys();
  expect(keys.address(ip('::ffff:192.0.2.1'))).toBe(keys.address(ip('192.0.2.1')));
  expect(keys.address(ip('192.0.2.2'))).not.toBe(keys.address(ip('192.0.2.1')));
  expect(keys.address(ip('2001:db8:1:2::9'))).toBe(keys.address(ip('2001:db8:1:2:ff::')));
  expect(keys.address(ip('2001:db8:1:3::9'))).not.toBe(keys.address(ip('2001:db8:1:2::9')));
  expect(keys.address(undefined)).not.toBe(NO_SOURCE);
});

test('nobody can know keys beforehand', () => {
  const one = new SourceKeys().address(ip('192.0.2.1'));
  const others = Array.from({ length: 8 }, () => new SourceKeys().address(ip('192.0.2.1')));
  expect(others).not.toContain(one);
});

test('columns grow with the slots and forget with them', () => {
  const sources = new SessionSources();
  for (let slot = 0; slot < 10_000; slot++) sources.set(slot, slot + 1, slot + 2);
  expect(sources.addressOf(9_999)).toBe(10_000);
  expect(sources.addresses.length).toBeLessThan(13_000);
  sources.moveTo(5, 77);
  expect(sources.connectionOf(5)).toBe(77);
  sources.clear(5);
  expect([sources.addressOf(5), sources.connectionOf(5)]).toEqual([NO_SOURCE, NO_SOURCE]);
  expect(sources.addressOf(10_000_000)).toBe(NO_SOURCE);
});
