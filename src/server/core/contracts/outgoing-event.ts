/**
 * An event on its way out, as those see it who carry it: encoded already, shared by all recipients.
 *
 * `delivery/encoded-event.ts` makes them; each kind of client brings a `WireFormat`.
 */

/** What there is to encode. */
export interface EventContent {
  readonly namespace: string;
  /** The JSON array of event name and arguments, placeholders in place of binary values. */
  readonly json: string;
  readonly attachments: readonly Uint8Array[];
  /** Present when the clients shall answer. */
  readonly ackId: number | undefined;
  /** Its rooms keep it: `mark` is its own position, which clients are told. */
  readonly isKept: boolean;
  /**
   * Up to where whoever has been given this has been given all that rooms keep, as
   * `protocol/position.ts` writes it; `undefined` where none do. Set as it is handed out.
   */
  mark: string | undefined;
}

export interface OutgoingEvent extends EventContent {
  /** It may be dropped for a client that cannot take it now. */
  readonly volatile: boolean;
  /** What it holds while it is on its way. */
  readonly bytes: number;
  /** Its text in a wire format: MUST be encoded once, for however many recipients. */
  encodedFor(format: WireFormat): SharedText;
}

/** A text that is the same for many: what is made of it to be sent is made once. */
export interface SharedText {
  readonly text: string;
  /**
   * Its bytes as one frame of a WebSocket, or as one chunk of a stream, left there by whoever
   * needed them first: each wire format is for one of the two.
   */
  frame: Buffer | undefined;
  /** The same compressed, for those that agreed on that; `plain` when it is not worth it. */
  deflatedFrame?: Buffer | 'plain';
}

/** How one kind of client wants an event; `index` is its place in an event's cache. */
export interface WireFormat {
  readonly index: number;
  encode(event: EventContent): string;
}
