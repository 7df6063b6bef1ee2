import { describe, expect, test } from 'bun:test';
import { TrustedProxies } from './trusted-proxies.ts';

const DECLARED = ['10.0.0.0/8', '2001:db8:ffff::/48', '127.0.0.1'];

type HeaderList = readonly (readonly [string, string])[];

/** By those that have seen no request yet. */
function source(peer: string, headers: HeaderList) {
  return new TrustedProxies(DECLARED).sourceOf(
    new Headers(headers.map(([name, value]) => [name, value])),
    peer,
  );
}

const address = (peer: string, ...headers: HeaderList): string => source(peer, headers).address;
const FOR = 'X-Forwarded-For';

describe('the address', () => {
  test.each([
    ['a peer that nobody declared', '203.0.113.9', 'x-forwarded-for', '1.2.3.4', '203.0.113.9'],
    ['a v4-mapped peer', '::ffff:203.0.113.9', FOR, '1.2.3.4', '203.0.113.9'],
    ['a v4-mapped proxy', '::ffff:10.0.0.1', FOR, '1.2.3.4', '1.2.3.4'],
    ['a client written as v4-mapped', '10.0.0.1', FOR, '::ffff:1.2.3.4', '1.2.3.4'],
    ['one proxy', '10.0.0.1', FOR, '1.2.3.4', '1.2.3.4'],
    ['what the client wrote before', '10.0.0.1', FOR, '8.8.8.8, 1.2.3.4', '1.2.3.4'],
    ['two proxies', '10.0.0.1', FOR, '1.2.3.4, 10.9.9.9', '1.2.3.4'],
    ['a proxy that is a client', '10.0.0.1', FOR, '10.2.2.2, 10.3.3.3', '10.2.2.2'],
    ['a port', '10.0.0.1', FOR, '1.2.3.4:5678', '1.2.3.4'],
    ['v6', '10.0.0.1', FOR, '2001:DB8::7', '2001:db8::7'],
    ['v6 with a port', '10.0.0.1', FOR, '[2001:db8::7]:443', '2001:db8::7'],
    ['v6 in quotes', '10.0.0.1', FOR, '"[2001:db8::7]:443"', '2001:db8::7'],
    ['a v6 proxy', '2001:db8:ffff::2', FOR, '2001:db8::7', '2001:db8::7'],
    ['garbage', '10.0.0.1', FOR, 'drop table', '10.0.0.1'],
    ['garbage before what was told', '10.0.0.1', FOR, '<>, 1.2.3.4', '1.2.3.4'],
    ['garbage behind a further proxy', '10.0.0.1', FOR, '<>, 10.9.9.9', '10.9.9.9'],
    ['an empty header', '10.0.0.1', FOR, '', '10.0.0.1'],
    ['an empty item at the end', '10.0.0.1', FOR, '1.2.3.4,', '10.0.0.1'],
    ['octal', '10.0.0.1', FOR, '010.0.0.7', '10.0.0.1'],
    ['a name', '10.0.0.1', FOR, 'unknown', '10.0.0.1'],
    ['Forwarded', '10.0.0.1', 'Forwarded', 'for=1.2.3.4', '1.2.3.4'],
    ['… in capitals', '10.0.0.1', 'Forwarded', 'By=x; FOR=1.2.3.4 ;proto=http', '1.2.3.4'],
    ['… quoted, v6', '10.0.0.1', 'Forwarded', 'for="[2001:db8::7]:4711"', '2001:db8::7'],
    ['… v6 without quotes', '10.0.0.1', 'Forwarded', 'for=[2001:db8::7]', '2001:db8::7'],
    ['… with escapes', '10.0.0.1', 'Forwarded', 'for="1\\.2.3.4"', '1.2.3.4'],
    ['… a chain', '10.0.0.1', 'Forwarded', 'for=8.8.8.8, for=1.2.3.4, for=10.1.1.1', '1.2.3.4'],
    ['… a hidden port', '10.0.0.1', 'Forwarded', 'for="1.2.3.4:_p"', '1.2.3.4'],
    ['… hidden', '10.0.0.1', 'Forwarded', 'for=_secret', '10.0.0.1'],
    ['… unknown', '10.0.0.1', 'Forwarded', 'for=unknown', '10.0.0.1'],
    ['… a comma in quotes', '10.0.0.1', 'Forwarded', 'for=1.2.3.4;by="a, b"', '1.2.3.4'],
    ['… said twice', '10.0.0.1', 'Forwarded', 'for=8.8.8.8;for=1.2.3.4', '10.0.0.1'],
    ['… a quote without end', '10.0.0.1', 'Forwarded', 'for=1.2.3.4, for="8.8.8.8', '10.0.0.1'],
    ['… without an address', '10.0.0.1', 'Forwarded', 'proto=https', '10.0.0.1'],
  ])('%s', (_what, peer, name, value, expected) => {
    expect(address(peer, [name, value])).toBe(expected);
  });

  test('several lines of a header are one list', () => {
    expect(address('10.0.0.1', [FOR, '8.8.8.8'], [FOR, '1.2.3.4'])).toBe('1.2.3.4');
  });

  test('a client cannot slip another header past a proxy that writes one of the two', () => {
    const forged: HeaderList = [
      [FOR, '1.2.3.4'],
      ['Forwarded', 'for=8.8.8.8'],
    ];
    expect(address('10.0.0.1', ...forged)).toBe('10.0.0.1');
  });

  test('a header of the client that tells nothing changes nothing', () => {
    expect(address('10.0.0.1', [FOR, '1.2.3.4'], ['Forwarded', 'for=unknown'])).toBe('1.2.3.4');
    expect(address('10.0.0.1', ['Forwarded', 'for=1.2.3.4'], [FOR, 'x'])).toBe('1.2.3.4');
  });

  test('both headers may say the same in their ways', () => {
    const both: HeaderList = [
      [FOR, '2001:db8::7, 10.0.0.9'],
      ['Forwarded', 'for="[2001:db8:0::7]:1";host=a.example, for=10.0.0.9'],
    ];
    expect(source('10.0.0.1', both)).toMatchObject({
      address: '2001:db8::7',
      forwarded: { host: 'a.example' },
    });
  });

  test('a peer without an address stays one', () => {
    expect(address('', [FOR, '1.2.3.4'])).toBe('');
  });

  test('a huge header costs little', () => {
    const huge = [
      '1,'.repeat(8_000),
      `${'9.9.9.9,'.repeat(2_000)}10.0.0.2`,
      'x'.repeat(16_000),
      '"'.repeat(16_000),
      `for="${'\\'.repeat(15_000)}`,
      'for=a;'.repeat(2_000),
      ' '.repeat(16_000),
    ];
    const startedAtMs = performance.now();
    for (const value of huge) {
      for (let i = 0; i < 20; i++) {
        address('10.0.0.1', [FOR, value], ['Forwarded', value], ['x-forwarded-host', value]);
      }
    }
    expect(performance.now() - startedAtMs).toBeLessThan(1_000);
  });
});

