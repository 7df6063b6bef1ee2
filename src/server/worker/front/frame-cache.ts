/**
 * Frames as bytes, so that a message to many is encoded once.
 *
 * Who delivers hands the same message to one socket after the other, with a ping now and then
 * between them, so the last two texts are kept; a text that is asked for once, as most answers are,
 * is not worth a frame of its own. Bytes may be written to by who owns them: of those the last are
 * kept until the call that sends them is over.
 */

import { binaryFrame, textFrame } from '../../protocol/websocket/frame-writer.ts';

interface Kept {
  text: string;
  /** From the second time on that it is asked for. */
  frame: Buffer | undefined;
}

export class FrameCache {
  #last: Kept = { text: '', frame: undefined };
  #before: Kept = { text: '', frame: undefined };
  #bytes: Uint8Array | undefined;
  #bytesFrame: Buffer | undefined;

  /** The frame of a text; `undefined` when it is asked for the first time. */
  textFrame(text: string): Buffer | undefined {
    if (text !== this.#last.text) {
      const last = this.#before;
      this.#before = this.#last;
      this.#last = last;
      if (text !== last.text) {
        last.text = text;
        last.frame = undefined;
        return undefined;
      }
    }
    this.#last.frame ??= textFrame(text);
    return this.#last.frame;
  }

  binaryFrame(bytes: Uint8Array): Buffer {
    if (bytes === this.#bytes && this.#bytesFrame !== undefined) return this.#bytesFrame;
    if (this.#bytes === undefined) queueMicrotask(this.#forgetBytes);
    this.#bytes = bytes;
    this.#bytesFrame = binaryFrame(bytes);
    return this.#bytesFrame;
  }

  readonly #forgetBytes = (): void => {
    this.#bytes = undefined;
    this.#bytesFrame = undefined;
  };
}
