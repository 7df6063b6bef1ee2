import { describe, expect, test } from 'bun:test';
import { isIP } from 'node:net';
import { formatIp, isInRange, parseIp, parseIpRange } from './ip-address.ts';

const show = (text: string): string | undefined => {
  const address = parseIp(text);
  return address && formatIp(address);
};

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['0.0.0.0', '0.0.0.0'],
  ['255.255.255.255', '255.255.255.255'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:c000:201', '192.0.2.1'],
  ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
  ['::1', '::1'],
  ['::', '::'],
  ['2001:DB8:0:0:8:800:200C:417A', '2001:db8::8:800:200c:417a'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ['fe80::1%eth0', 'fe80::1'],
])('%s is %s', (text, canonical) => {
  expect(show(text)).toBe(canonical);
});

test.each([
  '',
  ' 1.2.3.4',
  '1.2.3',
  '1.2.3.4.5',
  '1.2.3.256',
  '01.2.3.4',
  '1.2.3.4:80',
  '0x7f.0.0.1',
  '2130706433',
  ':',
  ':::',
  '1::2::3',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7::8',
  '::12345',
  '::g',
  ':1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:',
  '1.2.3.4::',
  '::1.2.3.4:5',
  '[::1]',
  'unknown',
  `::${'0'.repeat(100_000)}`,
])('%p is no address', (text) => {
  expect(parseIp(text)).toBeUndefined();
});

test('agrees with the runtime on what is an address', () => {
  const parts = ['0', '1', 'ffff', '::', ':', '1.2.3.4', '12345', '', 'g', '.', '255', '%'];
  let seed = 1;
  const next = (): string => {
    seed = (seed * 48_271) % 2_147_483_647;
    return parts[seed % parts.length] as string;
  };
  for (let i = 0; i < 20_000; i++) {
    const text = Array.from({ length: 1 + (i % 9) }, next).join(i % 3 === 0 ? ':' : '');
    if (text.includes('%')) continue;
    expect([text, parseIp(text) !== undefined]).toEqual([text, isIP(text) !== 0]);
  }
});

describe('ranges', () => {
  test.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['10.0.0.0/8', 'a00::', false],
    ['::ffff:10.0.0.0/104', '10.1.2.3', true],
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.6', false],
    ['192.0.2.128/25', '192.0.2.129', true],
    ['192.0.2.128/25', '192.0.2.127', false],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '203.0.113.9', true],
    ['2001:db8::/33', '2001:db8:7fff::1', true],
    ['2001:db8::/33', '2001:db8:8000::1', false],
    ['2001:db8::1/128', '2001:db8::1', true],
  ])('%s holds %s: %p', (range, text, isHeld) => {
    const parsed = parseIpRange(range);
    const address = parseIp(text);
    if (parsed === undefined || address === undefined) throw new Error('these are both good');
    expect(isInRange(address, parsed)).toBe(isHeld);
  });

  test.each([
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '/8',
    'fe80::%1',
  ])('%s is no range', (text) => {
    expect(parseIpRange(text)).toBeUndefined();
  });
});
