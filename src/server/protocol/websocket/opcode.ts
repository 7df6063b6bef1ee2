/** What kinds of frames there are, and the bits of a frame's first two bytes (RFC 6455, 5.2). */

export const OPCODE = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

export type Opcode = (typeof OPCODE)[keyof typeof OPCODE];

export const FIN_BIT = 0x80;
/** Set on the first frame of a message that is compressed (RFC 7692, section 6). */
export const COMPRESSED_BIT = 0x40;
/** Bits that no extension known here gives a meaning. */
export const RESERVED_BITS = 0x30;
export const OPCODE_BITS = 0x0f;
/** Control frames are those with this bit in their opcode. */
export const CONTROL_BIT = 0x08;
export const MASK_BIT = 0x80;
export const LENGTH_BITS = 0x7f;

/** The length field says itself how many bytes follow it with the true length. */
export const LENGTH_IN_TWO_BYTES = 126;
export const LENGTH_IN_EIGHT_BYTES = 127;
export const TWO_BYTE_LENGTH_MAX = 0xff_ff;

/** The longest payload of a close, ping or pong (section 5.5). */
export const CONTROL_PAYLOAD_BYTES_MAX = 125;
/** A close frame's payload begins with its code. */
export const CLOSE_CODE_BYTES = 2;
