/** What sessions send and take, whichever kind of client they are of. */

/** What travels in any transport: an encoded text packet, or the data of a binary message. */
export type WirePacket = string | Uint8Array;

/** Stands for a packet that cannot be: an empty one, an unknown type, broken base64. */
export const MALFORMED: unique symbol = Symbol('malformed');
