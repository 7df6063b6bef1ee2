/**
 * The short way for what most chunks are: one short text, whole, such as the answer to a ping.
 *
 * Everything else takes the long one (`frame-reader.ts`), which says the same of these.
 */

import { maskAt, unmask } from './masking.ts';
import { FIN_BIT, LENGTH_IN_TWO_BYTES, MASK_BIT, OPCODE } from './opcode.ts';

/** Two bytes of kind and length, and the mask. */
const HEAD_BYTES = 6;
const MASK_AT = 2;
const ASCII_END = 0x80;

/**
 * The text of a chunk that is one masked frame of ASCII and nothing else; `undefined` for any other
 * chunk, which is left as it was.
 */
export function readSmallText(chunk: Buffer, maxPayloadBytes: number): string | undefined {
  const length = chunk.byteLength - HEAD_BYTES;
  if (length < 1 || length >= LENGTH_IN_TWO_BYTES || length > maxPayloadBytes) return undefined;
  if (chunk[0] !== (FIN_BIT | OPCODE.text) || chunk[1] !== (MASK_BIT | length)) return undefined;
  if (length === 1) {
    const plain = (chunk[HEAD_BYTES] as number) ^ (chunk[MASK_AT] as number);
    return plain < ASCII_END ? String.fromCharCode(plain) : undefined;
  }
  const mask = maskAt(chunk, MASK_AT);
  const isAscii = unmask(chunk, HEAD_BYTES, chunk.byteLength, mask);
  if (isAscii) return chunk.toString('latin1', HEAD_BYTES);
  // Laid over it once more, the mask is back.
  unmask(chunk, HEAD_BYTES, chunk.byteLength, mask);
  return undefined;
}
