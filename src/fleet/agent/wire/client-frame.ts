/**
 * WebSocket frames (RFC 6455, section 5.2) as a client needs them: whole masked frames out,
 * unmasked frames in. Pure: bytes in, positions out. Extensions are never offered, so a frame with
 * a reserved bit is an error.
 */

export const OPCODE_CONTINUATION = 0x0;
export const OPCODE_TEXT = 0x1;
export const OPCODE_BINARY = 0x2;
export const OPCODE_CLOSE = 0x8;
export const OPCODE_PING = 0x9;
export const OPCODE_PONG = 0xa;

/** What a server may send in one frame; more is taken for another protocol. */
export const FRAME_BYTES_MAX = 16_777_216;

/** What a control frame may carry (RFC 6455, 5.5). */
const CONTROL_BYTES_MAX = 125;

/** A fixed key: servers unmask all the same, and clients save the random numbers. */
const MASK = [0x37, 0xfa, 0x21, 0x3d] as const;

const encoder = new TextEncoder();

/** One complete masked frame with a payload of at most 65,535 bytes. */
export function encodeClientFrame(opcode: number, payload: string | Uint8Array): Uint8Array {
  const bytes = typeof payload === 'string' ? encoder.encode(payload) : payload;
  if (bytes.length > 0xffff) throw new Error(`a client frame of ${bytes.length} bytes is too long`);
  const isShort = bytes.length < 126;
  const header = isShort ? 6 : 8;
  const frame = new Uint8Array(header + bytes.length);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | (isShort ? bytes.length : 126);
  if (!isShort) {
    frame[2] = bytes.length >> 8;
    frame[3] = bytes.length & 0xff;
  }
  frame.set(MASK, header - 4);
  for (let index = 0; index < bytes.length; index++) {
    frame[header + index] = (bytes[index] as number) ^ (MASK[index & 3] as number);
  }
  return frame;
}

/**
 * A cursor over received bytes, one for all connections: `read` finds the frame at an offset and
 * leaves its place in the fields, so that a delivery allocates nothing.
 */
export class FrameCursor {
  opcode = 0;
  /** Whether the frame is the last of its message. */
  isFinal = false;
  payloadStart = 0;
  /** Also where the next frame begins. */
  payloadEnd = 0;
  /** Of a frame that is incomplete, its bytes with the header; 0 while not even that is there. */
  neededBytes = 0;

  read(bytes: Uint8Array, offset: number): 'frame' | 'incomplete' | 'invalid' {
    const available = bytes.length - offset;
    this.neededBytes = 0;
    if (available < 2) return 'incomplete';
    const first = bytes[offset] as number;
    const second = bytes[offset + 1] as number;
    const isMasked = (second & 0x80) !== 0;
    if ((first & 0x70) !== 0 || isMasked || !isLawful(first, second)) return 'invalid';
    let header = 2;
    let length = second;
    if (second === 126) {
      if (available < 4) return 'incomplete';
      header = 4;
      length = ((bytes[offset + 2] as number) << 8) | (bytes[offset + 3] as number);
    } else if (second === 127) {
      if (available < 10) return 'incomplete';
      header = 10;
      length = readU64(bytes, offset + 2);
      if (length > FRAME_BYTES_MAX) return 'invalid';
    }
    if (available < header + length) {
      this.neededBytes = header + length;
      return 'incomplete';
    }
    this.opcode = first & 0x0f;
    this.isFinal = (first & 0x80) !== 0;
    this.payloadStart = offset + header;
    this.payloadEnd = this.payloadStart + length;
    return 'frame';
  }
}

/** Six opcodes are known; control frames are short and whole (RFC 6455, 5.5). */
function isLawful(first: number, second: number): boolean {
  const opcode = first & 0x0f;
  if (opcode <= OPCODE_BINARY) return true;
  const isFinal = (first & 0x80) !== 0;
  return opcode >= OPCODE_CLOSE && opcode <= OPCODE_PONG && isFinal && second <= CONTROL_BYTES_MAX;
}

function readU64(bytes: Uint8Array, offset: number): number {
  let value = 0;
  for (let index = 0; index < 8; index++) value = value * 256 + (bytes[offset + index] as number);
  return value;
}
