/**
 * What a client protocol decides: what it sends once the WebSocket is open, and what a text frame
 * means. One object serves all connections; it keeps no state of its own.
 */

/** What a received text frame is to the client. */
export type Meaning = 'open' | 'established' | 'delivery' | 'ping' | 'refused' | 'other';

export interface Protocol {
  /** Whether the 101 answer alone makes the session. */
  readonly establishedByUpgrade: boolean;
  /** Reads the meaning of the text frame at `bytes[start..end)`; MUST NOT keep the bytes. */
  meaning(bytes: Uint8Array, start: number, end: number): Meaning;
  /** The frame that answers `open` for the session with this number. */
  connectFrame(number: number): Uint8Array;
  /** The frame that answers `ping`. */
  readonly pongFrame: Uint8Array;
}
