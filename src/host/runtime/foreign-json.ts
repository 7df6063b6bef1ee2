/**
 * Looks through JSON of strangers before it is parsed: how deep it nests, how many different keys
 * it has, and whether its strings collide in the runtime (string-guard.ts).
 *
 * One pass over the text, without parsing and without allocating. Texts too short to do harm alone
 * are looked at once in a while, and all of them for as long as somebody has lately sent strings
 * that collide. Malformed text is the parser's business, which sees the same up to the fault; but
 * for brackets beyond the depth that are never closed, which it would build first.
 */

import { StringGuard } from './string-guard.ts';

/** Why a text must not be parsed. */
export type JsonFault = 'tooManyKeys' | 'nestedTooDeep' | 'stringsCollide';

export interface ForeignJsonBounds {
  /** Different keys in one text: each new one costs the parser up to a microsecond. */
  readonly maxKeys: number;
  readonly maxDepth: number;
}

/** Shorter texts hold too few strings to be costly alone. */
const SHORT_CHARACTERS = 512;
/** Of short texts one in so many is looked at, on average. */
const SHORT_EVERY = 16;
/** Longer strings that are no keys are not looked up in the runtime's table. */
const LOOKED_UP_CHARACTERS = 16;
/** A key takes at least four characters: its quotes, a colon and a value. */
const KEY_CHARACTERS = 4;
/** Different keys of one text are told apart in a bitmap, by their marks. */
const KEY_BITS = 17;

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** What stands for a character behind a backslash, where it is another. */
const ESCAPED: Readonly<Record<number, number>> = {
  0x62: 0x08,
  0x66: 0x0c,
  0x6e: 0x0a,
  0x72: 0x0d,
  0x74: 0x09,
};

/** JSON that is not to be parsed; the message completes "it". */
export class ForeignJsonError extends Error {
  override readonly name: string = 'ForeignJsonError';
  readonly fault: JsonFault;

  constructor(fault: JsonFault, { maxKeys, maxDepth }: ForeignJsonBounds) {
    super(
      {
        tooManyKeys: `has more than ${maxKeys} different keys`,
        nestedTooDeep: `nests more than ${maxDepth} levels deep`,
        stringsCollide: "has texts that are made to collide in the runtime's tables",
      }[fault],
    );
    this.fault = fault;
  }
}

export class ForeignJson {
  readonly #bounds: ForeignJsonBounds;
  readonly #now: () => number;
  #scan: Scan | undefined;
  #untilShort = 1;

  /** @param now the time in milliseconds */
  constructor(bounds: ForeignJsonBounds, now: () => number = () => performance.now()) {
    this.#bounds = bounds;
    this.#now = now;
  }

