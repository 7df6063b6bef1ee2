/**
 * JSON text of this node, written as MessagePack with binary values in their places.
 *
 * The text is read once and never parsed into objects: events are JSON already when they leave a
 * worker. How many items an array has is not known before its end; so where the text is short they
 * are moved up if the head needs more than a byte, and otherwise the head has its longest form,
 * which any reader takes.
 */

import { ForeignFault } from './foreign-fault.ts';

/** `encodeArguments` writes binary values so. */
const PLACEHOLDER = '{"_placeholder":true,"num":';
/** Text from here on may be moved up cheaply. */
const SHORT_CHARACTERS = 4_096;
const BUFFER_BYTES = 65_536;
/** A larger buffer is not kept. */
const KEPT_BYTES = 1_048_576;
/** Of an integer that is read digit by digit. */
const DIGITS_MAX = 15;

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const ESCAPES: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

export class MsgpackWriter {
  #buffer: Buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  #end = 0;
  #text = '';
  #at = 0;
  #attachments: readonly Uint8Array[] = [];

  /**
   * @param json without blanks between values, as `JSON.stringify` writes it
   * @throws ForeignFault for what is no JSON, or nests deeper than `maxDepth`
   */
  encode(json: string, attachments: readonly Uint8Array[], maxDepth: number): Buffer {
    this.#text = json;
    this.#at = 0;
    this.#end = 0;
    this.#attachments = attachments;
    try {
      this.#value(maxDepth);
      if (this.#at !== json.length) throw new ForeignFault('is followed by more text');
      return Buffer.from(this.#buffer.subarray(0, this.#end));
    } finally {
      this.#text = '';
      this.#attachments = [];
      if (this.#buffer.length > KEPT_BYTES) this.#buffer = Buffer.allocUnsafe(BUFFER_BYTES);
    }
  }

  #value(depth: number): void {
    const code = this.#text.charCodeAt(this.#at);
    if (code === QUOTE) this.#string();
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      if (depth === 0) throw new ForeignFault('is nested too deeply to be sent');
      if (code === OPEN_BRACE && this.#isPlaceholder()) this.#attachment();
      else this.#items(code, depth - 1);
    } else if (code === MINUS || (code >= 0x30 && code <= 0x39)) this.#number();
    else if (this.#text.startsWith('true', this.#at)) this.#literal(0xc3, 4);
    else if (this.#text.startsWith('false', this.#at)) this.#literal(0xc2, 5);
    else if (this.#text.startsWith('null', this.#at)) this.#literal(0xc0, 4);
    else throw new ForeignFault('is no JSON');
  }

  #literal(byte: number, length: number): void {
    this.#reserve(1);
    this.#buffer[this.#end++] = byte;
    this.#at += length;
  }

  #items(open: number, depth: number): void {
    const isMap = open === OPEN_BRACE;
    const close = isMap ? CLOSE_BRACE : CLOSE_BRACKET;
    const isShort = this.#text.length - this.#at < SHORT_CHARACTERS;
    const head = this.#end;
    this.#reserve(5);
    this.#end += isShort ? 1 : 5;
    let count = 0;
    this.#at++;
    if (this.#text.charCodeAt(this.#at) === close) this.#at++;
    else {
      for (let next = COMMA; next === COMMA; count++) {
        if (isMap) {
          this.#string();
          this.#at++;
        }
        this.#value(depth);
        next = this.#text.charCodeAt(this.#at++);
        if (next !== COMMA && next !== close) throw new ForeignFault('is no JSON');
      }
    }
    if (!isShort) {
      this.#buffer[head] = isMap ? 0xdf : 0xdd;
      this.#buffer.writeUInt32BE(count, head + 1);
    } else if (count < 16) this.#buffer[head] = (isMap ? 0x80 : 0x90) | count;
    else {
      this.#reserve(2);
      this.#buffer.copyWithin(head + 3, head + 1, this.#end);
      this.#end += 2;
      this.#buffer[head] = isMap ? 0xde : 0xdc;
      this.#buffer.writeUInt16BE(count, head + 1);
    }
  }

  #string(): void {
    const text = this.#text;
    const start = this.#at + 1;
    let at = start;
    let seen = 0;
    let hasEscapes = text.charCodeAt(this.#at) !== QUOTE;
    if (hasEscapes) throw new ForeignFault('is no JSON');
    for (; ; at++) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) break;
      if (code === BACKSLASH) {
        hasEscapes = true;
        at++;
      }
      if (at >= text.length) throw new ForeignFault('is no JSON');
      seen |= code;
    }
    this.#at = at + 1;
    if (hasEscapes || seen > 0x7f) {
      const raw = text.slice(start, at);
      this.#unicode(hasEscapes ? unescaped(raw) : raw);
      return;
    }
    const length = at - start;
    this.#reserve(length + 5);
    this.#textHead(length);
    if (length > 32) this.#end += this.#buffer.write(text.slice(start, at), this.#end, 'latin1');
    else for (let i = start; i < at; i++) this.#buffer[this.#end++] = text.charCodeAt(i);
  }

  #unicode(text: string): void {
    const length = Buffer.byteLength(text);
    this.#reserve(length + 5);
    this.#textHead(length);
    this.#buffer.write(text, this.#end, length, 'utf8');
    this.#end += length;
  }

  #textHead(length: number): void {
    if (length < 0x20) this.#buffer[this.#end++] = 0xa0 | length;
    else this.#head(0xd9, length);
  }

