/**
 * The head of an HTTP answer, as far as a client of the fleet needs it: status, how the body ends,
 * and single fields. Pure; one reader serves all connections, and an answer to a poll is read
 * without making strings.
 */

/** A head longer than this is none. */
const HEAD_BYTES_MAX = 16_384;
const HEAD_END = Buffer.from('\r\n\r\n');
const START = Buffer.from('HTTP/1.');
const LENGTH = Buffer.from('content-length:');
const CODING = Buffer.from('transfer-encoding:');
const SWITCHING = 101;

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;
/** Of a length; more is none that anybody sends. */
const DIGITS_MAX = 15;

export class AnswerHead {
  status = 0;
  /** Of the body, as the server says it; -1 when it does not, or says what is no number. */
  contentLength = -1;
  isChunked = false;
  /** Where what follows the head begins. */
  end = 0;

  #bytes: Buffer = HEAD_END;
  #start = 0;

  /**
   * Reads the head that begins at `offset`; what only announces the answer is passed over. `text`
   * and `field` are of the same bytes, and for as long as they stand.
   */
  read(bytes: Buffer, offset: number): 'head' | 'incomplete' | 'invalid' {
    const end = bytes.indexOf(HEAD_END, offset);
    if (end < 0) {
      const isTooLong = bytes.length - offset > HEAD_BYTES_MAX;
      return isTooLong || !startsLikeHttp(bytes, offset) ? 'invalid' : 'incomplete';
    }
    this.#bytes = bytes;
    this.#start = offset;
    this.end = end + HEAD_END.length;
    this.status = statusIn(bytes, offset, end);
    if (this.status < 0) return 'invalid';
    const isAnnouncement = this.status < 200 && this.status !== SWITCHING;
    if (isAnnouncement) return this.read(bytes, this.end);
    this.contentLength = -1;
    this.isChunked = false;
    for (let at = bytes.indexOf(LF, offset); at >= 0 && at < end; at = bytes.indexOf(LF, at + 1)) {
      this.#readField(bytes, at + 1);
    }
    return 'head';
  }

  /** The whole head, without the empty line that ends it. */
  get text(): string {
    return this.#bytes.toString('latin1', this.#start, this.end - HEAD_END.length);
  }

  /** The value of a field; undefined when it is not there. */
  field(name: string): string | undefined {
    return new RegExp(`\\r\\n${name}:[ \\t]*([^\\r\\n]*)`, 'i').exec(this.text)?.[1];
  }

  #readField(bytes: Buffer, start: number): void {
    if (isNamed(bytes, start, LENGTH)) {
      this.contentLength = lengthIn(bytes, start + LENGTH.length);
    } else if (isNamed(bytes, start, CODING)) {
      this.isChunked = /^chunked$/i.test(this.field('transfer-encoding')?.trim() ?? '');
    }
  }
}

function startsLikeHttp(bytes: Buffer, offset: number): boolean {
  const length = Math.min(START.length, bytes.length - offset);
  for (let index = 0; index < length; index++) {
    if (bytes[offset + index] !== START[index]) return false;
  }
  return true;
}

/** `HTTP/1.1 200 OK`, in which the words may be missing. @returns -1 when it is none */
function statusIn(bytes: Buffer, start: number, end: number): number {
  const status = start + START.length + 2;
  if (end < status + 3 || !startsLikeHttp(bytes, start)) return -1;
  const minor = bytes[status - 2];
  const after = bytes[status + 3];
  const isLine = (minor === 0x30 || minor === 0x31) && bytes[status - 1] === SPACE;
  if (!isLine || (after !== SPACE && after !== CR)) return -1;
  return numberIn(bytes, status, status + 3);
}

/** @returns -1 for what is no number */
function lengthIn(bytes: Buffer, from: number): number {
  let start = from;
  while (bytes[start] === SPACE || bytes[start] === TAB) start++;
  let end = start;
  while (isDigit(bytes[end])) end++;
  let after = end;
  while (bytes[after] === SPACE || bytes[after] === TAB) after++;
  const isNumber = end > start && end - start <= DIGITS_MAX && bytes[after] === CR;
  return isNumber ? numberIn(bytes, start, end) : -1;
}

/** @returns -1 for what is no number */
function numberIn(bytes: Buffer, start: number, end: number): number {
  let value = 0;
  for (let index = start; index < end; index++) {
    const byte = bytes[index];
    if (!isDigit(byte)) return -1;
    value = value * 10 + (byte - 0x30);
  }
  return value;
}

function isDigit(byte: number | undefined): byte is number {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

/** Whether a field of this name begins there; letters may be large. */
function isNamed(bytes: Buffer, start: number, name: Buffer): boolean {
  for (let index = 0; index < name.length; index++) {
    const byte = bytes[start + index] as number;
    const isLetter = byte >= 0x41 && byte <= 0x5a;
    if ((isLetter ? byte | 0x20 : byte) !== name[index]) return false;
  }
  return true;
}
