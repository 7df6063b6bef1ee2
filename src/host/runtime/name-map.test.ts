import { expect, test } from 'bun:test';
import { cpuMs } from '../../../test/support/cpu-time.ts';
import { murmurNames, plainNames, rapidhashNames } from '../../../test/support/hostile-names.ts';
import { NameMap } from './name-map.ts';

const seed = Math.floor(Math.random() * 2 ** 31);

test(`agrees with a Map through a random life of 20,000 steps, seed ${seed}`, () => {
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (state >>> 8) % below;
  };
  const names = [...plainNames(1_000), ...rapidhashNames(1_000)];
  const map = new NameMap<number>();
  const model = new Map<string, number>();
  for (let step = 0; step < 20_000; step++) {
    // Names come in waves, so that the table grows and shrinks.
    const isGrowing = Math.floor(step / 4_000) % 2 === 0;
    const name = names[random(names.length)] as string;
    if (random(10) < (isGrowing ? 7 : 2)) {
      map.set(name, step);
      model.set(name, step);
    } else if (map.delete(name) !== model.delete(name)) throw new Error(`they differ in '${name}'`);
    if (step % 1_000 !== 0) continue;
    expect(map.size).toBe(model.size);
    expect(names.map((one) => map.get(one))).toEqual(names.map((one) => model.get(one)));
    expect(names.map((one) => map.has(one))).toEqual(names.map((one) => model.has(one)));
    expect(new Map(map.entries())).toEqual(model);
    expect(new Set(map.keys())).toEqual(new Set(model.keys()));
    expect(new Set(map.values())).toEqual(new Set(model.values()));
  }
  map.clear();
  expect(map.size).toBe(0);
  expect([...map]).toEqual([]);
});

test('what is never deleted stays in the order of its coming', () => {
  const map = new NameMap<number>();
  const names = plainNames(1_000);
  for (const [i, name] of names.entries()) map.set(name, i);
  expect([...map.keys()]).toEqual(names);
});

/** The time to enter names and to find each. */
function timeOf(names: readonly string[]): number {
  const map = new NameMap<string>();
  const since = cpuMs();
  for (const name of names) map.set(name, name);
  for (const name of names) map.get(name);
  return cpuMs() - since;
}

test('10,000 names made to collide elsewhere cost what others do', () => {
  const plain = plainNames(10_000);
  // In turns, and the shortest time of each: other programs may be running. The long ones are seven
  // times as long; in a `Map` it is hundreds of times for both.
  const rounds = Array.from({ length: 25 }, () =>
    [plain, rapidhashNames(10_000), murmurNames(10_000)].map(timeOf),
  );
  const [usual, rapidhash, murmur] = [0, 1, 2].map((which) =>
    Math.min(...rounds.map((times) => times[which] as number)),
  ) as [number, number, number];
  expect(rapidhash).toBeLessThan(4 * usual);
  expect(murmur).toBeLessThan(20 * usual);
});
