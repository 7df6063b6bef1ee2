/** What goes to many Socket.IO clients in the same words. */

import type { EventContent, SharedText, WireFormat } from '../../core/contracts/outgoing-event.ts';
import { PLAIN_PACKET } from '../../protocol/engine-packet.ts';
import { encodeEvent } from '../../protocol/socketio-packet.ts';

/** How they want an event: one Engine.IO message packet. */
export const SOCKET_IO_FORMAT: WireFormat = {
  index: 0,
  encode: (event) =>
    encodeEvent(event.namespace, markedJson(event), event.attachments.length, event.ackId),
};

/**
 * Clients take a text that ends an event for their offset, which they present when they come back.
 * So an event that ends with one of its own is given one behind it, once some rooms keep messages.
 *
 * Source: the Socket.IO protocol, "connection state recovery"; `_lastOffset` of `socket.io-client`.
 */
function markedJson({ json, mark, isKept, ackId }: EventContent): string {
  if (mark === undefined || ackId !== undefined) return json;
  return isKept || json.endsWith('"]') ? `${json.slice(0, -1)},"${mark}"]` : json;
}

/** The same ping for all. */
export const PING: SharedText = { text: PLAIN_PACKET.ping, frame: undefined };
