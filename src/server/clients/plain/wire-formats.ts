/** How plain clients want messages: as they are, as Server-Sent Events, or a line each. */

import type { EventContent, SharedText, WireFormat } from '../../core/contracts/outgoing-event.ts';
import { encodePlainEvent } from '../../protocol/plain/server-message.ts';
import { pingFrame } from '../../protocol/websocket/frame-writer.ts';

/** A frame of a WebSocket, or one of the messages in the answer to a poll. */
export const MESSAGE_FORMAT: WireFormat = { index: 1, encode: encodePlainEvent };

/** How messages follow each other in an answer without an end. */
export interface StreamFormat {
  readonly transport: 'sse' | 'stream';
  readonly contentType: string;
  readonly event: WireFormat;
  /** A message as it stands in the answer. */
  frame(message: string): string;
  /** The first one, with what the stream begins with. */
  firstFrame(message: string, position: string | undefined): string;
  /** What keeps the connection open while there is no message. */
  readonly keepAlive: SharedText;
}

/** After how long an `EventSource` comes back. */
const RETRY_MS = 2_000;

/** Source: the HTML standard, "Server-sent events". */
export const SSE_FORMAT: StreamFormat = {
  transport: 'sse',
  contentType: 'text/event-stream',
  event: { index: 2, encode: (event) => idLine(event) + sseFrame(encodePlainEvent(event)) },
  frame: sseFrame,
  firstFrame: (message, position) => {
    const id = position === undefined ? '' : `id: ${position}\n`;
    return `retry: ${RETRY_MS}\n${id}${sseFrame(message)}`;
  },
  keepAlive: { text: ':\n\n', frame: undefined },
};

export const LINES_FORMAT: StreamFormat = {
  transport: 'stream',
  contentType: 'application/x-ndjson',
  event: { index: 3, encode: (event) => lineOf(encodePlainEvent(event)) },
  frame: lineOf,
  firstFrame: lineOf,
  keepAlive: { text: '\n', frame: undefined },
};

/** What an `EventSource` presents when it comes back. */
function idLine({ isKept, mark }: EventContent): string {
  return isKept ? `id: ${mark}\n` : '';
}

/** JSON has no line breaks of its own. */
function sseFrame(message: string): string {
  return `data: ${message}\n\n`;
}

function lineOf(message: string): string {
  return `${message}\n`;
}

/** A ping of WebSocket itself: no text, but a frame that is the same for all. */
export const NATIVE_PING: SharedText = { text: '', frame: pingFrame(), deflatedFrame: 'plain' };
