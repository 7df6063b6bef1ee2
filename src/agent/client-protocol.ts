/**
 * What a client protocol decides: what it asks for, what it sends once the WebSocket is open, and
 * what a message means. One object serves all connections and keeps no state of a connection.
 */

import { encodeClientFrame, OPCODE_PONG, OPCODE_TEXT } from './client-frame.ts';
import type { ClientProtocol, EchoOrder } from './contract.ts';

/** What a received message is to the client. */
export type Meaning =
  | 'open'
  | 'established'
  | 'delivery'
  | 'ping'
  | 'answer'
  | 'refused'
  | 'ended'
  | 'other';

export interface ClientCodec {
  /** Whether the 101 answer alone makes the session. */
  readonly isEstablishedByUpgrade: boolean;
  /** Path and query of the upgrade request for a target. */
  requestPath(target: URL): string;
  /** Reads what the text message at `bytes[start..end)` is; MUST NOT keep the bytes. */
  meaning(bytes: Uint8Array, start: number, end: number): Meaning;
  /** The frame that answers `open` for the session with this number. */
  connectFrame(number: number): Uint8Array;
  /** The frame that answers `ping`. */
  readonly pongFrame: Uint8Array;
  /** A message that the server is to answer. */
  echoFrame(echo: EchoOrder): Uint8Array;
}

const ENGINE_OPEN = 0x30;
const ENGINE_CLOSE = 0x31;
const ENGINE_PING = 0x32;
const ENGINE_MESSAGE = 0x34;
const SOCKET_CONNECT = 0x30;
const SOCKET_DISCONNECT = 0x31;
const SOCKET_EVENT = 0x32;
const SOCKET_ACK = 0x33;
const SOCKET_CONNECT_ERROR = 0x34;
const SOCKET_BINARY_EVENT = 0x35;

/** What an echo over plain WebSocket begins with, so that its answer is told from a delivery. */
const ECHO_PREFIX = 'echo:';

/** @param auth JSON for CONNECT, in which `{n}` stands for the session's number */
export function createCodec(protocol: ClientProtocol, auth: string | undefined): ClientCodec {
  return protocol === 'socket-io' ? socketIoCodec(auth) : websocketCodec;
}

/**
 * Socket.IO v5 over Engine.IO v4, WebSocket only: `0{…}` opens, `40{…}` asks for `/`, `40{"sid":…}`
 * admits, `42[…]` delivers, `43…` is an ack, and every `2` is answered with `3`.
 */
function socketIoCodec(auth: string | undefined): ClientCodec {
  return {
    isEstablishedByUpgrade: false,
    requestPath(target) {
      const query = new URLSearchParams(target.search);
      query.set('EIO', '4');
      query.set('transport', 'websocket');
      const path = target.pathname === '/' ? '/socket.io/' : target.pathname;
      return `${path}?${query.toString()}`;
    },
    meaning: socketIoMeaning,
    connectFrame: (number) =>
      encodeClientFrame(OPCODE_TEXT, `40${auth?.replaceAll('{n}', String(number)) ?? ''}`),
    pongFrame: encodeClientFrame(OPCODE_TEXT, '3'),
    // A session has one echo under way at most, so all may have the same ack number.
    echoFrame: ({ event, payloadBytes }) =>
      encodeClientFrame(OPCODE_TEXT, `420${JSON.stringify([event, padding(payloadBytes)])}`),
  };
}

function socketIoMeaning(bytes: Uint8Array, start: number, end: number): Meaning {
  const engineType = bytes[start];
  if (engineType === ENGINE_PING) return 'ping';
  if (engineType === ENGINE_OPEN) return 'open';
  if (engineType === ENGINE_CLOSE) return 'ended';
  if (engineType !== ENGINE_MESSAGE || end - start < 2) return 'other';
  switch (bytes[start + 1]) {
    case SOCKET_EVENT:
    case SOCKET_BINARY_EVENT:
      return 'delivery';
    case SOCKET_CONNECT:
      return 'established';
    case SOCKET_ACK:
      return 'answer';
    case SOCKET_DISCONNECT:
      return 'ended';
    case SOCKET_CONNECT_ERROR:
      return 'refused';
    default:
      return 'other';
  }
}

/** WebSocket alone: the upgrade is the session, and every message is a delivery. */
const websocketCodec: ClientCodec = {
  isEstablishedByUpgrade: true,
  requestPath: (target) => target.pathname + target.search,
  meaning: (bytes, start, end) => (isEcho(bytes, start, end) ? 'answer' : 'delivery'),
  connectFrame() {
    throw new Error('plain WebSocket has no CONNECT');
  },
  pongFrame: encodeClientFrame(OPCODE_PONG, ''),
  echoFrame: ({ payloadBytes }) =>
    encodeClientFrame(OPCODE_TEXT, ECHO_PREFIX + padding(payloadBytes)),
};

function isEcho(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < ECHO_PREFIX.length) return false;
  for (let index = 0; index < ECHO_PREFIX.length; index++) {
    if (bytes[start + index] !== ECHO_PREFIX.charCodeAt(index)) return false;
  }
  return true;
}

function padding(bytes: number): string {
  return '.'.repeat(bytes);
}
