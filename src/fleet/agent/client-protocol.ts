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
  /** Of the protocol, and of no matter here. */
  | 'other'
  /** Not of the protocol. */
  | 'invalid';

export interface ClientCodec {
  /** Whether the 101 answer alone makes the session. */
  readonly isEstablishedByUpgrade: boolean;
  /** Path and query of the upgrade request for a target. */
  requestPath(target: URL): string;
  /** Reads what the text message at `bytes[start..end)` is; MUST NOT keep the bytes. */
  meaning(bytes: Uint8Array, start: number, end: number): Meaning;
  /**
   * How long the server may go without a ping, in milliseconds, as the message `open` at
   * `bytes[start..end)` says; infinite when it does not say.
   */
  pingWithinMs(bytes: Buffer, start: number, end: number): number;
  /** The frame that answers `open` for the session with this number. */
  connectFrame(number: number): Uint8Array;
  /** The frame that answers `ping`. */
  readonly pongFrame: Uint8Array;
  /** A message that the server is to answer. */
  echoFrame(echo: EchoOrder): Uint8Array;
}

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
    pingWithinMs: enginePingWithinMs,
    connectFrame: (number) =>
      encodeClientFrame(OPCODE_TEXT, `40${auth?.replaceAll('{n}', String(number)) ?? ''}`),
    pongFrame: encodeClientFrame(OPCODE_TEXT, '3'),
    // A session has one echo under way at most, so all may have the same ack number.
    echoFrame: ({ event, payloadBytes }) =>
      encodeClientFrame(OPCODE_TEXT, `420${JSON.stringify([event, padding(payloadBytes)])}`),
  };
}

function socketIoMeaning(bytes: Uint8Array, start: number, end: number): Meaning {
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

// Found without parsing: a server under load may send anything, once for each session.
const PING_INTERVAL = /[{,]\s*"pingInterval"\s*:\s*(\d{1,12})(?:\.\d+)?\s*[,}]/;
const PING_TIMEOUT = /[{,]\s*"pingTimeout"\s*:\s*(\d{1,12})(?:\.\d+)?\s*[,}]/;

function numberIn(json: string, pattern: RegExp): number {
  return Number(pattern.exec(json)?.[1] ?? Number.NaN);
}

/** Engine.IO clients give a server up that lets both of its times pass without a ping. */
function enginePingWithinMs(bytes: Buffer, start: number, end: number): number {
  const open = bytes.toString('latin1', start + 1, end);
  const sumMs = numberIn(open, PING_INTERVAL) + numberIn(open, PING_TIMEOUT);
  return sumMs > 0 ? sumMs : Number.POSITIVE_INFINITY;
}

/**
 * WebSocket alone: the upgrade is the session, and every message is a delivery; that the next one
 * answers an echo is for the swarm to see, which knows whether one waits.
 */
const websocketCodec: ClientCodec = {
  isEstablishedByUpgrade: true,
  requestPath: (target) => target.pathname + target.search,
  meaning: () => 'delivery',
  pingWithinMs: () => Number.POSITIVE_INFINITY,
  connectFrame() {
    throw new Error('plain WebSocket has no CONNECT');
  },
  pongFrame: encodeClientFrame(OPCODE_PONG, ''),
  echoFrame: ({ payloadBytes }) => encodeClientFrame(OPCODE_TEXT, padding(payloadBytes)),
};

function padding(bytes: number): string {
  return '.'.repeat(bytes);
}
