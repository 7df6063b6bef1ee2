/**
 * Addresses of the Internet Protocol, and ranges of them, as numbers.
 *
 * An address is four words of 32 bits; one of version 4 is kept as its v4-mapped form, so that
 * both versions compare in one way and `::ffff:192.0.2.1` is `192.0.2.1`. Nothing is guessed: text
 * that RFC 4291 or dotted decimal does not allow is no address. Source: RFC 4291, RFC 5952.
 */

export type IpAddress = readonly [number, number, number, number];

/** All addresses whose first `bits` are those of `base`. */
export interface IpRange {
  readonly base: IpAddress;
  readonly bits: number;
}

/** The longest text of an address: a v4-mapped one written out, and a zone is cut off before. */
const TEXT_MAX_LENGTH = 45;
const GROUP_PATTERN = /^[0-9a-f]{1,4}$/i;
const GROUPS = 8;
const BITS = 128;
/** Where the bits of a v4 address begin in its mapped form. */
const V4_OFFSET = 96;
const MAPPED_WORD = 0xff_ff;
/** How the addresses of clients of version 4 are written where a socket listens on both. */
const MAPPED_PREFIX = '::ffff:';

const DOT = 0x2e;
const DIGIT_0 = 0x30;
const BYTES = 4;

/** @returns `undefined` when the text is no address; a zone (`%eth0`) is left out */
export function parseIp(text: string): IpAddress | undefined {
  const zone = text.indexOf('%');
  const bare = zone === -1 ? text : text.slice(0, zone);
  if (bare.length > TEXT_MAX_LENGTH) return undefined;
  const v4 = parseV4(bare, bare.startsWith(MAPPED_PREFIX) ? MAPPED_PREFIX.length : 0);
  if (v4 !== undefined) return [0, 0, MAPPED_WORD, v4];
  return bare.includes(':') ? parseV6(bare) : undefined;
}

/** @param text an address, or one with the length of a prefix: `10.0.0.0/8`, `2001:db8::/32` */
export function parseIpRange(text: string): IpRange | undefined {
  const slash = text.indexOf('/');
  const base = parseIp(slash === -1 ? text : text.slice(0, slash));
  if (base === undefined || text.includes('%')) return undefined;
  if (slash === -1) return { base, bits: BITS };
  const length = text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(length)) return undefined;
  const bits = Number(length) + (text.includes(':') ? 0 : V4_OFFSET);
  return bits > BITS ? undefined : { base, bits };
}

export function isInRange(address: IpAddress, { base, bits }: IpRange): boolean {
  let left = bits;
  for (let i = 0; left > 0; i++, left -= 32) {
    const shift = left >= 32 ? 0 : 32 - left;
    const difference = (address[i] as number) ^ (base[i] as number);
    if (difference >>> shift !== 0) return false;
  }
  return true;
}

export function isV4(address: IpAddress): boolean {
  return address[0] === 0 && address[1] === 0 && address[2] === MAPPED_WORD;
}

/** The one text of an address: dotted decimal for version 4, RFC 5952 for version 6. */
export function formatIp(address: IpAddress): string {
  if (isV4(address)) {
    const [, , , word] = address;
    return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
  }
  const groups = address.flatMap((word) => [word >>> 16, word & 0xff_ff]);
  const [start, length] = longestZeros(groups);
  const hex = (part: readonly number[]): string =>
    part.map((group) => group.toString(16)).join(':');
  if (length < 2) return hex(groups);
  return `${hex(groups.slice(0, start))}::${hex(groups.slice(start + length))}`;
}

function longestZeros(groups: readonly number[]): readonly [start: number, length: number] {
  let best: readonly [number, number] = [0, 0];
  for (let start = 0; start < GROUPS; start++) {
    let end = start;
    while (end < GROUPS && groups[end] === 0) end++;
    if (end - start > best[1]) best = [start, end - start];
  }
  return best;
}

/** By hand, since each request comes from an address. */
function parseV4(text: string, start = 0): number | undefined {
  let word = 0;
  let bytes = 0;
  let byte = 0;
  let digits = 0;
  for (let at = start; at <= text.length; at++) {
    const code = at === text.length ? DOT : text.charCodeAt(at);
    if (code === DOT) {
      if (digits === 0 || ++bytes > BYTES) return undefined;
      word = (word << 8) | byte;
      byte = 0;
      digits = 0;
      continue;
    }
    const digit = code - DIGIT_0;
    if (digit < 0 || digit > 9) return undefined;
    // A leading zero means octal to some readers and nothing to others.
    if (digits > 0 && byte === 0) return undefined;
    byte = byte * 10 + digit;
    if (byte > 255) return undefined;
    digits++;
  }
  return bytes === BYTES ? word >>> 0 : undefined;
}

function parseV6(text: string): IpAddress | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head = '', tail] = halves;
  const before = parseGroups(head, tail === undefined);
  const after = tail === undefined ? [] : parseGroups(tail, true);
  if (before === undefined || after === undefined) return undefined;
  const missing = GROUPS - before.length - after.length;
  // `::` stands for one group of zeros at least.
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...before, ...Array.from({ length: missing }, () => 0), ...after];
  const word = (at: number): number =>
    (((groups[at] as number) << 16) | (groups[at + 1] as number)) >>> 0;
  return [word(0), word(2), word(4), word(6)];
}

/** @param mayEndInV4 the last part may be a v4 address, which takes the place of two groups */
function parseGroups(text: string, mayEndInV4: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    const v4 =
      mayEndInV4 && index === parts.length - 1 && part.includes('.') ? parseV4(part) : undefined;
    if (v4 !== undefined) groups.push(v4 >>> 16, v4 & 0xff_ff);
    else if (GROUP_PATTERN.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}
