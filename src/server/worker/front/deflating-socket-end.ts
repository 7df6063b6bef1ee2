/**
 * A WebSocket whose client has agreed on compression. It alone pays for that: eight bytes, and the
 * time of zlib. What goes to many is compressed once, and messages that are short are sent as ever.
 */

import type { SocketData } from '../../core/contracts/client-connection.ts';
import type { SharedText } from '../../core/contracts/outgoing-event.ts';
import type { FrameRules } from '../../protocol/websocket/frame-sink.ts';
import { compressedFrame } from '../../protocol/websocket/frame-writer.ts';
import { COMPRESS_FROM_BYTES } from '../../protocol/websocket/message-deflate.ts';
import { OPCODE } from '../../protocol/websocket/opcode.ts';
import type { FrontContext } from './front-context.ts';
import type { TcpSocket } from './tcp-end.ts';
import { WebSocketEnd } from './web-socket-end.ts';

/** What nearly all clients can take; the frames that others need are made for each. */
const SHARED_WINDOW_BITS = 15;

export class DeflatingSocketEnd extends WebSocketEnd {
  readonly #windowBits: number;

  constructor(socket: TcpSocket, front: FrontContext, data: SocketData, windowBits: number) {
    super(socket, front, data);
    this.#windowBits = windowBits;
  }

  protected override get rules(): FrameRules {
    return this.front.inflatingRules;
  }

  protected override deflated(message: string | Uint8Array): Buffer | undefined {
    if (message.length < COMPRESS_FROM_BYTES) return undefined;
    const isText = typeof message === 'string';
    const payload = this.front.deflate?.compress(isText ? Buffer.from(message) : message, {
      windowBits: this.#windowBits,
    });
    if (payload === undefined) return undefined;
    return compressedFrame(isText ? OPCODE.text : OPCODE.binary, payload);
  }

  protected override deflatedShared(shared: SharedText): Buffer | undefined {
    if (this.#windowBits !== SHARED_WINDOW_BITS) return this.deflated(shared.text);
    shared.deflatedFrame ??= this.deflated(shared.text) ?? 'plain';
    return shared.deflatedFrame === 'plain' ? undefined : shared.deflatedFrame;
  }
}
