/**
 * What is kept of a connection's bytes between two chunks: only where a chunk ended in the middle
 * of a frame or of a message in fragments, or where its reader stopped. Most of the time there is
 * nothing to keep, and then there is no such object.
 *
 *     head     the first bytes of a frame whose head, or whose control frame, is not whole
 *     payload  what has come of a message's payload, unmasked, all fragments one after another
 *     unread   whole frames behind the one after which the reader was told to stop
 *
 * Everything here is a copy, and grows by doubling with what has arrived: what a frame only
 * announces is never allocated.
 */

import { maskFrom, unmask } from './masking.ts';
import { OPCODE } from './opcode.ts';
import { INVALID_TEXT, wholeCharacters } from './partial-text.ts';

const EMPTY: Buffer = Buffer.alloc(0);
/** Once a quarter of a message is there, all of it has its place: each growth leaves garbage. */
const ALL_FROM_SHARE = 4;
/** The first allocation for what grows: smaller ones would only be thrown away at once. */
const FIRST_BYTES = 64;

export class HalfMessage {
  /** The beginning of a frame that cannot be read yet. */
  head: Buffer | undefined = undefined;
  /** What the message will be; `continuation` while none has begun. */
  opcode: number = OPCODE.continuation;
  isCompressed = false;
  /** Frames without a byte that the message has had so far. */
  emptyFragments = 0;
  /** Bytes that the frame at hand still lacks. */
  missing = 0;
  #isFinal = false;
  /** The mask of the next byte that comes. */
  #mask = 0;
  #payload: Buffer = EMPTY;
  #length = 0;
  /** Up to here the payload is whole characters; stands still for what is no plain text. */
  #checked = 0;
  #unread: Buffer = EMPTY;
  #unreadFrom = 0;

  /** Bytes of memory that it holds besides itself, those included that are free for more. */
  get heldBytes(): number {
    return (this.head?.byteLength ?? 0) + this.#payload.byteLength + this.#unread.byteLength;
  }

  /** Whether frames wait that a call with an empty chunk would read. */
  get hasUnread(): boolean {
    return this.#unread.byteLength > 0;
  }

  /** Whether there is a message that lacks its last frame, or the end of it. */
  get hasBegun(): boolean {
    return this.opcode !== OPCODE.continuation;
  }

  /** Whether it could as well not be there. */
  get isEmpty(): boolean {
    return !this.hasBegun && this.head === undefined && !this.hasUnread;
  }

  /** Whether the last frame of the message is all there. */
  get isWhole(): boolean {
    return this.#isFinal && this.missing === 0;
  }

  get payloadBytes(): number {
    return this.#length;
  }

  /** Whether the payload is known to be valid text, from its first byte to its last. */
  get isValidText(): boolean {
    return this.#checked === this.#length;
  }

  /** Expects a data frame; it begins a message unless it continues one. */
  begin(
    opcode: number,
    isCompressed: boolean,
    isFinal: boolean,
    bytes: number,
    mask: number,
  ): void {
    if (opcode !== OPCODE.continuation) {
      this.opcode = opcode;
      this.isCompressed = isCompressed;
    }
    if (bytes === 0) this.emptyFragments++;
    this.missing = bytes;
    this.#isFinal = isFinal;
    this.#mask = mask;
  }

  /**
   * Adds bytes of the frame at hand, which must not be more than it lacks.
   *
   * @returns false when they make a text that nothing behind them could make valid
   */
  take(data: Buffer, from: number, to: number): boolean {
    const start = this.#length;
    const end = start + to - from;
    const endOfMessage = this.#isFinal ? start + this.missing : Number.POSITIVE_INFINITY;
    this.#payload = grown(this.#payload, start, end, endOfMessage);
    data.copy(this.#payload, start, from, to);
    const isAscii = unmask(this.#payload, start, end, this.#mask);
    this.#mask = maskFrom(this.#mask, to - from);
    this.#length = end;
    this.missing -= to - from;
    if (this.opcode !== OPCODE.text || this.isCompressed) return true;
    const checked =
      isAscii && this.#checked === start ? end : wholeCharacters(this.#payload, this.#checked, end);
    if (checked === INVALID_TEXT) return false;
    this.#checked = checked;
    return true;
  }

  /** Hands the payload over and forgets the message. */
  release(): Buffer {
    const payload = this.#payload.subarray(0, this.#length);
    this.opcode = OPCODE.continuation;
    this.emptyFragments = 0;
    this.#isFinal = false;
    this.#payload = EMPTY;
    this.#length = 0;
    this.#checked = 0;
    return payload;
  }

  /** Keeps what is behind the frame after which the reader stopped; what it has, stays in place. */
  keepUnread(data: Buffer, from: number): void {
    if (data === this.#unread) this.#unreadFrom = from;
    else this.#unread = Buffer.from(data.subarray(from));
  }

  /** All that is unread, from `unreadFrom` on, with a chunk behind it. */
  unreadWith(chunk: Buffer): Buffer {
    if (chunk.byteLength > 0) {
      this.#unread = Buffer.concat([this.#unread.subarray(this.#unreadFrom), chunk]);
      this.#unreadFrom = 0;
    }
    return this.#unread;
  }

  get unreadFrom(): number {
    return this.#unreadFrom;
  }

  dropUnread(): void {
    this.#unread = EMPTY;
    this.#unreadFrom = 0;
  }
}

/** A buffer with room for `wanted` bytes that begins as `buffer` does, and at most `most` long. */
function grown(buffer: Buffer, used: number, wanted: number, most: number): Buffer {
  if (wanted <= buffer.byteLength) return buffer;
  const isMuchThere = wanted * ALL_FROM_SHARE >= most;
  const room = isMuchThere ? most : Math.max(wanted, buffer.byteLength * 2, FIRST_BYTES);
  const larger = Buffer.allocUnsafeSlow(Math.min(room, Math.max(wanted, most)));
  buffer.copy(larger, 0, 0, used);
  return larger;
}