  /** A head with its length in one, two or four bytes; its forms follow each other. */
  #head(type: number, length: number): void {
    const buffer = this.#buffer;
    if (length < 0x100) {
      buffer[this.#end++] = type;
      buffer[this.#end++] = length;
    } else if (length < 0x1_00_00) {
      buffer[this.#end++] = type + 1;
      this.#end = buffer.writeUInt16BE(length, this.#end);
    } else {
      buffer[this.#end++] = type + 2;
      this.#end = buffer.writeUInt32BE(length, this.#end);
    }
  }

  #number(): void {
    const text = this.#text;
    const start = this.#at;
    const isNegative = text.charCodeAt(start) === MINUS;
    let at = isNegative ? start + 1 : start;
    let value = 0;
    for (let code = text.charCodeAt(at); code >= 0x30 && code <= 0x39; ) {
      value = value * 10 + code - 0x30;
      code = text.charCodeAt(++at);
    }
    const isPlain = at - start <= DIGITS_MAX && !/[.eE]/.test(text.charAt(at));
    if (!isPlain) {
      while (/[\d.eE+-]/.test(text.charAt(at))) at++;
      value = Number(text.slice(start, at));
    } else if (isNegative) value = -value;
    this.#at = at;
    this.#reserve(9);
    if (Number.isInteger(value) && Math.abs(value) < 2 ** 32) this.#integer(value);
    else {
      this.#buffer[this.#end++] = 0xcb;
      this.#end = this.#buffer.writeDoubleBE(value, this.#end);
    }
  }

  #integer(value: number): void {
    const buffer = this.#buffer;
    if (value >= 0 && value < 0x80) buffer[this.#end++] = value;
    else if (value < 0 && value >= -0x20) buffer[this.#end++] = value + 0x100;
    else if (value >= 0) this.#head(0xcc, value);
    else if (value >= -0x80_00_00_00) {
      buffer[this.#end++] = 0xd2;
      this.#end = buffer.writeInt32BE(value, this.#end);
    } else {
      buffer[this.#end++] = 0xcb;
      this.#end = buffer.writeDoubleBE(value, this.#end);
    }
  }

  #isPlaceholder(): boolean {
    return this.#attachments.length > 0 && this.#text.startsWith(PLACEHOLDER, this.#at);
  }

  #attachment(): void {
    const from = this.#at + PLACEHOLDER.length;
    const to = this.#text.indexOf('}', from);
    const bytes = this.#attachments[Number(this.#text.slice(from, to))];
    if (to === -1 || bytes === undefined) throw new ForeignFault('names an attachment it has not');
    this.#reserve(bytes.length + 5);
    this.#head(0xc4, bytes.length);
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
    this.#at = to + 1;
  }

  #reserve(length: number): void {
    const wanted = this.#end + length;
    if (wanted <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(wanted, 2 * this.#buffer.length));
    grown.set(this.#buffer.subarray(0, this.#end));
    this.#buffer = grown;
  }
}

function unescaped(raw: string): string {
  return raw.replaceAll(/\\(?:u([\dA-Fa-f]{4})|(.))/g, (_, code?: string, letter = '') =>
    code === undefined ? (ESCAPES[letter] ?? letter) : String.fromCharCode(parseInt(code, 16)),
  );
}
