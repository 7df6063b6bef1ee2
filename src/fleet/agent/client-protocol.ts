/**
 * What a client protocol decides: what it asks for, how what comes is cut into messages, what a
 * message means, and what is sent. One object serves all connections and keeps no state of one.
 */

import type { ClientProtocol, EchoOrder } from './contract.ts';
import type { Place } from './place.ts';

/** What a received message is to the client. */
export type Meaning =
  /** Socket.IO's first; the client answers it. */
  | 'open'
  /** The session is there. */
  | 'established'
  /** The first message of the plain protocol. */
  | 'welcome'
  | 'delivery'
  | 'ping'
  | 'answer'
  | 'refused'
  | 'ended'
  /** Of the protocol, and of no matter here. */
  | 'other'
  /** Not of the protocol. */
  | 'invalid';

/** What bytes are cut into: frames of WebSocket, events or lines of a stream, answers of polls. */
export type Cut = 'frames' | 'events' | 'lines' | 'answers';

export interface ClientCodec {
  readonly protocol: ClientProtocol;
  readonly cut: Cut;
  /**
   * Whether the server's answer alone makes the session. Its first message then tells whether the
   * server speaks the plain protocol of Holdfast; any other server's messages are all deliveries.
   */
  readonly isEstablishedByAnswer: boolean;
  /** Of the request, beside `Host`. */
  readonly headers: readonly string[];
  /** Path and query of the request; `NUMBER_MARK` in it stands for the session's number. */
  requestPath(place: Place): string;
  /** Reads what the text message at `bytes[start..end)` is; MUST NOT keep the bytes. */
  meaning(bytes: Buffer, start: number, end: number): Meaning;
  /** The frame that answers `open` for the session with this number; only for Socket.IO. */
  connectFrame?(number: number): Uint8Array;
  /** The frame that answers `ping`; only for Socket.IO. */
  readonly pongFrame?: Uint8Array;
  /**
   * A message that the server is to answer.
   * @param isPlain whether the server is known to speak the plain protocol
   */
  echoFrame(echo: EchoOrder, isPlain: boolean): Uint8Array;
}

/** What a session is told of its server's times, in milliseconds; not a number where it is not. */
export interface ToldTimes {
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
}

// Found without parsing: a server under load may send anything, once for each session.
const PING_INTERVAL = /[{,]\s*"pingInterval"\s*:\s*(\d{1,12})(?:\.\d+)?\s*[,}]/;
const PING_TIMEOUT = /[{,]\s*"pingTimeout"\s*:\s*(\d{1,12})(?:\.\d+)?\s*[,}]/;

/** Reads the message at `bytes[start..end)` that opens a session. */
export function timesIn(bytes: Buffer, start: number, end: number): ToldTimes {
  const json = bytes.toString('latin1', start, end);
  return {
    pingIntervalMs: numberIn(json, PING_INTERVAL),
    pingTimeoutMs: numberIn(json, PING_TIMEOUT),
  };
}

function numberIn(json: string, pattern: RegExp): number {
  return Number(pattern.exec(json)?.[1] ?? Number.NaN);
}

/** The payload of an echo. */
export function padding(bytes: number): string {
  return '.'.repeat(bytes);
}
