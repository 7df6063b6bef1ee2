/** How Socket.IO clients want an event: one Engine.IO message packet. */

import type { WireFormat } from '../../core/contracts/outgoing-event.ts';
import { encodeEvent } from '../../protocol/socketio-packet.ts';

export const SOCKET_IO_FORMAT: WireFormat = {
  index: 0,
  encode: (event) =>
    encodeEvent(event.namespace, event.json, event.attachments.length, event.ackId),
};
