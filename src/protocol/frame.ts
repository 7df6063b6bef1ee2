/**
 * The frames of Unix sockets between the processes of a node.
 *
 *     length of the rest (u32) | type (u8) | fields
 *
 * Integers are big-endian; texts and byte strings carry their length (u32) in front. Writer and
 * reader know fields only; what a type means is the business of `bus/` and `peer/`.
 */

export const FRAME_HEADER_BYTES = 5;
const LENGTH_BYTES = 4;
const INITIAL_BYTES = 4096;
const KEPT_BYTES = 262_144;

/** Collects frames in one growing buffer, so that a burst of frames is one write. */
export class FrameWriter {
  #buffer: Buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  #end = 0;
  #frameStart = 0;

  /** Bytes of the frames finished so far. */
  get length(): number {
    return this.#end;
  }

  begin(type: number): this {
    this.#frameStart = this.#end;
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

  text(value: string): this {
    const start = this.#end;
    this.#reserve(4 + value.length * 3);
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

  /** Closes the frame. */
  finish(): void {
    this.#buffer.writeUInt32BE(this.#end - this.#frameStart - LENGTH_BYTES, this.#frameStart);
  }

  /** Hands out what was written and starts anew. */
  take(): Uint8Array {
    const taken = this.#buffer.subarray(0, this.#end);
    this.#buffer = Buffer.allocUnsafe(INITIAL_BYTES);
    this.#end = 0;
    return taken;
  }

  /** What was written, valid until the next call. */
  view(): Uint8Array {
    return this.#buffer.subarray(0, this.#end);
  }

  /** Forgets what was written, and keeps the buffer unless it has grown large. */
  clear(): void {
    this.#end = 0;
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
  #pending: Buffer | undefined;

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /**
   * Takes a chunk and calls `onFrame` for each frame that it completes. Readers are views of the
   * chunk: what is kept beyond the call must be copied.
   *
   * @returns false when a frame announces more bytes than allowed; the stream is then useless
   */
  push(chunk: Buffer, onFrame: (frame: FrameReader) => void): boolean {
    const data = this.#pending === undefined ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#pending = undefined;
    let at = 0;
    while (data.byteLength - at >= FRAME_HEADER_BYTES) {
      const length = data.readUInt32BE(at);
      if (length < 1 || length > this.#maxFrameBytes) return false;
      const end = at + LENGTH_BYTES + length;
      if (end > data.byteLength) break;
      onFrame(
        new FrameReader(
          data.readUInt8(at + LENGTH_BYTES),
          data.subarray(at + FRAME_HEADER_BYTES, end),
        ),
      );
      at = end;
    }
    if (at < data.byteLength) this.#pending = Buffer.from(data.subarray(at));
    return true;
  }
}