  /**
   * @param sender who is answerable for the text; it is kept for a minute at most
   * @returns why the text from `from` on must not be parsed; `undefined` when it may
   */
  faultIn(text: string, from: number, sender: object): JsonFault | 'malformed' | undefined {
    if (text.length - from < SHORT_CHARACTERS && !this.#isDue()) return undefined;
    this.#scan ??= new Scan(this.#bounds, this.#now);
    return this.#scan.faultIn(text, from, sender);
  }

  /** Looks at the few names of something that will be keys of an object, such as headers. */
  faultInNames<Of>(
    names: (of: Of) => Iterable<string>,
    of: Of,
    sender: object,
  ): JsonFault | undefined {
    if (!this.#isDue()) return undefined;
    this.#scan ??= new Scan(this.#bounds, this.#now);
    return this.#scan.faultInNames(names(of), sender);
  }

  /**
   * Parses a text, or says in the error's message why not.
   *
   * @throws ForeignJsonError, or a SyntaxError when it is no JSON
   */
  parse(text: string): unknown {
    const fault = this.faultIn(text, 0, this);
    if (fault === 'malformed') throw new SyntaxError('what was opened is not closed');
    if (fault !== undefined) throw new ForeignJsonError(fault, this.#bounds);
    return JSON.parse(text);
  }

  /** Whether a short text is to be looked at now. Nobody outside can tell which is next. */
  #isDue(): boolean {
    if (this.#scan?.isWary === true) return true;
    if (--this.#untilShort > 0) return false;
    this.#untilShort = 1 + Math.floor(Math.random() * (2 * SHORT_EVERY - 1));
    return true;
  }
}

/** The look itself, with what it needs; made when there is something to look at. */
class Scan {
  readonly #bounds: ForeignJsonBounds;
  readonly #now: () => number;
  readonly #guard: StringGuard = new StringGuard();
  readonly #keyBits: Uint32Array = new Uint32Array(2 ** KEY_BITS / 32);
  /** Bits that so many keys set as there may be: some share one. */
  readonly #keyBitsMax: number;
  /** By depth: what was opened there. */
  readonly #opened: Uint8Array;
  #units: Uint16Array = new Uint16Array(64);
  #keyBitsSet = 0;
  #isCountingKeys = false;
  #fault: JsonFault | undefined;
  #at = 0;

  constructor(bounds: ForeignJsonBounds, now: () => number) {
    this.#bounds = bounds;
    this.#now = now;
    this.#opened = new Uint8Array(bounds.maxDepth + 1);
    const bits = 2 ** KEY_BITS;
    this.#keyBitsMax = bits * (1 - Math.exp(-bounds.maxKeys / bits));
  }

  /** Somebody has sent strings that collide, of late. */
  get isWary(): boolean {
    return this.#guard.isWary;
  }

  faultInNames(names: Iterable<string>, sender: object): JsonFault | undefined {
    this.#begin(0, sender);
    for (const name of names) this.#name(name);
    return this.#fault;
  }

  faultIn(text: string, from: number, sender: object): JsonFault | 'malformed' | undefined {
    this.#begin(text.length - from, sender);
    const { maxDepth } = this.#bounds;
    const opened = this.#opened;
    const end = text.length;
    let depth = 0;
    let isTooDeep = false;
    let isKey = false;
    for (let at = from; at < end; ) {
      const code = text.charCodeAt(at++);
      if (code === QUOTE) {
        at = this.#string(text, at, isKey);
        if (this.#fault !== undefined) return this.#fault;
        isKey = false;
      } else if (code === COMMA) isKey = opened[depth] === OPEN_BRACE;
      else if (code < OPEN_BRACKET) continue;
      else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
        if (++depth > maxDepth) isTooDeep = true;
        else opened[depth] = code;
        isKey = code === OPEN_BRACE;
      } else if ((code === CLOSE_BRACE || code === CLOSE_BRACKET) && depth > 0) depth--;
    }
    if (isTooDeep) return depth === 0 ? 'nestedTooDeep' : 'malformed';
    return undefined;
  }

  /** Takes a string that is no part of a text. */
  #name(name: string): void {
    const keys = this.#guard.markKeys;
    let mark = 0;
    let seen = 0;
    while (this.#units.length < name.length) this.#grow();
    for (let i = 0; i < name.length; i++) {
      const unit = name.charCodeAt(i);
      this.#units[i] = unit;
      seen |= unit;
      const key = i & (keys.length - 1);
      if (key === 0) mark = Math.imul(mark ^ (mark >>> 15), (keys[1] as number) | 1);
      mark = (mark + Math.imul(unit + 1, keys[key] as number)) | 0;
    }
    if (this.#fault !== undefined || name.length < 2) return;
    this.#takeUnits(name.length, seen > 255, mixed(mark));
  }

  #begin(length: number, sender: object): void {
    this.#guard.begin(sender, this.#now());
    this.#isCountingKeys = length > this.#bounds.maxKeys * KEY_CHARACTERS;
    if (this.#keyBitsSet > 0) this.#keyBits.fill(0);
    this.#keyBitsSet = 0;
    this.#fault = undefined;
  }

  /** Takes a string whose quote stands before `start`. @returns where the text goes on */
  #string(text: string, start: number, isKey: boolean): number {
    const keys = this.#guard.markKeys;
    const most = Math.min(text.length, start + LOOKED_UP_CHARACTERS);
    let mark = 0;
    let seen = 0;
    let at = start;
    for (; at < most; at++) {
      const unit = text.charCodeAt(at);
      if (unit === QUOTE) break;
      if (unit === BACKSLASH) return this.#otherString(text, start, isKey);
      seen |= unit;
      mark = (mark + Math.imul(unit + 1, keys[at - start] as number)) | 0;
    }
    const length = at - start;
    if (text.charCodeAt(at) !== QUOTE) {
      return isKey || at === text.length
        ? this.#otherString(text, start, isKey)
        : endOfString(text, at);
    }
    mark = mixed(mark);
    // The runtime has strings of one character ready.
    if (length > 1 || seen > 255) {
      if (!this.#guard.isFree(mark)) this.#take(text, start, length, seen > 255, mark);
    }
    if (isKey && this.#isCountingKeys) this.#countKey(mark);
    return at + 1;
  }

  #take(text: string, start: number, length: number, isWide: boolean, mark: number): void {
    for (let i = 0; i < length; i++) this.#units[i] = text.charCodeAt(start + i);
    this.#takeUnits(length, isWide, mark);
  }

  /** Takes a string that is long or has a backslash. @returns where the text goes on */
  #otherString(text: string, start: number, isKey: boolean): number {
    const keys = this.#guard.markKeys;
    const most = isKey ? Number.POSITIVE_INFINITY : LOOKED_UP_CHARACTERS;
    let mark = 0;
    let seen = 0;
    let length = 0;
    this.#at = start;
    while (this.#at < text.length) {
      let unit = text.charCodeAt(this.#at++);
      if (unit === QUOTE) break;
      // It is no string that is looked up.
      if (length === most) return endOfString(text, this.#at - 1);
      if (unit === BACKSLASH) unit = this.#escaped(text);
      if (length === this.#units.length) this.#grow();
      this.#units[length] = unit;
      seen |= unit;
      const key = length & (keys.length - 1);
      // A long string goes over the keys again: then what there is is mixed in between.
      if (key === 0) mark = Math.imul(mark ^ (mark >>> 15), (keys[1] as number) | 1);
      mark = (mark + Math.imul(unit + 1, keys[key] as number)) | 0;
      length++;
    }
    mark = mixed(mark);
    if (length > 1 || seen > 255) this.#takeUnits(length, seen > 255, mark);
    if (isKey && this.#isCountingKeys) this.#countKey(mark);
    return this.#at;
  }

  #takeUnits(length: number, isWide: boolean, mark: number): void {
    if (!this.#guard.take(this.#units, length, isWide, mark)) this.#fault = 'stringsCollide';
  }

  #countKey(mark: number): void {
    const bit = mark >>> (32 - KEY_BITS);
    const word = bit >>> 5;
    const mask = 1 << (bit & 31);
    const bits = this.#keyBits[word] as number;
    if ((bits & mask) !== 0) return;
    this.#keyBits[word] = bits | mask;
    if (++this.#keyBitsSet > this.#keyBitsMax) this.#fault ??= 'tooManyKeys';
  }

  /** Reads what a backslash was the beginning of. */
  #escaped(text: string): number {
    const code = text.charCodeAt(this.#at++);
    if (code !== LETTER_U) return ESCAPED[code] ?? code;
    let unit = 0;
    for (const end = this.#at + 4; this.#at < end; this.#at++) {
      unit = (unit << 4) | hexDigit(text.charCodeAt(this.#at));
    }
    return unit;
  }

  #grow(): void {
    const grown = new Uint16Array(2 * this.#units.length);
    grown.set(this.#units);
    this.#units = grown;
  }
}

function hexDigit(code: number): number {
  return code < 0x40 ? code & 15 : ((code & 7) + 9) & 15;
}

/** Where the text goes on behind a string; `at` is within it, and behind no backslash. */
function endOfString(text: string, at: number): number {
  for (let from = at; ; ) {
    const quote = text.indexOf('"', from);
    if (quote === -1) return text.length;
    let before = quote;
    while (before > from && text.charCodeAt(before - 1) === BACKSLASH) before--;
    from = quote + 1;
    if ((quote - before) % 2 === 0) return from;
  }
}

/** Lets each bit depend on all others, so that names in a row do not share places in a bitmap. */
function mixed(mark: number): number {
  let bits = mark ^ (mark >>> 16);
  bits = Math.imul(bits, 0x85eb_ca6b);
  bits ^= bits >>> 13;
  bits = Math.imul(bits, 0xc2b2_ae35);
  return bits ^ (bits >>> 16);
}
