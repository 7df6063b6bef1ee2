/**
 * MessagePack of strangers, read as JSON text with its binary values beside it.
 *
 * No object is made of what is read, so names that strangers choose meet no table of the runtime;
 * what needs values parses the text, after the look that all foreign JSON gets. Counts and lengths
 * are held against the bytes that there are before anything is done about them.
 */

import { ForeignFault } from './foreign-fault.ts';

/** Longer texts are decoded and escaped by the runtime, without a look at each byte. */
const SHORT_TEXT_BYTES = 48;
/** Of a message up to this size, short texts are cut out of one that has all its bytes. */
const SMALL_MESSAGE_BYTES = 4_096;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const EXT_TIMESTAMP = -1;
/** What notepack wrote for `undefined` and for an ArrayBuffer. */
const EXT_OLD = 0;
const TIMESTAMP_MAX_MS = 8.64e15;

export class MsgpackReader {
  readonly #bytes: Buffer;
  readonly #maxDepth: number;
  #at = 0;
  /** A character for each byte. */
  #characters: string | undefined;
  /** The binary values of what `jsonText` has read so far. */
  readonly attachments: Uint8Array[] = [];

  constructor(payload: Uint8Array, maxDepth: number) {
    this.#bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    this.#maxDepth = maxDepth;
  }

  /** @throws ForeignFault where anything follows what was read */
  end(): void {
    if (this.#at !== this.#bytes.length) throw new ForeignFault('is followed by more bytes');
  }

  /** @returns how many values follow as its items */
  array(): number {
    const type = this.#u8();
    if (type >= 0x90 && type <= 0x9f) return this.#fitting(type & 0x0f, 1);
    if (type === 0xdc) return this.#fitting(this.#u16(), 1);
    if (type === 0xdd) return this.#fitting(this.#u32(), 1);
    throw new ForeignFault('has no array where one belongs');
  }

  /** @returns how many pairs of a name and a value follow */
  map(): number {
    const type = this.#u8();
    if (type >= 0x80 && type <= 0x8f) return this.#fitting(type & 0x0f, 2);
    if (type === 0xde) return this.#fitting(this.#u16(), 2);
    if (type === 0xdf) return this.#fitting(this.#u32(), 2);
    throw new ForeignFault('has no map where one belongs');
  }

  /** A text; anything else is passed over, and `undefined`. */
  text(): string | undefined {
    const length = this.#textLength(this.#bytes[this.#at] ?? 0);
    if (length === undefined) return this.skip();
    const start = this.#at;
    const end = this.#pass(length);
    return this.#plain(start, end) ?? this.#bytes.toString('utf8', start, end);
  }

  /** Passes over one value, whatever it is. */
  skip(): undefined {
    const known = this.attachments.length;
    for (let left = 1; left > 0; left--) {
      const type = this.#bytes[this.#at] ?? 0;
      if ((type >= 0x90 && type <= 0x9f) || type === 0xdc || type === 0xdd) left += this.array();
      else if ((type >= 0x80 && type <= 0x8f) || type === 0xde || type === 0xdf) {
        left += 2 * this.map();
      } else this.#scalar();
    }
    this.attachments.length = known;
  }

  /** One value as JSON, placeholders in place of its binary values. */
  jsonText(depth: number = this.#maxDepth): string {
    const type = this.#bytes[this.#at] ?? 0;
    const length = this.#textLength(type);
    if (length !== undefined) return this.#quoted(length);
    const isMap = (type >= 0x80 && type <= 0x8f) || type === 0xde || type === 0xdf;
    const isArray = (type >= 0x90 && type <= 0x9f) || type === 0xdc || type === 0xdd;
    if (!isMap && !isArray) return this.#scalar();
    if (depth === 0) throw new ForeignFault(`nests more than ${this.#maxDepth} levels deep`);
    let text = '';
    if (isArray) {
      for (let left = this.array(); left > 0; left--) {
        text += text === '' ? this.jsonText(depth - 1) : `,${this.jsonText(depth - 1)}`;
      }
      return `[${text}]`;
    }
    for (let left = this.map(); left > 0; left--) {
      const name = this.#name();
      text += `${text === '' ? '' : ','}${name}:${this.jsonText(depth - 1)}`;
    }
    return `{${text}}`;
  }

  #name(): string {
    const length = this.#textLength(this.#bytes[this.#at] ?? 0);
    if (length !== undefined) return this.#quoted(length);
    const number = this.#scalar();
    if (!/^-?\d/.test(number)) throw new ForeignFault('has a name in a map that is no text');
    return `"${number}"`;
  }

