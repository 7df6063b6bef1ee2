/**
 * The body of an answer to a poll: `{"session":…,"position":"…","messages":[…]}`, in which each
 * message is found without parsing any. A body of another form is one message, as servers send it
 * that answer a poll with the message itself. Pure; one cursor serves all connections.
 */

import { OPCODE_TEXT } from './client-frame.ts';

/** Session and position stand in it. */
const ENVELOPE_BYTES_MAX = 1_024;
const MESSAGES = Buffer.from('"messages"');
const POSITION = /"position"\s*:\s*"([\w.~:-]{1,256})"/;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COLON = 0x3a;
const COMMA = 0x2c;

export class BatchCursor {
  readonly opcode: number = OPCODE_TEXT;
  payloadStart = 0;
  payloadEnd = 0;
  /** Where the messages of this answer end, as the next request is to name it. */
  position: string | undefined;

  #next = 0;
  #end = 0;
  #isEnvelope = false;

  /** Begins with the body at `bytes[start..end)`. */
  open(bytes: Buffer, start: number, end: number): void {
    const messages = bytes[start] === OPEN_BRACE ? bytes.indexOf(MESSAGES, start) : -1;
    const isNamed = messages >= 0 && messages < Math.min(end, start + ENVELOPE_BYTES_MAX);
    const list = isNamed ? listAfter(bytes, messages + MESSAGES.length, end) : -1;
    this.#isEnvelope = list >= 0;
    this.#next = this.#isEnvelope ? list : start;
    this.#end = end;
    this.position = this.#isEnvelope
      ? POSITION.exec(bytes.toString('latin1', start, messages))?.[1]
      : undefined;
  }

  /** @returns whether there is one more, where the fields tell; `invalid` for no JSON */
  read(bytes: Buffer): 'message' | 'end' | 'invalid' {
    return this.#isEnvelope ? this.#readMember(bytes) : this.#readWhole();
  }

  #readWhole(): 'message' | 'end' {
    this.payloadStart = this.#next;
    this.payloadEnd = this.#end;
    this.#next = this.#end;
    return this.payloadStart === this.payloadEnd ? 'end' : 'message';
  }

  #readMember(bytes: Buffer): 'message' | 'end' | 'invalid' {
    let index = this.#next;
    while (index < this.#end && isBetween(bytes[index] as number)) index++;
    if (index >= this.#end) return 'invalid';
    if (bytes[index] === CLOSE_BRACKET) return 'end';
    if (bytes[index] !== OPEN_BRACE) return 'invalid';
    this.payloadStart = index;
    this.payloadEnd = this.#endOf(bytes, index);
    this.#next = this.payloadEnd;
    return this.payloadEnd < 0 ? 'invalid' : 'message';
  }

  /** @returns where the object that begins at `index` ends; -1 when it does not */
  #endOf(bytes: Buffer, index: number): number {
    let depth = 0;
    for (let at = index; at < this.#end; at++) {
      const byte = bytes[at];
      if (byte === QUOTE) at = this.#endOfString(bytes, at);
      else if (byte === OPEN_BRACE) depth++;
      else if (byte === CLOSE_BRACE) {
        depth--;
        if (depth === 0) return at + 1;
      }
    }
    return -1;
  }

  /** @param start of the string, its quote @returns where its other quote stands */
  #endOfString(bytes: Buffer, start: number): number {
    let at = start + 1;
    while (at < this.#end && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
    return at;
  }
}

/** @returns where the members begin of a list that follows a name and its colon; -1 for none */
function listAfter(bytes: Buffer, from: number, end: number): number {
  let hasColon = false;
  for (let at = from; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte === OPEN_BRACKET) return hasColon ? at + 1 : -1;
    if (byte === COLON && !hasColon) hasColon = true;
    else if (byte === COMMA || !isBetween(byte)) return -1;
  }
  return -1;
}

function isBetween(byte: number): boolean {
  return byte === COMMA || byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}
