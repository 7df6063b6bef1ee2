import { expect, test } from 'bun:test';
import { COLLIDING_FAMILIES } from '../../../test/support/hostile-names.ts';
import { RuntimeHash } from './runtime-hash.ts';

const hash = new RuntimeHash();

function placeOf(name: string): number {
  const units = Uint16Array.from(name, (_, i) => name.charCodeAt(i));
  return hash.lowBits(
    units,
    name.length,
    units.some((unit) => unit > 255),
  );
}

/** Names of a length that agree in the lowest 11 bits of their hash, or in none. */
function namesOf(length: number, first: string, isColliding: boolean): string[] {
  const units = new Uint16Array(length).fill(0x5f);
  units[0] = first.charCodeAt(0);
  const names: string[] = [];
  for (let number = 0; names.length < 400; number++) {
    const text = number.toString(36);
    for (let i = 0; i < text.length; i++) units[i + 1] = text.charCodeAt(i);
    const bits = hash.lowBits(units, length, (units[0] as number) > 255);
    if (!isColliding || (bits & 0x7ff) === 77) names.push(String.fromCharCode(...units));
  }
  return names;
}

/** The shortest of some times to enter names into a Map. */
function timeOf(names: readonly string[]): number {
  const times = Array.from({ length: 9 }, () => {
    const map = new Map<string, number>();
    const since = performance.now();
    for (const name of names) map.set(name, 1);
    return performance.now() - since;
  });
  return Math.min(...times);
}

const NAMES = [
  [6, 'a'],
  [12, 'a'],
  [16, 'a'],
  [17, 'a'],
  [33, 'a'],
  [100, 'a'],
  [6, '\u0416'],
  [16, '\u0416'],
  [60, '\u0416'],
] as const;

for (const [length, first] of NAMES) {
  test(`${length} characters from '${first}' on that agree here collide in the runtime`, () => {
    timeOf(namesOf(length, first, false));
    const usual = timeOf(namesOf(length, first, false));
    expect(timeOf(namesOf(length, first, true))).toBeGreaterThan(4 * usual);
  });
}

test.each(Object.entries(COLLIDING_FAMILIES))('%s that collide belong in one place', (_, make) => {
  const names = Array.from({ length: 1_000 }, (_name, i) => make(i));
  expect(new Set(names.map(placeOf)).size).toBe(1);
  const others = Array.from({ length: 1_000 }, (_name, i) => `${make(i)}-`);
  const usual = timeOf(others.map((name, i) => name.replace(/.$/, String(i % 10))));
  expect(timeOf(names)).toBeGreaterThan(4 * usual);
});

test('wide and narrow strings of the shortest lengths have a place', () => {
  const names = ['', 'a', 'ab', 'abc', 'abcd', '\u0416', '\u0416a', 'aaaaaaaa'];
  for (const name of names) expect(placeOf(name)).toBeLessThan(65_536);
  expect(new Set(names.map(placeOf)).size).toBe(names.length);
});
