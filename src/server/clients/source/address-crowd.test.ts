import { beforeEach, expect, test } from 'bun:test';
import { AddressCrowd } from './address-crowd.ts';

const SOON_MS = 10_000;

let addresses: Uint32Array;
let said: [string, unknown][];
let crowd: AddressCrowd;

beforeEach(() => {
  addresses = new Uint32Array();
  said = [];
  const warn = (text: string, fields?: object): void => void said.push([text, fields]);
  const log = { debug: () => {}, info: () => {}, warn, error: () => {} };
  crowd = new AddressCrowd(() => addresses, log);
});

/** So many sessions: the given shares from one address each, others each from their own. */
function fill(count: number, ...shares: number[]): void {
  addresses = Uint32Array.from({ length: count }, (_, at) => {
    let rest = ((at * 7_919) % count) / count;
    for (const [index, share] of shares.entries()) {
      if (rest < share) return index + 1;
      rest -= share;
    }
    return 1_000 + at;
  });
}

const open = (addressKey: number, address: string): void =>
  crowd.opened({ address, addressKey, connection: 0 });

test('shares are those of the sessions, also where only some are looked at', () => {
  fill(500, 0.5, 0.2);
  expect(crowd.shares().topOne).toBeCloseTo(0.5, 2);
  expect(crowd.shares().topTen).toBeCloseTo(0.716, 2);
  fill(100_000, 0.5, 0.2);
  const { topOne, topTen } = crowd.shares(performance.now() + SOON_MS);
  expect(Math.abs(topOne - 0.5)).toBeLessThan(0.1);
  expect(Math.abs(topTen - 0.7)).toBeLessThan(0.1);
});

test('nothing is shared where there is nobody', () => {
  expect(crowd.shares()).toEqual({ topOne: 0, topTen: 0 });
  addresses = new Uint32Array(64);
  expect(crowd.shares(performance.now() + SOON_MS)).toEqual({ topOne: 0, topTen: 0 });
});

test('an address with most sessions is named once it sends a handshake, and not again', () => {
  fill(1_000, 0.6);
  crowd.shares();
  open(2, '192.0.2.2');
  expect(said).toEqual([]);
  open(1, '192.0.2.1');
  expect(said).toEqual([
    [expect.stringContaining('trustedProxies'), { addresses: '192.0.2.1', share: 0.6 }],
  ]);
  crowd.shares(performance.now() + SOON_MS);
  open(1, '192.0.2.1');
  expect(said).toHaveLength(1);
});

test('a few addresses that have most together are named together', () => {
  fill(1_000, 0.3, 0.3);
  crowd.shares();
  open(1, '192.0.2.1');
  open(1, '192.0.2.1');
  expect(said).toEqual([]);
  open(2, '192.0.2.2');
  expect(said[0]?.[1]).toEqual({ addresses: '192.0.2.1, 192.0.2.2', share: 0.6 });
});

test('many addresses, or few sessions, are nothing to talk of', () => {
  fill(1_000, 0.1, 0.1, 0.1, 0.1, 0.1);
  crowd.shares();
  open(1, '192.0.2.1');
  fill(20, 1);
  crowd.shares(performance.now() + SOON_MS);
  open(1, '192.0.2.1');
  expect(said).toEqual([]);
});
