/**
 * Frames of the server's side, as bytes: never masked, never fragmented (RFC 6455, section 5.2).
 *
 * A frame depends on nothing but its message, so that one which goes to many is written once and
 * the same bytes are handed to each socket. A payload that is compressed already
 * (`message-deflate.ts`) goes through `compressedFrame`.
 */

import {
  CLOSE_CODE_BYTES,
  COMPRESSED_BIT,
  CONTROL_PAYLOAD_BYTES_MAX,
  FIN_BIT,
  LENGTH_IN_EIGHT_BYTES,
  LENGTH_IN_TWO_BYTES,
  OPCODE,
  type Opcode,
  TWO_BYTE_LENGTH_MAX,
} from './opcode.ts';

const REASON_BYTES_MAX = CONTROL_PAYLOAD_BYTES_MAX - CLOSE_CODE_BYTES;
const TWO_POW_32 = 0x1_00_00_00_00;

/** A text message. What of it is no valid Unicode becomes U+FFFD, as anywhere in the runtime. */
export function textFrame(text: string): Buffer {
  const payloadBytes = Buffer.byteLength(text);
  const start = headBytes(payloadBytes);
  const frame = Buffer.allocUnsafe(start + payloadBytes);
  writeHead(frame, FIN_BIT | OPCODE.text, payloadBytes);
  frame.write(text, start);
  return frame;
}

/**
 * Writes a text message to `into` from `at` on, for who sends it once and at once.
 *
 * @returns where it ends; -1 when it does not fit, and then nothing is written
 */
export function writeTextFrame(into: Buffer, at: number, text: string): number {
  const payloadBytes = Buffer.byteLength(text);
  const start = at + headBytes(payloadBytes);
  if (start + payloadBytes > into.byteLength) return -1;
  writeHead(into, FIN_BIT | OPCODE.text, payloadBytes, at);
  into.write(text, start);
  return start + payloadBytes;
}

export function binaryFrame(payload: Uint8Array): Buffer {
  return frameOf(FIN_BIT | OPCODE.binary, payload);
}

/** A message as `compress` of message-deflate made it. */
export function compressedFrame(opcode: Opcode, payload: Uint8Array): Buffer {
  return frameOf(FIN_BIT | COMPRESSED_BIT | opcode, payload);
}

/** A ping without a payload. */
export function pingFrame(): Buffer {
  return frameHead(OPCODE.ping, 0);
}

/** The answer to a ping, with the ping's own payload. */
export function pongFrame(payload: Uint8Array): Buffer {
  return frameOf(FIN_BIT | OPCODE.pong, payload.subarray(0, CONTROL_PAYLOAD_BYTES_MAX));
}

/**
 * A close frame. A reason too long for it ends at the last character that has place; without a code
 * the frame is empty, as in an answer to a close that named none.
 */
export function closeFrame(code?: number, reason = ''): Buffer {
  if (code === undefined) return frameHead(OPCODE.close, 0);
  // `write` stops before a character that would not fit whole.
  const payload = Buffer.allocUnsafe(CONTROL_PAYLOAD_BYTES_MAX);
  const written = payload.write(reason, CLOSE_CODE_BYTES, REASON_BYTES_MAX);
  payload.writeUInt16BE(code, 0);
  return frameOf(FIN_BIT | OPCODE.close, payload.subarray(0, CLOSE_CODE_BYTES + written));
}

/** The head of a whole message whose payload the caller sends behind it. */
export function frameHead(opcode: Opcode, payloadBytes: number): Buffer {
  const head = Buffer.allocUnsafe(headBytes(payloadBytes));
  writeHead(head, FIN_BIT | opcode, payloadBytes);
  return head;
}

function frameOf(first: number, payload: Uint8Array): Buffer {
  const start = headBytes(payload.byteLength);
  const frame = Buffer.allocUnsafe(start + payload.byteLength);
  writeHead(frame, first, payload.byteLength);
  frame.set(payload, start);
  return frame;
}

function headBytes(payloadBytes: number): number {
  if (payloadBytes < LENGTH_IN_TWO_BYTES) return 2;
  return payloadBytes <= TWO_BYTE_LENGTH_MAX ? 4 : 10;
}

function writeHead(frame: Buffer, first: number, payloadBytes: number, at = 0): void {
  frame[at] = first;
  if (payloadBytes < LENGTH_IN_TWO_BYTES) {
    frame[at + 1] = payloadBytes;
    return;
  }
  if (payloadBytes <= TWO_BYTE_LENGTH_MAX) {
    frame[at + 1] = LENGTH_IN_TWO_BYTES;
    frame[at + 2] = payloadBytes >>> 8;
    frame[at + 3] = payloadBytes & 0xff;
    return;
  }
  frame[at + 1] = LENGTH_IN_EIGHT_BYTES;
  frame.writeUInt32BE(Math.floor(payloadBytes / TWO_POW_32), at + 2);
  frame.writeUInt32BE(payloadBytes % TWO_POW_32, at + 6);
}
