/**
 * Events that are frames of a WebSocket as they are: of clients with a format of their own, and of
 * bytes alone.
 */

import type { OutgoingEvent, WireFormat } from '../../core/contracts/outgoing-event.ts';
import { encodeRawText } from '../../protocol/plain/server-message.ts';

/** The event that each frame of a client with a format of its own is. */
export const RAW_EVENT = 'message';
/** The event that a binary frame of other clients is. */
export const BINARY_EVENT = 'binary';

const RAW_HEAD = `["${RAW_EVENT}",`;
const BINARY_HEAD = `["${BINARY_EVENT}",`;
const FIRST_BYTES = '{"_placeholder":true,"num":0}';

/** The text that an event is to a client with a format of its own. */
export const RAW_FORMAT: WireFormat = {
  index: 4,
  encode: ({ json }) => encodeRawText(json),
};

/** Whether an event can be sent in that format. */
export function isRawText({ json, ackId }: OutgoingEvent): boolean {
  return ackId === undefined && json.startsWith(`${RAW_HEAD}"`);
}

/** Bytes that are a frame in that format; `undefined` for other events. */
export function rawBytesOf({ json, attachments, ackId }: OutgoingEvent): Uint8Array | undefined {
  const isFrame = ackId === undefined && json.startsWith(RAW_HEAD + FIRST_BYTES);
  return isFrame ? attachments[0] : undefined;
}

/** Bytes that travel as a binary frame beside messages; `undefined` for other events. */
export function bytesOf({ json, attachments, ackId }: OutgoingEvent): Uint8Array | undefined {
  if (attachments.length === 0 || ackId !== undefined) return undefined;
  return json === `${BINARY_HEAD}${FIRST_BYTES}]` ? attachments[0] : undefined;
}
