/**
 * Which octets HTTP allows where, as one table that is looked up octet by octet.
 *
 * Source: RFC 9110, section 5.6.2 (token) and 5.5 (field values); RFC 9112, section 3.2 (target);
 * RFC 3986, section 3.2.2 (host). What belongs to no class may stand nowhere in a head.
 */

export const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const COLON = 0x3a;

/** Method and names of headers. */
export const TOKEN = 1;
/** Values of headers: visible, space, tab, and the octets above ASCII that old software sends. */
export const VALUE = 2;
/**
 * A request's target. Clients send more than a URI may hold (`|`, `{`, `"`), but no `#`: what
 * comes after one is not the server's, and proxies do not agree on what it is.
 */
export const TARGET = 4;
/** Name or address of a host with its port. A comma is none: it is what joins two hosts. */
export const HOST = 8;

export const OCTETS: Uint8Array = classes();

/** Whether the token at `start` begins with a word of lower-case letters and `-`, in any case. */
export function isWord(octets: Uint8Array, start: number, word: string): boolean {
  for (let i = 0; i < word.length; i++) {
    if (((octets[start + i] as number) | 0x20) !== word.charCodeAt(i)) return false;
  }
  return true;
}

/** What may stand around a value and is no part of it. */
export function isBlank(octet: number | undefined): boolean {
  return octet === SPACE || octet === TAB;
}

/** Whether all of a text is of one class; an empty one is. */
export function isAllOf(text: string, octetClass: number): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff || ((OCTETS[code] as number) & octetClass) === 0) return false;
  }
  return true;
}

function classes(): Uint8Array {
  const table = new Uint8Array(256);
  const mark = (octetClass: number, octet: number): void => {
    table[octet] = (table[octet] as number) | octetClass;
  };
  for (let octet = 0x20; octet <= 0xff; octet++) if (octet !== 0x7f) mark(VALUE, octet);
  mark(VALUE, TAB);
  for (let octet = 0x21; octet <= 0x7e; octet++) if (octet !== 0x23) mark(TARGET, octet);
  const alphanumeric = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  for (const character of `${alphanumeric}!#$%&'*+-.^_\`|~`) mark(TOKEN, character.charCodeAt(0));
  for (const character of `${alphanumeric}-._~!$&'()*+;=%:[]`) mark(HOST, character.charCodeAt(0));
  return table;
}

/** One of 32 bits that a header's name is known by, in whatever case its first letter is. */
export function nameBit(length: number, first: number): number {
  return 1 << ((length * 5 + (first | 0x20)) & 31);
}
