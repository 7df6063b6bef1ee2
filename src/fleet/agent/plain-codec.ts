/**
 * The plain protocol of Holdfast (docs/PROTOCOL.md) over its four transports, and any other server
 * that sends what it likes over one of them. Messages of Holdfast are JSON objects that begin with
 * `type`; they are told apart by their first bytes, and none is parsed.
 */

import { type ClientCodec, type Cut, type Meaning, padding } from './client-protocol.ts';
import type { ClientProtocol } from './contract.ts';
import { NUMBER_MARK, type Place, pathOf, queryOf } from './place.ts';
import { encodeClientFrame, OPCODE_TEXT } from './wire/client-frame.ts';
import { UPGRADE_HEADERS } from './wire/opening.ts';

export type PlainProtocol = Exclude<ClientProtocol, 'socket-io'>;

interface Transport {
  readonly cut: Cut;
  /** Its path on a Holdfast node. */
  readonly path: string;
  readonly headers: readonly string[];
  /** What the query of every request has. */
  readonly query: readonly string[];
}

const TRANSPORTS: Readonly<Record<PlainProtocol, Transport>> = {
  websocket: { cut: 'frames', path: '/ws', headers: UPGRADE_HEADERS, query: [] },
  sse: { cut: 'events', path: '/sse', headers: ['Accept: text/event-stream'], query: [] },
  stream: { cut: 'lines', path: '/poll', headers: [], query: ['stream=1'] },
  poll: { cut: 'answers', path: '/poll', headers: [], query: [] },
};

/** @param auth JSON for the query, in which `{n}` stands for the session's number */
export function plainCodec(protocol: PlainProtocol, auth: string | undefined): ClientCodec {
  const { cut, path, headers, query } = TRANSPORTS[protocol];
  return {
    protocol,
    cut,
    isEstablishedByAnswer: true,
    headers,
    requestPath: (place) => pathOf(place, path) + queryOf(place, missing(place, query, auth)),
    meaning: plainMeaning,
    // A session has one echo under way at most, so all may have the same id.
    echoFrame: ({ event, payloadBytes }, isPlain) => {
      const text = padding(payloadBytes);
      const message = { type: 'event', event, args: [text], id: 0 };
      return encodeClientFrame(OPCODE_TEXT, isPlain ? JSON.stringify(message) : text);
    },
  };
}

/** What the query of a target does not say itself. */
function missing(
  { url }: Place,
  query: readonly string[],
  auth: string | undefined,
): readonly string[] {
  const parts = auth === undefined ? [] : auth.split('{n}').map(encodeURIComponent);
  const all = [...query, ...(auth === undefined ? [] : [`auth=${parts.join(NUMBER_MARK)}`])];
  return all.filter((parameter) => !url.searchParams.has(parameter.replace(/=.*$/s, '')));
}

const PREFIX: Buffer = Buffer.from('{"type":"');
const QUOTE = 0x22;
/** No type is longer. */
const TYPE_BYTES_MAX = 16;

function plainMeaning(bytes: Buffer, start: number, end: number): Meaning {
  if (end - start < PREFIX.length) return 'delivery';
  for (let index = 0; index < PREFIX.length; index++) {
    if (bytes[start + index] !== PREFIX[index]) return 'delivery';
  }
  const from = start + PREFIX.length;
  // Nearly all are events, and this is once for each delivery.
  if (bytes[from] === 0x65 && bytes[from + 1] === 0x76) return 'delivery';
  const typeEnd = bytes.indexOf(QUOTE, from);
  if (typeEnd < 0 || typeEnd > Math.min(end, from + TYPE_BYTES_MAX)) return 'delivery';
  return meaningOf(bytes.toString('latin1', from, typeEnd));
}

function meaningOf(type: string): Meaning {
  switch (type) {
    case 'connect':
      return 'welcome';
    case 'ack':
      return 'answer';
    case 'error':
      return 'refused';
    case 'disconnect':
      return 'ended';
    case 'pong':
      return 'other';
    default:
      return 'delivery';
  }
}
