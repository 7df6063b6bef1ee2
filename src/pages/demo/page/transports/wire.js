/**
 * What a message weighs on the wire, from what a page can see of it.
 *
 * Bodies and texts are counted. What stands around them is reckoned by the rule of its transport:
 * the head of a frame, of a chunk, of an answer. The head of a request, which the browser writes,
 * is as long as the server says that one like it was. TCP, TLS and compression are left out.
 * Sources: RFC 6455 section 5.2, RFC 9112 sections 2.1 and 7.1, HTML "Server-sent events".
 */

const encoder = new TextEncoder();
const lengthOf = (text) => encoder.encode(text).length;

/** Bytes around an answer's headers: `HTTP/1.1 200 OK`, and the empty line. */
const STATUS_LINE_BYTES = 17;
const EMPTY_LINE_BYTES = 2;
/** A packet of Socket.IO begins with its two types: `42["comment",…]`. */
const PACKET_TYPES_BYTES = 2;
/** What server-sent events have around a text: `data: `, and an empty line. */
const EVENT_BYTES = 8;

const frame = (bytes) => bytes + (bytes < 126 ? 2 : 4);
const chunk = (bytes) => bytes + bytes.toString(16).length + 4;

/** By panel; each is given what the link heard, and says how it came to its figure. */
export const WEIGHTS = {
  'socket-io': {
    how: 'text counted, packet and frame reckoned',
    weigh: (text) => frame(lengthOf(text) + PACKET_TYPES_BYTES),
  },
  websocket: {
    how: 'text counted, frame reckoned',
    weigh: (text) => frame(lengthOf(text)),
  },
  sse: {
    how: 'text counted, event and chunk reckoned',
    weigh: (text) => chunk(lengthOf(text) + EVENT_BYTES),
  },
  stream: {
    how: 'line counted, chunk reckoned',
    weigh: (text) => chunk(lengthOf(text) + 1),
  },
  polling: {
    how: 'body and its head counted, request estimated',
    weigh: (text, answer, requestBytes) => answerBytes(text, answer) + requestBytes,
  },
};

function answerBytes(text, answer) {
  let bytes = STATUS_LINE_BYTES + EMPTY_LINE_BYTES + lengthOf(text);
  for (const [name, value] of answer.headers) bytes += name.length + value.length + 4;
  return bytes;
}

/**
 * Asks how long the heads of this page's requests are, without their targets.
 * @returns {Promise<number>} bytes
 */
export async function askHeadBytes() {
  const path = '/transports/head';
  const answer = await fetch(path.slice(1));
  const { bytes } = await answer.json();
  return bytes - path.length;
}