  /** Goes past the head of a text. @returns its length; undefined, going nowhere, for others */
  #textLength(type: number): number | undefined {
    if (type >= 0xa0 && type <= 0xbf) {
      this.#at++;
      return type & 0x1f;
    }
    if (type < 0xd9 || type > 0xdb) return undefined;
    this.#at++;
    return type === 0xd9 ? this.#u8() : type === 0xda ? this.#u16() : this.#u32();
  }

  #quoted(length: number): string {
    const start = this.#at;
    const end = this.#pass(length);
    const plain = this.#plain(start, end);
    if (plain !== undefined) return `"${plain}"`;
    return JSON.stringify(this.#bytes.toString('utf8', start, end));
  }

  /** A short text that is the same in JSON, between quotes; `undefined` for any other. */
  #plain(start: number, end: number): string | undefined {
    if (end - start > SHORT_TEXT_BYTES) return undefined;
    for (let at = start; at < end; at++) {
      const byte = this.#bytes[at] as number;
      const isPlain = byte >= 0x20 && byte < 0x7f && byte !== QUOTE && byte !== BACKSLASH;
      if (!isPlain) return undefined;
    }
    if (this.#bytes.length > SMALL_MESSAGE_BYTES) return this.#bytes.toString('latin1', start, end);
    this.#characters ??= this.#bytes.toString('latin1');
    return this.#characters.slice(start, end);
  }

  /** A value that holds no others. */
  #scalar(): string {
    const type = this.#u8();
    if (type < 0x80) return String(type);
    if (type >= 0xe0) return String(type - 0x100);
    const length = this.#textLengthBehind(type);
    if (length !== undefined) return this.#quoted(length);
    switch (type) {
      case 0xc0:
        return 'null';
      case 0xc2:
        return 'false';
      case 0xc3:
        return 'true';
      case 0xc4:
        return this.#attachment(this.#u8());
      case 0xc5:
        return this.#attachment(this.#u16());
      case 0xc6:
        return this.#attachment(this.#u32());
      case 0xc7:
        return this.#extension(this.#u8());
      case 0xc8:
        return this.#extension(this.#u16());
      case 0xc9:
        return this.#extension(this.#u32());
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (type - 0xd4));
      default:
        return this.#number(type);
    }
  }

  #textLengthBehind(type: number): number | undefined {
    this.#at--;
    const length = this.#textLength(type);
    if (length === undefined) this.#at++;
    return length;
  }

  #number(type: number): string {
    switch (type) {
      case 0xca:
        return numberText(this.#bytes.readFloatBE(this.#taken(4)));
      case 0xcb:
        return numberText(this.#bytes.readDoubleBE(this.#taken(8)));
      case 0xcc:
        return String(this.#u8());
      case 0xcd:
        return String(this.#u16());
      case 0xce:
        return String(this.#u32());
      case 0xcf:
        return String(this.#u32() * 2 ** 32 + this.#u32());
      case 0xd0:
        return String(this.#bytes.readInt8(this.#taken(1)));
      case 0xd1:
        return String(this.#bytes.readInt16BE(this.#taken(2)));
      case 0xd2:
        return String(this.#i32());
      case 0xd3:
        return String(this.#i32() * 2 ** 32 + this.#u32());
      default:
        throw new ForeignFault('has a byte that begins no value');
    }
  }

  #attachment(length: number): string {
    const start = this.#at;
    // A copy: what it was read from may be a buffer that is used again.
    this.attachments.push(new Uint8Array(this.#bytes.subarray(start, this.#pass(length))));
    return `{"_placeholder":true,"num":${this.attachments.length - 1}}`;
  }

  #extension(length: number): string {
    const type = this.#bytes.readInt8(this.#taken(1));
    if (type === EXT_OLD) {
      if (length > 1) return this.#attachment(length);
      this.#pass(length);
      return 'null';
    }
    if (type !== EXT_TIMESTAMP) throw new ForeignFault(`has an extension of type ${type}`);
    if (length === 4) return dateText(this.#u32() * 1_000);
    if (length === 8) {
      const [high, low] = [this.#u32(), this.#u32()];
      return dateText(((high & 3) * 2 ** 32 + low) * 1_000 + Math.floor((high >>> 2) / 1e6));
    }
    if (length !== 12) throw new ForeignFault('has a time of a strange length');
    const ms = Math.floor(this.#u32() / 1e6);
    return dateText((this.#i32() * 2 ** 32 + this.#u32()) * 1_000 + ms);
  }

  #fitting(count: number, bytesEach: number): number {
    if (count * bytesEach <= this.#bytes.length - this.#at) return count;
    throw new ForeignFault('ends before it is whole');
  }

  /** Goes past so many bytes. @returns where they end */
  #pass(length: number): number {
    this.#at = this.#taken(length) + length;
    return this.#at;
  }

  /** Takes so many bytes. @returns where they begin */
  #taken(length: number): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) throw new ForeignFault('ends before it is whole');
    this.#at = at + length;
    return at;
  }

  #u8(): number {
    return this.#bytes[this.#taken(1)] as number;
  }

  #u16(): number {
    return this.#bytes.readUInt16BE(this.#taken(2));
  }

  #u32(): number {
    return this.#bytes.readUInt32BE(this.#taken(4));
  }

  #i32(): number {
    return this.#bytes.readInt32BE(this.#taken(4));
  }
}

function numberText(value: number): string {
  return Number.isFinite(value) ? String(value === 0 ? 0 : value) : 'null';
}

function dateText(ms: number): string {
  return Math.abs(ms) <= TIMESTAMP_MAX_MS ? `"${new Date(ms).toISOString()}"` : 'null';
}
