/**
 * A WebSocket of this worker, over a TCP connection that has become one.
 *
 *     chunk ─▶ readFrames ─▶ whole messages to the handler; halves are kept, and counted
 *     send  ─▶ the frame's bytes, encoded once for all that get them ─▶ TCP
 *
 * One that is idle holds nothing but its handler. A chunk of very many messages is read in slices,
 * so that others have their turn, and what a paused client has sent stays unread.
 *
 * Source: RFC 6455, sections 5 and 7.
 */

import type { FrameSocket, SocketData } from '../../core/contracts/client-connection.ts';
import type { SharedText } from '../../core/contracts/outgoing-event.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { Holder } from '../../core/limits/memory-budget.ts';
import { CLOSE_CODE } from '../../protocol/close-code.ts';
import { readFrames } from '../../protocol/websocket/frame-reader.ts';
import type { FrameRules, Next } from '../../protocol/websocket/frame-sink.ts';
import {
  closeFrame,
  pongFrame,
  textFrame,
  writeTextFrame,
} from '../../protocol/websocket/frame-writer.ts';
import type { HalfMessage } from '../../protocol/websocket/half-message.ts';
import { readSmallText } from '../../protocol/websocket/small-text.ts';
import type { FrontContext, Postponed } from './front-context.ts';
import { GatheringEnd } from './gathering-end.ts';
import type { ReadSocket } from './socket-sink.ts';
import type { TcpSocket } from './tcp-end.ts';

const NOTHING: Buffer = Buffer.alloc(0);

