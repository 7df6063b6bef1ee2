import { expect, test } from 'bun:test';
import { cpuMs } from '../../../../../test/support/cpu-time.ts';
import { fullestFirst as choose, type Ranked, type Silent } from './fullest-first.ts';

const NONE = { perAddress: () => 0, perConnection: () => 0 };

function fullestFirst(all: readonly Silent[], wanted: number = all.length): Ranked<Silent>[] {
  return choose(all, wanted, NONE);
}

/** As many of one address and connection, silent for 1, 2, … ms more than told. */
const many = (address: number, connection: number, count: number, silentMs = 0): Silent[] =>
  Array.from({ length: count }, (_, i) => ({ address, connection, silentMs: silentMs + i + 1 }));

test('the fullest address goes first, and of it the longest silent', () => {
  const [one, two] = [many(1, 1, 3), many(2, 2, 5)];
  const chosen = fullestFirst([...one, ...two], 4);
  expect(chosen.map(({ item }) => [item.address, item.silentMs])).toEqual([
    [2, 5],
    [2, 4],
    [1, 3],
    [2, 3],
  ]);
  expect(chosen.map(({ rank }) => rank)).toEqual([4, 3, 2, 2]);
});

test('of equal ones the longest silent goes first, whatever its address', () => {
  const all = [5, 9, 7].map((silentMs, at) => ({ address: at, connection: at, silentMs }));
  expect(fullestFirst(all).map(({ item }) => item.silentMs)).toEqual([9, 7, 5]);
});

test('within an address the fullest connection goes first, however silent others are', () => {
  const honest = [1, 2, 3].flatMap((connection) => many(1, connection, 1, 10_000));
  const chosen = fullestFirst([...honest, ...many(1, 9, 20)], 19);
  expect(new Set(chosen.map(({ item }) => item.connection))).toEqual(new Set([9]));
});

test('a hundred thousand are sorted in a moment', () => {
  const all = Array.from({ length: 100_000 }, (_, at) => {
    return { address: at % 7, connection: at % 1_000, silentMs: (at * 7_919) % 100_003 };
  });
  const before = cpuMs();
  expect(fullestFirst(all, 6_250)).toHaveLength(6_250);
  expect(cpuMs() - before).toBeLessThan(1_000);
});

test('nothing of nothing', () => {
  expect(fullestFirst([])).toEqual([]);
});

test('an address that has no more than each keeps is not fuller than others', () => {
  const all = [...many(1, 1, 3), ...many(2, 2, 1, 10), ...many(3, 3, 9)];
  const chosen = choose(all, 8, { perAddress: () => 3, perConnection: () => 9 });
  expect(chosen.map(({ item }) => [item.address, item.silentMs]).slice(4)).toEqual([
    [3, 5],
    [2, 11],
    [3, 4],
    [1, 3],
  ]);
});
