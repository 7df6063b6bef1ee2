/**
 * Socket.IO v5 over Engine.IO v4, WebSocket only: `0{…}` opens, `40{…}` asks for `/`, `40{"sid":…}`
 * admits, `42[…]` delivers, `43…` is an ack, and every `2` is answered with `3`.
 */

import { type ClientCodec, type Meaning, padding } from './client-protocol.ts';
import { type Place, pathOf } from './place.ts';
import { encodeClientFrame, OPCODE_TEXT } from './wire/client-frame.ts';
import { UPGRADE_HEADERS } from './wire/opening.ts';

/** Servers take some 120: an id and four settings. What is longer is not parsed. */
const OPEN_BYTES_MAX = 4_096;

const ENGINE_OPEN = 0x30;
const ENGINE_CLOSE = 0x31;
const ENGINE_PING = 0x32;
const ENGINE_PONG = 0x33;
const ENGINE_MESSAGE = 0x34;
const ENGINE_UPGRADE = 0x35;
const ENGINE_NOOP = 0x36;
const SOCKET_CONNECT = 0x30;
const SOCKET_DISCONNECT = 0x31;
const SOCKET_EVENT = 0x32;
const SOCKET_ACK = 0x33;
const SOCKET_CONNECT_ERROR = 0x34;
const SOCKET_BINARY_EVENT = 0x35;
const SOCKET_BINARY_ACK = 0x36;

const OWN_PATH = '/socket.io/';

/** @param auth JSON for CONNECT, in which `{n}` stands for the session's number */
export function socketIoCodec(auth: string | undefined): ClientCodec {
  return {
    protocol: 'socket-io',
    cut: 'frames',
    isEstablishedByAnswer: false,
    headers: UPGRADE_HEADERS,
    requestPath: pathWithQuery,
    meaning: socketIoMeaning,
    connectFrame: (number) =>
      encodeClientFrame(OPCODE_TEXT, `40${auth?.replaceAll('{n}', String(number)) ?? ''}`),
    pongFrame: encodeClientFrame(OPCODE_TEXT, '3'),
    // A session has one echo under way at most, so all may have the same ack number.
    echoFrame: ({ event, payloadBytes }) =>
      encodeClientFrame(OPCODE_TEXT, `420${JSON.stringify([event, padding(payloadBytes)])}`),
  };
}

/** `/` is none: the servers of Socket.IO take their path for granted. */
function pathWithQuery(place: Place): string {
  const query = new URLSearchParams(place.url.search);
  query.set('EIO', '4');
  query.set('transport', 'websocket');
  const path = pathOf(place, OWN_PATH);
  return `${path === '/' ? OWN_PATH : path}?${query.toString()}`;
}

function socketIoMeaning(bytes: Buffer, start: number, end: number): Meaning {
  if (start >= end) return 'invalid';
  switch (bytes[start]) {
    case ENGINE_PING:
      return 'ping';
    case ENGINE_OPEN:
      return end - start > OPEN_BYTES_MAX ? 'invalid' : 'open';
    case ENGINE_CLOSE:
      return 'ended';
    case ENGINE_MESSAGE:
      return end - start < 2 ? 'invalid' : packetMeaning(bytes[start + 1]);
    case ENGINE_PONG:
    case ENGINE_UPGRADE:
    case ENGINE_NOOP:
      return 'other';
    default:
      return 'invalid';
  }
}

function packetMeaning(type: number | undefined): Meaning {
  switch (type) {
    case SOCKET_EVENT:
    case SOCKET_BINARY_EVENT:
      return 'delivery';
    case SOCKET_CONNECT:
      return 'established';
    case SOCKET_ACK:
    case SOCKET_BINARY_ACK:
      return 'answer';
    case SOCKET_DISCONNECT:
      return 'ended';
    case SOCKET_CONNECT_ERROR:
      return 'refused';
    default:
      return 'invalid';
  }
}
