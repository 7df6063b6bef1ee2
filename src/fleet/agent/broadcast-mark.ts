/**
 * Finds the mark of a broadcast in a received message: `fleet:<sequence>:<microseconds>;`. One
 * reader for all connections; what it found stands in its fields.
 */

const PREFIX: Buffer = Buffer.from('fleet:');
const FIRST: number = PREFIX[0] as number;
const COLON = 0x3a;
const SEMICOLON = 0x3b;

export class MarkReader {
  sequence = 0;
  atMicros = 0;

  #value = 0;

  /** @returns whether `bytes[start..end)` holds a mark; the first one counts */
  read(bytes: Buffer, start: number, end: number): boolean {
    let from = find(bytes, start, end);
    while (from >= 0) {
      if (this.#mark(bytes, from + PREFIX.length, end)) return true;
      from = find(bytes, from + 1, end);
    }
    return false;
  }

  /** @returns whether the two numbers of a mark begin at `index` */
  #mark(bytes: Uint8Array, index: number, end: number): boolean {
    const sequenceEnd = this.#number(bytes, index, end, COLON);
    if (sequenceEnd < 0) return false;
    const sequence = this.#value;
    if (this.#number(bytes, sequenceEnd + 1, end, SEMICOLON) < 0) return false;
    this.sequence = sequence;
    this.atMicros = this.#value;
    return true;
  }

  /** @returns where the digits end, with `stop`; -1 when they do not */
  #number(bytes: Uint8Array, start: number, end: number, stop: number): number {
    let value = 0;
    for (let index = start; index < end; index++) {
      const byte = bytes[index] as number;
      if (byte === stop && index > start) {
        this.#value = value;
        return index;
      }
      if (byte < 0x30 || byte > 0x39) return -1;
      value = value * 10 + (byte - 0x30);
      // No mark of ours; a server can write any.
      if (value > Number.MAX_SAFE_INTEGER) return -1;
    }
    return -1;
  }
}

/**
 * Where the prefix begins within `bytes[start..end)`; -1 for nowhere. `Buffer.indexOf` knows no
 * end, and a chunk may hold thousands of messages without a mark; a view of each would be garbage.
 */
function find(bytes: Buffer, start: number, end: number): number {
  const last = end - PREFIX.length;
  for (let index = start; index <= last; index++) {
    if (bytes[index] === FIRST && startsPrefix(bytes, index)) return index;
  }
  return -1;
}

function startsPrefix(bytes: Buffer, index: number): boolean {
  for (let offset = 1; offset < PREFIX.length; offset++) {
    if (bytes[index + offset] !== PREFIX[offset]) return false;
  }
  return true;
}
