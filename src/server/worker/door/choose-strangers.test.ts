import { expect, test } from 'bun:test';
import { chooseStrangers as choose, type Stranger, YOUNG_MS } from './choose-strangers.ts';

let file = 100;

/** No address has sessions, unless it is said. */
const chooseStrangers = (
  strangers: readonly Stranger[],
  wanted: number,
  requestsOf: (address: number) => number = () => 0,
): Stranger[] => choose(strangers, wanted, requestsOf);

/** Connections of one address, each silent for so long. */
function from(address: number, ...silentMs: number[]): Stranger[] {
  return silentMs.map((ms) => ({ file: file++, address, connection: file, silentMs: ms }));
}

const many = (address: number, count: number, silentMs: number): Stranger[] =>
  from(address, ...Array.from({ length: count }, (_, i) => silentMs + i));

function addressesOf(chosen: readonly Stranger[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { address } of chosen) counts[address] = (counts[address] ?? 0) + 1;
  return counts;
}

test('who holds hundreds makes place for hundreds', () => {
  const strangers = [...many(1, 300, 0), ...many(2, 20, 60_000), ...from(3, 90_000)];
  expect(addressesOf(chooseStrangers(strangers, 250))).toEqual({ 1: 250 });
  expect(addressesOf(chooseStrangers(strangers, 290))).toEqual({ 1: 285, 2: 5 });
});

test('the longest silent of an address goes first', () => {
  const strangers = from(1, 5_000, 900, 70_000, 3_000);
  expect(chooseStrangers(strangers, 2).map(({ silentMs }) => silentMs)).toEqual([70_000, 5_000]);
});

test('among addresses with one each the longest silent goes first', () => {
  const strangers = Array.from({ length: 50 }, (_, i) => from(i, i * 1_000)).flat();
  expect(chooseStrangers(strangers, 2).map(({ silentMs }) => silentMs)).toEqual([49_000, 48_000]);
});

test('who has just come is left, unless the address has many', () => {
  expect(chooseStrangers(from(1, 0, YOUNG_MS - 1, YOUNG_MS), 3)).toHaveLength(1);
  expect(chooseStrangers(many(1, 30, 0).slice(0, 30), 30)).toHaveLength(22);
});

test('what sessions of an address may ask over goes after all others, and has its time', () => {
  const [strangers, honest] = [Array.from({ length: 300 }, (_, i) => from(i + 9, 50 + i)), 1];
  const crowd = [...strangers.flat(), ...many(honest, 30, 0)];
  const requestsOf = (address: number): number => (address === honest ? 12 : 0);
  expect(addressesOf(chooseStrangers(crowd, 250))[honest]).toBe(22);
  expect(addressesOf(chooseStrangers(crowd, 250, requestsOf))[honest]).toBeUndefined();
  // It is no shelter for as many as one likes, nor for long.
  expect(addressesOf(chooseStrangers(many(honest, 300, 0), 300, requestsOf))).toEqual({ 1: 268 });
  const old = chooseStrangers(many(honest, 30, YOUNG_MS), 30, requestsOf);
  expect(addressesOf(old)).toEqual({ [honest]: 30 });
});

test('no more than wanted, and nothing of nothing', () => {
  expect(chooseStrangers(many(1, 30, 1_000), 0)).toEqual([]);
  expect(chooseStrangers([], 5)).toEqual([]);
});
