/** Where the reader hands what it read, and by what rules it reads. */

/** Why a compressed message could not be had: it is longer than allowed, or no DEFLATE data. */
export type InflateFault = 'too long' | 'malformed';

export interface FrameRules {
  /** For a whole message, with and without compression. */
  readonly maxPayloadBytes: number;
  /**
   * Frames without a byte that one message may have among its own. They cost no memory; this only
   * ends a message that goes on in them without end. Those that bring bytes are bounded by these.
   */
  readonly maxEmptyFragments: number;
  /** Only where the handshake agreed on compression; without it, a compressed frame is a fault. */
  readonly inflate?: (message: Buffer, maxBytes: number) => Buffer | InflateFault;
}

/**
 * What the reader is to do: read on; keep the rest for a later call; or throw it away, as when the
 * connection was closed meanwhile.
 */
export type Next = 'read' | 'pause' | 'end';

export interface FrameSink {
  text(message: string): Next;
  /** A view that is only valid during the call. */
  binary(message: Buffer): Next;
  /** To be answered with a pong of the same payload, a view as in `binary`. */
  ping(payload: Buffer): Next;
  pong(payload: Buffer): Next;
  /** Nothing is read after it. Without a code the frame was empty. */
  close(code: number | undefined, reason: string): void;
  /** The client broke the protocol: close with this code. Nothing is read after it. */
  fault(closeCode: number, why: string): void;
}
