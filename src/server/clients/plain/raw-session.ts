/**
 * A client with a format of its own, on a WebSocket (`format=raw`): each frame is an event, events
 * of one name are frames, and nothing else is said.
 */

import type { FrameSocket } from '../../core/contracts/client-connection.ts';
import type { OutgoingEvent } from '../../core/contracts/outgoing-event.ts';
import { PlainSession } from './plain-session.ts';
import { isRawText, RAW_FORMAT, rawBytesOf } from './raw-frames.ts';

/** Known by itself: whatever is in a frame, even nothing, has a meaning to the app. */
const NOOP = Buffer.alloc(0);

export class RawSession extends PlainSession {
  override get noop(): Buffer {
    return NOOP;
  }

  protected override say(): void {}

  protected override sendEvent(socket: FrameSocket, event: OutgoingEvent): void {
    const bytes = rawBytesOf(event);
    if (bytes !== undefined) this.sendPacket(socket, bytes);
    else if (isRawText(event)) this.sendShared(socket, event.encodedFor(RAW_FORMAT));
  }

  override receive(packet: string | Buffer): void {
    if (this.closed) return;
    this.isThere();
    if (packet !== NOOP) this.home.router.onRaw(this, packet);
  }

  /** What the server has to say of the end stands in the close frame. */
  protected override bidFarewell(): void {}
}
