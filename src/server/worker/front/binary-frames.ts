/**
 * Frames of bytes that are sent to many, so that they are encoded once.
 *
 * Who delivers hands the same bytes to one socket after the other. Their owner may write to them
 * later, so they are known until the call that sends them is over.
 */

import { binaryFrame } from '../../protocol/websocket/frame-writer.ts';

export class BinaryFrames {
  #bytes: Uint8Array | undefined;
  #frame: Buffer | undefined;

  frameOf(bytes: Uint8Array): Buffer {
    if (bytes === this.#bytes && this.#frame !== undefined) return this.#frame;
    if (this.#bytes === undefined) queueMicrotask(this.#forget);
    this.#bytes = bytes;
    this.#frame = binaryFrame(bytes);
    return this.#frame;
  }

  readonly #forget = (): void => {
    this.#bytes = undefined;
    this.#frame = undefined;
  };
}
