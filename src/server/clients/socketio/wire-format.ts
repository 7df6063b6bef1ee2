/** What goes to many Socket.IO clients in the same words. */

import type { SharedText, WireFormat } from '../../core/contracts/outgoing-event.ts';
import { PLAIN_PACKET } from '../../protocol/engine-packet.ts';
import { encodeEvent } from '../../protocol/socketio-packet.ts';

/** How they want an event: one Engine.IO message packet. */
export const SOCKET_IO_FORMAT: WireFormat = {
  index: 0,
  encode: (event) =>
    encodeEvent(event.namespace, event.json, event.attachments.length, event.ackId),
};

/** The same ping for all. */
export const PING: SharedText = { text: PLAIN_PACKET.ping, frame: undefined };