describe('which of the two headers a proxy writes', () => {
  const older: HeaderList = [[FOR, '1.2.3.4']];
  const standard: HeaderList = [['Forwarded', 'for=1.2.3.4']];
  const forgedStandard: HeaderList = [['Forwarded', 'for=8.8.8.8;host=evil.example']];
  const forgedOlder: HeaderList = [
    [FOR, '8.8.8.8'],
    ['x-forwarded-host', 'evil.example'],
  ];

  function seenBy(proxies: TrustedProxies, ...headers: HeaderList) {
    const { address: seen, forwarded } = proxies.sourceOf(
      new Headers(headers.map(([name, value]) => [name, value])),
      '10.0.0.1',
    );
    return [seen, forwarded?.host];
  }

  test.each<[string, HeaderList, HeaderList]>([
    ['X-Forwarded-For', older, forgedStandard],
    ['Forwarded', standard, forgedOlder],
  ])('is seen where it comes alone: %s', (_name, written, forged) => {
    const proxies = new TrustedProxies(['10.0.0.0/8']);
    expect(seenBy(proxies, ...written, ...forged)).toEqual(['10.0.0.1', undefined]);
    // What was not passed on by a declared proxy shows nothing.
    proxies.sourceOf(new Headers([...forged].map(([name, value]) => [name, value])), '192.0.2.1');
    expect(seenBy(proxies, ...written)).toEqual(['1.2.3.4', undefined]);
    expect(seenBy(proxies, ...written, ...forged)).toEqual(['1.2.3.4', undefined]);
    expect(seenBy(proxies, ...forged.slice(1), ...written)).toEqual(['1.2.3.4', undefined]);
    expect(seenBy(proxies)).toEqual(['10.0.0.1', undefined]);
  });

  test('a client that the proxy hides cannot name itself by the other header', () => {
    const proxies = new TrustedProxies(['10.0.0.0/8']);
    expect(seenBy(proxies, ['Forwarded', 'for=_a'])).toEqual(['10.0.0.1', undefined]);
    expect(seenBy(proxies, ['Forwarded', 'for=_b'], ...forgedOlder)).toEqual([
      '10.0.0.1',
      undefined,
    ]);
  });

  test('is not known where proxies differ, and then neither is believed against the other', () => {
    const proxies = new TrustedProxies(['10.0.0.0/8']);
    seenBy(proxies, ...older);
    expect(seenBy(proxies, ...standard)).toEqual(['1.2.3.4', undefined]);
    expect(seenBy(proxies, ...older, ...forgedStandard)).toEqual(['10.0.0.1', undefined]);
  });
});

