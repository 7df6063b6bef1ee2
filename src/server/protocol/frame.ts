/**
 * The frames of sockets between the processes of a node, and of nodes.
 *
 *     length of the rest (u32) | type (u8) | fields
 *
 * Integers are big-endian; texts and byte strings carry their length (u32) in front. Writer and
 * reader know fields only; what a type means is the business of `bus/` and `peer/`.
 */

export const FRAME_HEADER_BYTES = 5;
const LENGTH_BYTES = 4;
const U32 = 4_294_967_296;
const INITIAL_BYTES = 4096;
const KEPT_BYTES = 262_144;
/** Below this, room for the longest encoding is cheaper than measuring. */
const SHORT_TEXT = 256;

/** Collects frames in one growing buffer, so that a burst of frames is one write. */
export class FrameWriter {
  #buffer: Buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  readonly #maxFrameBytes: number;
  #end = 0;
  /** Where the frame begins that is being written: all before it is finished. */
  #frameStart = 0;

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** Bytes of the frames finished so far. */
  get length(): number {
    return this.#frameStart;
  }

  /** A frame that was begun and not finished, as when its content threw, is forgotten. */
  begin(type: number): this {
    this.#end = this.#frameStart;
    this.#reserve(FRAME_HEADER_BYTES);
    this.#buffer.writeUInt8(type, this.#end + LENGTH_BYTES);
    this.#end += FRAME_HEADER_BYTES;
    return this;
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#end = this.#buffer.writeUInt8(value, this.#end);
    return this;
  }

  u32(value: number): this {
    this.#reserve(4);
    this.#end = this.#buffer.writeUInt32BE(value, this.#end);
    return this;
  }

  /** A whole number up to 2^53 - 1. */
  u53(value: number): this {
    return this.u32(Math.floor(value / U32)).u32(value % U32);
  }

  text(value: string): this {
    const start = this.#end;
    this.#reserve(4 + (value.length < SHORT_TEXT ? value.length * 3 : Buffer.byteLength(value)));
    const written = this.#buffer.write(value, start + 4);
    this.#buffer.writeUInt32BE(written, start);
    this.#end = start + 4 + written;
    return this;
  }

  bytes(value: Uint8Array): this {
    this.u32(value.byteLength);
    return this.raw(value);
  }

  texts(values: readonly string[]): this {
    this.u32(values.length);
    for (const value of values) this.text(value);
    return this;
  }

  /** Bytes without a length: the rest of the frame. */
  raw(value: Uint8Array): this {
    this.#reserve(value.byteLength);
    this.#buffer.set(value, this.#end);
    this.#end += value.byteLength;
    return this;
  }

  /**
   * Closes the frame.
   *
   * @throws RangeError when it is longer than any reader takes; the frame is then forgotten
   */
  finish(): void {
    const length = this.#end - this.#frameStart - LENGTH_BYTES;
    if (length > this.#maxFrameBytes) {
      this.#end = this.#frameStart;
      throw new RangeError(`a message of ${length} bytes is too large to be passed on`);
    }
    this.#buffer.writeUInt32BE(length, this.#frameStart);
    this.#frameStart = this.#end;
  }

  /** Hands out the finished frames and starts anew. */
  take(): Uint8Array {
    const taken = this.view();
    this.#buffer = Buffer.allocUnsafe(INITIAL_BYTES);
    this.#end = 0;
    this.#frameStart = 0;
    return taken;
  }

  /** The finished frames, valid until the next call. */
  view(): Uint8Array {
    return this.#buffer.subarray(0, this.#frameStart);
  }

