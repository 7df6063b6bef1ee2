/**
 * Chunks of a body (RFC 9112, section 7.1). Pure: `read` finds the chunk at an offset and leaves
 * its place in the fields, so that a delivery allocates nothing. One cursor serves all connections.
 */

/** What a server may send in one chunk; more is taken for another protocol. */
export const CHUNK_BYTES_MAX = 16_777_216;

/** The size in hexadecimal, and extensions that nobody uses. */
const SIZE_LINE_BYTES_MAX = 256;
const TRAILER_BYTES_MAX = 16_384;
const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;

export class ChunkCursor {
  dataStart = 0;
  dataEnd = 0;
  /** Where the next chunk, or the next answer, begins. */
  end = 0;
  /** Of a chunk that is incomplete, its bytes with size and ends; 0 while the size is not known. */
  neededBytes = 0;

  #size = 0;

  /** @returns `last` for the one that ends the body */
  read(bytes: Buffer, offset: number): 'chunk' | 'last' | 'incomplete' | 'invalid' {
    this.neededBytes = 0;
    const lineEnd = bytes.indexOf(LF, offset);
    if (lineEnd < 0) {
      return bytes.length - offset > SIZE_LINE_BYTES_MAX ? 'invalid' : 'incomplete';
    }
    if (!this.#readSize(bytes, offset, lineEnd)) return 'invalid';
    this.dataStart = lineEnd + 1;
    this.dataEnd = this.dataStart + this.#size;
    if (this.#size === 0) return this.#readTrailer(bytes);
    this.end = this.dataEnd + 2;
    if (bytes.length < this.end) {
      this.neededBytes = this.end - offset;
      return 'incomplete';
    }
    return bytes[this.dataEnd] === CR && bytes[this.dataEnd + 1] === LF ? 'chunk' : 'invalid';
  }

  #readSize(bytes: Buffer, start: number, lineEnd: number): boolean {
    let size = 0;
    let index = start;
    for (; index < lineEnd; index++) {
      const digit = hexDigit(bytes[index] as number);
      if (digit < 0) break;
      size = size * 16 + digit;
      if (size > CHUNK_BYTES_MAX) return false;
    }
    this.#size = size;
    const after = bytes[index];
    const isLineOver = after === CR && index + 1 === lineEnd;
    return index > start && (isLineOver || (after === SEMICOLON && bytes[lineEnd - 1] === CR));
  }

  /** From the line end of the last size on, lines may follow up to an empty one. */
  #readTrailer(bytes: Buffer): 'last' | 'incomplete' | 'invalid' {
    const end = bytes.indexOf('\r\n\r\n', this.dataStart - 2, 'latin1');
    if (end >= 0) {
      this.end = end + 4;
      return 'last';
    }
    return bytes.length - this.dataStart > TRAILER_BYTES_MAX ? 'invalid' : 'incomplete';
  }
}

/** @returns -1 for what is none */
function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