describe('host and proto', () => {
  test('are taken from declared proxies only', () => {
    const headers: HeaderList = [
      ['x-forwarded-host', 'A.example:8443'],
      ['x-forwarded-proto', 'https'],
    ];
    expect(source('203.0.113.9', headers).forwarded).toBeUndefined();
    const forwarded = { host: 'a.example:8443', proto: 'https' } as const;
    expect(source('10.0.0.1', headers).forwarded).toEqual(forwarded);
  });

  test.each([
    ['evil.example, real.example', '1.2.3.4', 'real.example'],
    ['evil.example, real.example, inner', '1.2.3.4, 10.0.0.2', 'real.example'],
    ['real.example', '1.2.3.4, 10.0.0.2', 'real.example'],
    ['[2001:db8::1]:8443', '1.2.3.4', '[2001:db8::1]:8443'],
    ['a b', '1.2.3.4', undefined],
    ['a/b', '1.2.3.4', undefined],
    [`${'a'.repeat(300)}`, '1.2.3.4', undefined],
  ])('X-Forwarded-Host %p', (value, addresses, host) => {
    const headers: HeaderList = [
      [FOR, addresses],
      ['x-forwarded-host', value],
    ];
    expect(source('10.0.0.1', headers).forwarded?.host).toBe(host);
  });

  test('Forwarded: of the proxy that saw the client', () => {
    const value =
      'for=8.8.8.8;host=evil, for=1.2.3.4;host="A.example";proto=WSS, for=10.1.1.1;host=b';
    expect(source('10.0.0.1', [['Forwarded', value]]).forwarded).toMatchObject({
      host: 'a.example',
      proto: 'https',
    });
  });

  test('nothing is believed where both headers name a client and differ', () => {
    const headers: HeaderList = [
      [FOR, '1.2.3.4'],
      ['x-forwarded-host', 'a.example'],
      ['Forwarded', 'for=8.8.8.8;host=evil.example'],
    ];
    expect(source('10.0.0.1', headers).forwarded).toEqual({ host: undefined, proto: undefined });
  });
});
