/**
 * WebSocket frames (RFC 6455) as a client needs them: small masked frames out, whole unmasked
 * frames in. Pure: bytes in, positions out. Fragments, extensions and frames over 64 KB are
 * outside this client and count as errors.
 */

export const OPCODE_TEXT = 0x1;
export const OPCODE_CLOSE = 0x8;
export const OPCODE_PING = 0x9;
export const OPCODE_PONG = 0xa;

/** A fixed key: servers unmask all the same, and the client saves the random numbers. */
const MASK = [0x37, 0xfa, 0x21, 0x3d] as const;

const encoder = new TextEncoder();

/** One complete masked frame; the payload must be under 126 bytes. */
export function encodeFrame(opcode: number, payload: string | Uint8Array): Uint8Array {
  const bytes = typeof payload === 'string' ? encoder.encode(payload) : payload;
  if (bytes.length > 125) throw new Error(`a client frame of ${bytes.length} bytes is too long`);
  const frame = new Uint8Array(6 + bytes.length);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | bytes.length;
  frame.set(MASK, 2);
  for (let index = 0; index < bytes.length; index += 1) {
    frame[6 + index] = (bytes[index] ?? 0) ^ (MASK[index & 3] ?? 0);
  }
  return frame;
}

/**
 * A cursor over received bytes, one for all connections: `read` finds the frame at an offset and
 * leaves its place in the fields, so that a delivery allocates nothing.
 */
export class FrameCursor {
  opcode = 0;
  payloadStart = 0;
  /** Also where the next frame begins. */
  payloadEnd = 0;

  read(bytes: Uint8Array, offset: number): 'frame' | 'incomplete' | 'unsupported' {
    const available = bytes.length - offset;
    if (available < 2) return 'incomplete';
    const first = bytes[offset] ?? 0;
    const second = bytes[offset + 1] ?? 0;
    const isWhole = (first & 0xf0) === 0x80;
    if (!isWhole || second >= 127) return 'unsupported';
    let header = 2;
    let length = second;
    if (second === 126) {
      if (available < 4) return 'incomplete';
      header = 4;
      length = ((bytes[offset + 2] ?? 0) << 8) | (bytes[offset + 3] ?? 0);
    }
    if (available < header + length) return 'incomplete';
    this.opcode = first & 0x0f;
    this.payloadStart = offset + header;
    this.payloadEnd = this.payloadStart + length;
    return 'frame';
  }
}
