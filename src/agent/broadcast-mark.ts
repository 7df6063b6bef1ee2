/**
 * Finds the mark of a broadcast in a received message: `fleet:<sequence>:<microseconds>;`. One
 * reader for all connections; what it found stands in its fields.
 */

const PREFIX: Buffer = Buffer.from('fleet:');
const COLON = 0x3a;
const SEMICOLON = 0x3b;

export class MarkReader {
  sequence = 0;
  atMicros = 0;

  /** @returns whether `bytes[start..end)` holds a mark */
  read(bytes: Buffer, start: number, end: number): boolean {
    const found = bytes.indexOf(PREFIX, start);
    if (found < 0 || found >= end) return false;
    let index = found + PREFIX.length;
    const sequenceEnd = this.#number(bytes, index, end, COLON);
    if (sequenceEnd < 0) return false;
    this.sequence = this.#value;
    index = sequenceEnd + 1;
    if (this.#number(bytes, index, end, SEMICOLON) < 0) return false;
    this.atMicros = this.#value;
    return true;
  }

  #value = 0;

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
    }
    return -1;
  }
}
