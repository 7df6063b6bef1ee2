/**
 * Names that collide, for tests of the tables that take names from strangers.
 *
 * Rapidhash is the string hash of the runtime. Where the first and the last four characters of a
 * name are the halves of its second secret, what stands between is multiplied by zero. Murmur3
 * takes blocks of four bytes: a difference in one that comes to bit 18 is taken back by one in the
 * next that comes to bit 31, whatever the seed is.
 */

import { RuntimeHash } from '../../src/host/runtime/runtime-hash.ts';

const ZERO_HEAD = '\x93K\xb8\x8b';
const ZERO_TAIL = '\xc9\xac.\x96';

/** Names of 16 characters that all have one hash in the runtime's tables. */
export function rapidhashNames(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => {
    return ZERO_HEAD + (from + i).toString(36).padStart(8, '0') + ZERO_TAIL;
  });
}

/** The second secret as the runtime reads it, whole and in halves; the third one whole. */
const SECOND = `${ZERO_TAIL}${ZERO_HEAD}`;
const WIDE_HEAD = '\u4b93\u8bb8';
const WIDE_TAIL = '\uacc9\u962e';
const THIRD = '\xa3\xd43\xd4.\xa63K';

const digits = (i: number, length: number): string => i.toString(36).padStart(length, '0');

/** Makes a name of a number. All that one of them makes have one hash in the runtime. */
export const COLLIDING_FAMILIES: Readonly<Record<string, (i: number) => string>> = {
  '11 characters': (i) => `${ZERO_HEAD}${digits(i, 3)}${ZERO_TAIL}`,
  '12 characters, as they are few': (i) => `${ZERO_HEAD}${digits(i, 4)}${ZERO_TAIL}`,
  '16 characters': (i) => `${ZERO_HEAD}${digits(i, 8)}${ZERO_TAIL}`,
  '17 characters': (i) => `a${SECOND}${digits(i, 8)}`,
  '24 characters': (i) => `${digits(i, 8)}${SECOND}aaaaaaaa`,
  '33 characters, by what is mixed before': (i) => `${THIRD}${digits(i, 8)}${'a'.repeat(17)}`,
  '100 characters': (i) => `${digits(i, 84)}${SECOND}bbbbbbbb`,
  '8 wide characters': (i) => `${WIDE_HEAD}${digits(i, 4)}${WIDE_TAIL}`,
  '9 wide characters': (i) => `a${WIDE_TAIL}${WIDE_HEAD}${digits(i, 4)}`,
  '40 wide characters': (i) => `${digits(i, 32)}${WIDE_TAIL}${WIDE_HEAD}\u0416aaa`,
};

/** Text of a JSON object with these keys. Not by way of an object: the test itself would wait. */
export function objectText(names: readonly string[]): string {
  return `{${names.map((name) => `${JSON.stringify(name)}:1`).join()}}`;
}

/** Names like them that do not collide. */
export function plainNames(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => {
    return `name${(from + i).toString(36).padStart(8, '0')}room`;
  });
}

/** Two blocks each, four bytes in UTF-8, whose mixed words differ in bit 18, and in bit 31. */
const BLOCKS_18 = ['\u03d4\u017f', "'6H,"] as const;
const BLOCKS_31 = ['g*&`', 'g*u$'] as const;

/** Names of as many bytes that have the same murmur3 hash under every seed. */
export function murmurNames(count: number): string[] {
  const length = Math.ceil(Math.log2(count));
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length }, (_, bit) => {
      const which = ((i >> bit) & 1) as 0 | 1;
      return BLOCKS_18[which] + BLOCKS_31[which];
    }).join(''),
  );
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz';

/** Names of lower-case letters whose hashes in the runtime agree in as many bits as it looks at. */
export function collidingNames(count: number, length: number): string[] {
  const hash = new RuntimeHash();
  const units = new Uint16Array(length).fill(0x61);
  const names: string[] = [];
  while (names.length < count) {
    // The next in the order of the alphabet.
    for (let at = 0; ; at++) {
      const unit = units[at] as number;
      units[at] = unit === 0x7a ? 0x61 : unit + 1;
      if (unit !== 0x7a) break;
    }
    if ((hash.lowBits(units, length, false) & 0x3fff) !== 77) continue;
    names.push(Array.from(units, (unit) => LETTERS[unit - 0x61]).join(''));
  }
  return names;
}
