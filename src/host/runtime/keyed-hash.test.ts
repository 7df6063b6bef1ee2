import { expect, test } from 'bun:test';
import { murmurNames, plainNames, rapidhashNames } from '../../../test/support/hostile-names.ts';
import { KeyedHash } from './keyed-hash.ts';

const NAMES = 16_384;

function distinct(names: readonly string[], hash: (name: string) => number): number {
  return new Set(names.map(hash)).size;
}

test('the names of the tests collide in a hash whose seed does not help', () => {
  for (const seed of [1, 77, 0xdead_beef]) {
    expect(distinct(murmurNames(NAMES), (name) => Bun.hash.murmur32v3(name, seed))).toBe(1);
  }
});

test('names that collide elsewhere are told apart', () => {
  for (const names of [murmurNames(NAMES), rapidhashNames(NAMES), plainNames(NAMES)]) {
    const hash = new KeyedHash();
    // Of so many, two agree in 32 bits by chance once in 30 tries.
    expect(distinct(names, (name) => hash.hash(name))).toBeGreaterThan(NAMES - 10);
    // And they spread over a small table: the fullest of 256 places has 64 on average.
    const counts = new Uint32Array(256);
    for (const name of names) counts[hash.hash(name) & 255]! += 1;
    expect(Math.max(...counts)).toBeLessThan(128);
  }
});

test('a hash depends on its key, on each character and on the length', () => {
  const hash = new KeyedHash(new Uint32Array([1, 2]));
  const same = new KeyedHash(new Uint32Array([1, 2]));
  const other = new KeyedHash(new Uint32Array([1, 3]));
  const texts = [
    '',
    '\0',
    '\0\0',
    'a',
    'a\0',
    'ab',
    'ba',
    'abc',
    'abd',
    'ab\u0163',
    '\ud83d\ude00',
  ];
  for (const text of texts) {
    expect(same.hash(text)).toBe(hash.hash(text));
    expect(other.hash(text)).not.toBe(hash.hash(text));
  }
  expect(distinct(texts, (text) => hash.hash(text))).toBe(texts.length);
});

test('a part of a text has the hash that it has alone', () => {
  const hash = new KeyedHash();
  expect(hash.hash('xxroom:7yy', 2, 8)).toBe(hash.hash('room:7'));
  expect(hash.hash('xxroom:77yy', 2, 9)).toBe(hash.hash('room:77'));
});

test('the two halves of a wide hash have nothing to do with each other', () => {
  const hash = new KeyedHash();
  const into = new Uint32Array(2);
  const halves = rapidhashNames(NAMES).map((name) => {
    hash.hashWide(name, into);
    return [into[0] as number, into[1] as number] as const;
  });
  const sameBits = halves.reduce((sum, [low, high]) => sum + ((low ^ high) & 1), 0);
  expect(Math.abs(sameBits - NAMES / 2)).toBeLessThan(NAMES / 16);
  expect(new Set(halves.map(([low]) => low)).size).toBeGreaterThan(NAMES - 10);
  expect(new Set(halves.map(([, high]) => high)).size).toBeGreaterThan(NAMES - 10);
});