  /** Forgets what was written, and keeps the buffer unless it has grown large. */
  clear(): void {
    this.#end = 0;
    this.#frameStart = 0;
    if (this.#buffer.byteLength > KEPT_BYTES) this.#buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  }

  #reserve(bytes: number): void {
    const wanted = this.#end + bytes;
    if (wanted <= this.#buffer.byteLength) return;
    const grown = Buffer.allocUnsafe(Math.max(wanted, this.#buffer.byteLength * 2));
    grown.set(this.#buffer.subarray(0, this.#end));
    this.#buffer = grown;
  }
}

/** Reads the fields of one frame in order; a field beyond its end throws a RangeError. */
export class FrameReader {
  readonly type: number;
  readonly #body: Buffer;
  #at = 0;

  constructor(type: number, body: Buffer) {
    this.type = type;
    this.#body = body;
  }

  u8(): number {
    return this.#body.readUInt8(this.#advance(1));
  }

  u32(): number {
    return this.#body.readUInt32BE(this.#advance(4));
  }

  u53(): number {
    return this.u32() * U32 + this.u32();
  }

  text(): string {
    const length = this.u32();
    const start = this.#advance(length);
    return this.#body.toString('utf8', start, start + length);
  }

  /** A view into the frame: copy it to keep it. */
  bytes(): Buffer {
    const length = this.u32();
    const start = this.#advance(length);
    return this.#body.subarray(start, start + length);
  }

  texts(): string[] {
    const count = this.u32();
    const values: string[] = [];
    for (let i = 0; i < count; i++) values.push(this.text());
    return values;
  }

  /** The rest of the frame, a view. */
  rest(): Buffer {
    return this.#body.subarray(this.#at);
  }

  /** The whole body, a view, whatever has been read of it. */
  body(): Buffer {
    return this.#body;
  }

  #advance(bytes: number): number {
    const start = this.#at;
    if (start + bytes > this.#body.byteLength) throw new RangeError('frame field beyond its end');
    this.#at = start + bytes;
    return start;
  }
}

/** Cuts a stream of bytes into frames. */
export class FrameSplitter {
  readonly #maxFrameBytes: number;
  /** A frame that has not all come: room for all of it once its length is known. */
  #pending: Buffer = EMPTY;
  #filled = 0;

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /**
   * Takes a chunk and calls `onFrame` for each frame that it completes. Readers are views of the
   * chunk, which must not be written to again.
   *
   * @returns false when a frame announces more bytes than allowed; the stream is then useless
   */
  push(chunk: Buffer, onFrame: (frame: FrameReader) => void): boolean {
    let at = 0;
    while (this.#filled > 0 && at < chunk.byteLength) {
      const taken = this.#continue(chunk.subarray(at), onFrame);
      if (taken === undefined) return false;
      at += taken;
    }
    while (chunk.byteLength - at >= LENGTH_BYTES) {
      const end = this.#frameEnd(chunk, at);
      if (end === undefined) return false;
      if (end > chunk.byteLength) break;
      onFrame(readerOf(chunk.subarray(at, end)));
      at = end;
    }
    if (at < chunk.byteLength) return this.#keep(chunk.subarray(at));
    return true;
  }

  /** Adds to the frame that is pending. @returns bytes taken, `undefined` when it is too long */
  #continue(chunk: Buffer, onFrame: (frame: FrameReader) => void): number | undefined {
    const taken = chunk.copy(this.#pending, this.#filled);
    this.#filled += taken;
    if (this.#filled < this.#pending.byteLength) return taken;
    const whole = this.#pending;
    this.#pending = EMPTY;
    this.#filled = 0;
    // Either the length has come now, which says how long the frame is, or the frame itself.
    if (whole.byteLength === LENGTH_BYTES) return this.#keep(whole) ? taken : undefined;
    onFrame(readerOf(whole));
    return taken;
  }

  #keep(start: Buffer): boolean {
    const hasLength = start.byteLength >= LENGTH_BYTES;
    const size = hasLength ? this.#frameEnd(start, 0) : LENGTH_BYTES;
    if (size === undefined) return false;
    this.#pending = Buffer.allocUnsafe(size);
    this.#filled = start.copy(this.#pending);
    return true;
  }

  #frameEnd(data: Buffer, at: number): number | undefined {
    const length = data.readUInt32BE(at);
    return length < 1 || length > this.#maxFrameBytes ? undefined : at + LENGTH_BYTES + length;
  }
}

const EMPTY: Buffer = Buffer.alloc(0);

function readerOf(frame: Buffer): FrameReader {
  return new FrameReader(frame.readUInt8(LENGTH_BYTES), frame.subarray(FRAME_HEADER_BYTES));
}
