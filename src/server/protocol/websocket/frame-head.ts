/** The first bytes of a frame: what they say, and whether they may say so (RFC 6455, 5.2). */

import type { FrameRules } from './frame-sink.ts';
import {
  COMPRESSED_BIT,
  CONTROL_BIT,
  CONTROL_PAYLOAD_BYTES_MAX,
  FIN_BIT,
  LENGTH_BITS,
  LENGTH_IN_TWO_BYTES,
  MASK_BIT,
  OPCODE,
  OPCODE_BITS,
  RESERVED_BITS,
  TWO_BYTE_LENGTH_MAX,
} from './opcode.ts';

/** The two bytes that say what kind of frame it is, and how long its head. */
export const KIND_BYTES = 2;
export const MASK_BYTES = 4;
/** The length is longer than needed, or no length. */
export const WRONG_LENGTH = -1;

const TWO_POW_32 = 0x1_00_00_00_00;
const TOP_BIT = 0x80;

/**
 * Judges a frame by its first two bytes.
 *
 * @param isContinued whether a message has begun that lacks its last frame
 * @returns what is wrong with it
 */
export function headFault(
  first: number,
  second: number,
  isContinued: boolean,
  rules: FrameRules,
): string | undefined {
  if ((second & MASK_BIT) === 0) return 'a frame without a mask';
  if ((first & RESERVED_BITS) !== 0) return 'a reserved bit is set';
  const opcode = first & OPCODE_BITS;
  const isCompressed = (first & COMPRESSED_BIT) !== 0;
  if (isCompressed && (rules.inflate === undefined || !isMessageStart(opcode))) {
    return 'a frame is marked as compressed that must not be';
  }
  if ((opcode & CONTROL_BIT) !== 0) {
    if (opcode > OPCODE.pong) return 'an unknown opcode';
    if ((first & FIN_BIT) === 0) return 'a control frame in fragments';
    const isLong = (second & LENGTH_BITS) > CONTROL_PAYLOAD_BYTES_MAX;
    return isLong ? 'a control frame of more than 125 bytes' : undefined;
  }
  if (opcode > OPCODE.binary) return 'an unknown opcode';
  if (opcode === OPCODE.continuation) {
    return isContinued ? undefined : 'a continuation of no message';
  }
  return isContinued ? 'a new message inside of one in fragments' : undefined;
}

/** Bytes in front of the payload, as the second byte has it; clients' frames all have a mask. */
export function headBytes(second: number): number {
  const field = second & LENGTH_BITS;
  if (field < LENGTH_IN_TWO_BYTES) return KIND_BYTES + MASK_BYTES;
  return KIND_BYTES + MASK_BYTES + (field === LENGTH_IN_TWO_BYTES ? 2 : 8);
}

/**
 * The payload's length, by a head that is whole; beyond 2^53 it is not exact, but larger than any
 * that is allowed.
 */
export function payloadLength(data: Buffer, at: number): number {
  const field = byte(data, at + 1) & LENGTH_BITS;
  if (field < LENGTH_IN_TWO_BYTES) return field;
  if (field === LENGTH_IN_TWO_BYTES) {
    const length = (byte(data, at + 2) << 8) | byte(data, at + 3);
    return length < LENGTH_IN_TWO_BYTES ? WRONG_LENGTH : length;
  }
  if (byte(data, at + 2) >= TOP_BIT) return WRONG_LENGTH;
  const length = data.readUInt32BE(at + 2) * TWO_POW_32 + data.readUInt32BE(at + 6);
  return length <= TWO_BYTE_LENGTH_MAX ? WRONG_LENGTH : length;
}

/** Bytes from a frame's first on until its reader can go on: its head, or all if it is control. */
export function bytesWanted(start: Buffer): number {
  if (start.byteLength < KIND_BYTES) return KIND_BYTES;
  const second = byte(start, 1);
  const isControl =
    (byte(start, 0) & CONTROL_BIT) !== 0 && (second & LENGTH_BITS) <= CONTROL_PAYLOAD_BYTES_MAX;
  return headBytes(second) + (isControl ? second & LENGTH_BITS : 0);
}

function isMessageStart(opcode: number): boolean {
  return opcode === OPCODE.text || opcode === OPCODE.binary;
}

function byte(data: Buffer, at: number): number {
  return data[at] as number;
}