export class WebSocketEnd
  extends GatheringEnd
  implements FrameSocket, ReadSocket, Holder, Postponed
{
  data: SocketData;
  /** What has come of a message that is not whole, or was not read yet. */
  #half: HalfMessage | undefined;
  /** Closed once a close frame was sent or has come, or the connection is gone. */
  #state: 'open' | 'paused' | 'closed' = 'open';

  constructor(socket: TcpSocket, front: FrontContext, data: SocketData) {
    super(socket, front);
    this.data = data;
    front.sockets++;
  }

  /** Takes the connection over; the answer to the upgrade leaves with what is said at once. */
  open(acceptHead: string): void {
    const front = this.front;
    this.socket.data = this;
    this.socket.timeout(0);
    const isGathered = front.corked === undefined && acceptHead.length < front.scratch.byteLength;
    if (isGathered) {
      front.corked = this;
      front.corkedBytes = front.scratch.write(acceptHead, 0, 'latin1');
    } else this.write(Buffer.from(acceptHead, 'latin1'));
    try {
      const handler = 'open' in this.data ? this.data.open(this) : this.data;
      if (handler !== undefined) this.data = handler;
      else this.close(CLOSE_CODE.policy, 'no socket is taken');
    } catch (fault) {
      // Nobody would ever hear of it, or end it.
      this.terminate();
      throw fault;
    } finally {
      this.uncork();
    }
  }

  get #isOpen(): boolean {
    return this.#state !== 'closed';
  }

  get #isPaused(): boolean {
    return this.#state === 'paused';
  }

  // What is sent.

  /** The rules that its frames are read by. */
  protected get rules(): FrameRules {
    return this.front.frameRules;
  }

  /** The frame of a message that is to be sent compressed; `undefined` where it is not. */
  protected deflated(_message: string | Uint8Array): Buffer | undefined {
    return undefined;
  }

  /** The same for what goes to many. */
  protected deflatedShared(_shared: SharedText): Buffer | undefined {
    return undefined;
  }

  send(message: string | Uint8Array): number {
    if (!this.#isOpen) return 0;
    const deflated = this.deflated(message);
    if (deflated !== undefined || typeof message !== 'string') {
      this.flushGathered();
      const frame = deflated ?? this.front.binaryFrames.frameOf(message as Uint8Array);
      return this.write(frame) ? message.length : -1;
    }
    const { corked, scratch } = this.front;
    if (corked === this && this.#gatherText(message)) return message.length;
    const length = corked === undefined ? writeTextFrame(scratch, 0, message) : -1;
    const hasLeft =
      length === -1 ? this.write(textFrame(message)) : this.writeShared(scratch, length);
    return hasLeft ? message.length : -1;
  }

  sendShared(shared: SharedText): number {
    if (!this.#isOpen) return 0;
    const { text } = shared;
    const deflated = this.deflatedShared(shared);
    if (deflated === undefined) shared.frame ??= textFrame(text);
    const frame = deflated ?? (shared.frame as Buffer);
    if (this.isGathering && this.gather(frame)) return text.length;
    return this.write(frame) ? text.length : -1;
  }

  /** @returns whether there was place for it; if not, what was gathered has been sent */
  #gatherText(message: string): boolean {
    const front = this.front;
    const end = writeTextFrame(front.scratch, front.corkedBytes, message);
    if (end === -1) this.flushGathered();
    else front.corkedBytes = end;
    return end !== -1;
  }

  getBufferedAmount(): number {
    return this.waitingBytes;
  }

  close(code: number = CLOSE_CODE.normal, reason = ''): void {
    if (this.#isOpen) this.#leave(closeFrame(code, reason));
  }

  terminate(): void {
    this.drop();
    this.socket.terminate();
  }

  pause(): void {
    if (this.#isOpen) this.#state = 'paused';
    this.socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#state = 'open';
    if (this.#half?.hasUnread === true) this.front.later(this);
    else this.socket.resume();
  }

  // What comes.

  onData(chunk: Buffer): void {
    // Behind our close frame only the client's is of interest, which the end of TCP tells as well.
    if (!this.#isOpen) return;
    if (this.#half === undefined) {
      const text = readSmallText(chunk, this.front.frameRules.maxPayloadBytes);
      if (text !== undefined) {
        this.take(text);
        return;
      }
    }
    const half = this.#readFrames(chunk);
    if (half === undefined && this.#half === undefined) return;
    this.#half = this.#isOpen ? half : undefined;
    this.front.hold(this, this.heldBytes());
    if (this.#half?.hasUnread !== true) return;
    this.socket.pause();
    if (!this.#isPaused) this.front.later(this);
  }

  #readFrames(chunk: Buffer): HalfMessage | undefined {
    const sink = this.front.sinkFor(this);
    try {
      return readFrames(this.#half, chunk, this.rules, sink);
    } finally {
      sink.end();
    }
  }

  /** Reads what the last slice left. */
  goOn(): void {
    if (this.#isPaused || !this.#isOpen) return;
    this.onData(NOTHING);
    if (this.#half?.hasUnread !== true && !this.#isPaused) this.socket.resume();
  }

  /** Whether more of what has come may be handed out now. */
  get next(): Next {
    if (!this.#isOpen) return 'end';
    return this.#isPaused ? 'pause' : 'read';
  }

  take(message: string | Buffer): void {
    if ('onFrame' in this.data) this.data.onFrame(this, message);
  }

  takePing(payload: Buffer): void {
    // Who does not read gets no more of them: an answer to the latest ping is enough (5.5.3).
    if (this.waitingBytes === 0) this.write(pongFrame(payload));
    else this.front.unanswered.set(this, Buffer.from(payload));
    if ('onFrame' in this.data) this.data.onPing?.(this, payload.byteLength);
  }

  takePong(): void {
    if ('onFrame' in this.data) this.data.onPong?.();
  }

  /** The client's close frame is answered with its own code. */
  takeClose(code: number | undefined): void {
    if (this.#isOpen) this.#leave(closeFrame(code));
  }

  // How it ends.

  /** Nothing is sent behind this; the client has a moment to take it, and to close. */
  #leave(farewell: Buffer): void {
    this.uncork();
    this.#state = 'closed';
    this.#forgetHalf();
    this.socket.timeout(LIMITS.lingerSeconds);
    if (this.write(farewell)) this.socket.shutdown();
    // What the client goes on sending is read and dropped, or its end would not be seen.
    this.socket.resume();
    this.#tellHandler();
  }

  onDrain(): void {
    const isAll = this.flush();
    if (!this.#isOpen) {
      // Whoever takes what was said before the end has the time for it.
      this.socket.timeout(LIMITS.lingerSeconds);
      if (isAll) this.socket.shutdown();
      return;
    }
    const { unanswered } = this.front;
    const ping = isAll && unanswered.size > 0 ? unanswered.get(this) : undefined;
    if (ping === undefined) return;
    unanswered.delete(this);
    this.write(pongFrame(ping));
  }

  onEnd(): void {
    // A client that has closed in order may still read what was said before.
    if (this.#isOpen || this.waitingBytes === 0) this.socket.close();
  }

  /** What has left is still delivered, be the way to the client slow: that is the kernel's part. */
  onTimeout(): void {
    if (this.waitingBytes > 0) this.terminate();
    else this.socket.close();
  }

  onGone(): void {
    this.drop();
    if (!this.#isOpen) return;
    this.#state = 'closed';
    this.#forgetHalf();
    this.#tellHandler();
  }

  #tellHandler(): void {
    this.front.sockets--;
    this.front.unanswered.delete(this);
    if ('onFrame' in this.data) this.data.onSocketClose(this);
  }

  // What it holds.

  heldBytes(): number {
    return this.#half?.heldBytes ?? 0;
  }

  letGo(): void {
    this.terminate();
  }

  #forgetHalf(): void {
    if (this.#half === undefined) return;
    this.#half = undefined;
    this.front.hold(this, 0);
  }
}
