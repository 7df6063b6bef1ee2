/**
 * Messages in the text of a stream: lines of JSON, or events of Server-Sent Events. Pure: `read`
 * finds the message at an offset and leaves its place in the fields. One cursor serves all
 * connections.
 */

import { OPCODE_TEXT } from './client-frame.ts';

export interface TextCursor {
  /** As of a text frame: to whoever is told of it, a message is the same on every way. */
  readonly opcode: number;
  readonly payloadStart: number;
  readonly payloadEnd: number;
  /** Where the next message begins; of an incomplete one, where it begins itself. */
  readonly next: number;
  /**
   * Looks at `bytes[offset..end)`.
   * @returns `beat` for what keeps the connection open and says nothing
   */
  read(bytes: Buffer, offset: number, end: number): 'message' | 'beat' | 'incomplete';
}

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const DATA: Buffer = Buffer.from('data:');

/** A message a line; an empty line is a beat. */
export class LineCursor implements TextCursor {
  readonly opcode: number = OPCODE_TEXT;
  payloadStart = 0;
  payloadEnd = 0;
  next = 0;

  read(bytes: Buffer, offset: number, end: number): 'message' | 'beat' | 'incomplete' {
    this.next = offset;
    const lineEnd = bytes.indexOf(LF, offset);
    if (lineEnd < 0 || lineEnd >= end) return 'incomplete';
    this.next = lineEnd + 1;
    this.payloadStart = offset;
    this.payloadEnd = withoutCr(bytes, offset, lineEnd);
    return this.payloadEnd === this.payloadStart ? 'beat' : 'message';
  }
}

/**
 * An event is over at an empty line; its message is what stands in its `data` lines. Of several
 * such lines the place is from the first to the last one's end. A comment before an event is a
 * beat, and so is an event without data.
 */
export class EventCursor implements TextCursor {
  readonly opcode: number = OPCODE_TEXT;
  payloadStart = 0;
  payloadEnd = 0;
  next = 0;

  read(bytes: Buffer, offset: number, end: number): 'message' | 'beat' | 'incomplete' {
    this.next = offset;
    this.payloadStart = -1;
    let hasFields = false;
    for (let start = offset; ; ) {
      const lineEnd = bytes.indexOf(LF, start);
      if (lineEnd < 0 || lineEnd >= end) return 'incomplete';
      const textEnd = withoutCr(bytes, start, lineEnd);
      const isEmpty = textEnd === start;
      if (isEmpty && hasFields) {
        this.next = lineEnd + 1;
        return this.payloadStart < 0 ? 'beat' : 'message';
      }
      if (isEmpty) {
        this.next = lineEnd + 1;
      } else if (bytes[start] !== COLON) {
        hasFields = true;
        this.#field(bytes, start, textEnd);
      } else if (!hasFields) {
        this.next = lineEnd + 1;
        return 'beat';
      }
      start = lineEnd + 1;
    }
  }

  #field(bytes: Buffer, start: number, end: number): void {
    for (let index = 0; index < DATA.length; index++) {
      if (bytes[start + index] !== DATA[index]) return;
    }
    const value = start + DATA.length;
    if (this.payloadStart < 0) this.payloadStart = bytes[value] === SPACE ? value + 1 : value;
    this.payloadEnd = Math.max(end, this.payloadStart);
  }
}

function withoutCr(bytes: Buffer, start: number, lineEnd: number): number {
  return lineEnd > start && bytes[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
}
