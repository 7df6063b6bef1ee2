/**
 * Reads the frames of clients (RFC 6455, section 5) out of chunks as they come from a socket.
 *
 * A connection has no reader of its own. `readFrames` takes what the last chunk left behind, if it
 * left anything, hands each whole message to the sink, and gives back what this one leaves behind.
 * Whole frames are unmasked where they stand in the chunk and handed out from there; only what is
 * not whole at the end of the chunk is copied (`half-message.ts`).
 */

import { CLOSE_CODE } from '../close-code.ts';
import {
  bytesWanted,
  headBytes,
  headFault,
  KIND_BYTES,
  MASK_BYTES,
  payloadLength,
  WRONG_LENGTH,
} from './frame-head.ts';
import type { FrameRules, FrameSink, Next } from './frame-sink.ts';
import { HalfMessage } from './half-message.ts';
import {
  handOutCompressed,
  handOutControl,
  handOutFrame,
  handOutHalf,
  NO_UTF8,
  refuse,
  TOO_LONG,
} from './hand-out.ts';
import { maskAt, unmask } from './masking.ts';
import { COMPRESSED_BIT, CONTROL_BIT, FIN_BIT, OPCODE, OPCODE_BITS } from './opcode.ts';

/**
 * Reads on where the last chunk ended.
 *
 * The chunk is written to, and may be used for something else as soon as this returns. Buffers that
 * the sink gets are views into the chunk, or into memory that is dropped then: who keeps them,
 * copies them. Nothing here throws, whatever the bytes are, unless the sink does.
 *
 * The sink may stop it after any message or control frame. What is behind that frame is kept, and
 * is read by the next call, be its chunk empty: so a chunk of very many small frames can be worked
 * off in slices. A sink that bounds a slice counts bytes as well as messages, since a compressed
 * frame of some hundred bytes may hold `maxPayloadBytes`. After a close, a fault or `end` there
 * must be no further call, and from inside the sink none for the same connection.
 *
 * @returns what is to be given to the next call
 */
export function readFrames(
  half: HalfMessage | undefined,
  chunk: Buffer,
  rules: FrameRules,
  sink: FrameSink,
): HalfMessage | undefined {
  const pass = new Pass(half, rules, sink);
  if (half === undefined) pass.read(chunk, 0);
  else if (half.hasUnread) pass.read(half.unreadWith(chunk), half.unreadFrom);
  else pass.read(chunk, pass.completeHead(half, chunk));
  return pass.left();
}

/** One call of `readFrames`. */
class Pass {
  readonly #rules: FrameRules;
  readonly #sink: FrameSink;
  #half: HalfMessage | undefined;
  #next: Next = 'read';

  constructor(half: HalfMessage | undefined, rules: FrameRules, sink: FrameSink) {
    this.#half = half;
    this.#rules = rules;
    this.#sink = sink;
  }

  left(): HalfMessage | undefined {
    return this.#next === 'end' || this.#half?.isEmpty === true ? undefined : this.#half;
  }

  /** Reads all frames from `from` on, unless it is told to stop. */
  read(data: Buffer, from: number): void {
    let at = from;
    while (at < data.byteLength && this.#next === 'read') at = this.#step(data, at);
    if (this.#next === 'pause' && at < data.byteLength) this.#kept().keepUnread(data, at);
    else this.#half?.dropUnread();
  }

  /**
   * Reads the frame whose first bytes were kept: its head, or all of it if it is a control frame.
   *
   * @returns how much of the chunk that took
   */
  completeHead(half: HalfMessage, chunk: Buffer): number {
    let at = 0;
    while (half.head !== undefined && at < chunk.byteLength && this.#next === 'read') {
      const { head } = half;
      const to = Math.min(at + bytesWanted(head) - head.byteLength, chunk.byteLength);
      const longer = Buffer.concat([head, chunk.subarray(at, to)]);
      half.head = undefined;
      this.#step(longer, 0);
      at = to;
    }
    return at;
  }

  /** Reads what stands at `at`. @returns where to read on */
  #step(data: Buffer, at: number): number {
    const half = this.#half;
    if (half !== undefined && half.missing > 0) return this.#takeBytes(half, data, at);
    if (data.byteLength - at < KIND_BYTES) return this.#keepHead(data, at);
    const first = data[at] as number;
    const second = data[at + 1] as number;
    const fault = headFault(first, second, half?.hasBegun === true, this.#rules);
    if (fault !== undefined) return this.#refuse(data, CLOSE_CODE.protocolError, fault);
    const start = at + headBytes(second);
    if (start > data.byteLength) return this.#keepHead(data, at);
    const bytes = payloadLength(data, at);
    if (bytes === WRONG_LENGTH) {
      return this.#refuse(data, CLOSE_CODE.protocolError, 'a length not written as it must be');
    }
    if ((first & CONTROL_BIT) === 0) return this.#readData(data, first, start, bytes);
    const to = start + bytes;
    if (to > data.byteLength) return this.#keepHead(data, at);
    unmask(data, start, to, maskAt(data, start - MASK_BYTES));
    this.#next = handOutControl(first & OPCODE_BITS, data.subarray(start, to), this.#sink);
    return to;
  }

  /** A data frame whose payload begins at `start`, and may not be there yet. */
  #readData(data: Buffer, first: number, start: number, bytes: number): number {
    const { maxPayloadBytes, maxEmptyFragments } = this.#rules;
    const half = this.#half;
    if (bytes + (half?.payloadBytes ?? 0) > maxPayloadBytes) {
      return this.#refuse(data, CLOSE_CODE.tooLong, TOO_LONG);
    }
    const opcode = first & OPCODE_BITS;
    const isFinal = (first & FIN_BIT) !== 0;
    const isCompressed = (first & COMPRESSED_BIT) !== 0;
    const mask = maskAt(data, start - MASK_BYTES);
    const to = start + bytes;
    if (isFinal && to <= data.byteLength && opcode !== OPCODE.continuation) {
      const isAscii = unmask(data, start, to, mask);
      const isText = opcode === OPCODE.text;
      this.#next = isCompressed
        ? handOutCompressed(data.subarray(start, to), isText, this.#rules, this.#sink)
        : handOutFrame(data, start, to, isText, isAscii, this.#sink);
      return to;
    }
    const kept = this.#kept();
    if (bytes === 0 && kept.emptyFragments >= maxEmptyFragments) {
      return this.#refuse(data, CLOSE_CODE.policy, 'a message in too many empty fragments');
    }
    kept.begin(opcode, isCompressed, isFinal, bytes, mask);
    // An empty frame is whole already, and no byte behind it will tell.
    if (kept.isWhole) this.#next = handOutHalf(kept, this.#rules, this.#sink);
    return start;
  }

  /** More of the payload of a frame that is not whole. */
  #takeBytes(half: HalfMessage, data: Buffer, at: number): number {
    const to = Math.min(at + half.missing, data.byteLength);
    if (!half.take(data, at, to)) return this.#refuse(data, CLOSE_CODE.invalidData, NO_UTF8);
    if (half.isWhole) this.#next = handOutHalf(half, this.#rules, this.#sink);
    return to;
  }

  #keepHead(data: Buffer, at: number): number {
    this.#kept().head = Buffer.from(data.subarray(at));
    return data.byteLength;
  }

  #refuse(data: Buffer, closeCode: number, why: string): number {
    this.#next = refuse(this.#sink, closeCode, why);
    return data.byteLength;
  }

  #kept(): HalfMessage {
    this.#half ??= new HalfMessage();
    return this.#half;
  }
}
