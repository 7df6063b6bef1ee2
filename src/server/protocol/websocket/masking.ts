/**
 * Takes the mask off a payload, in place (RFC 6455, section 5.3).
 *
 * A mask is kept as the 32-bit number that its four bytes are in memory, first byte lowest: every
 * machine that Bun runs on is little-endian. Long payloads go by words. What comes back says on the
 * way whether there was any byte above 127, so that plain ASCII is never looked at a second time.
 */

/** Below this a view of words costs more than it saves. */
const WORDS_FROM_BYTES = 128;
const WORD_BYTES = 4;
const HIGH_BITS = 0x80_80_80_80 | 0;

/** The mask whose four bytes stand at `at`. */
export function maskAt(data: Buffer, at: number): number {
  return (
    byte(data, at) |
    (byte(data, at + 1) << 8) |
    (byte(data, at + 2) << 16) |
    (byte(data, at + 3) << 24)
  );
}

/** The mask as it is for a payload's bytes from the one numbered `offset` on. */
export function maskFrom(mask: number, offset: number): number {
  const shift = (offset & 3) << 3;
  return (mask >>> shift) | (mask << (32 - shift));
}

/**
 * Unmasks the bytes from `from` to `to`, of which the first is masked with the mask's first byte.
 *
 * @returns whether all of them are ASCII
 */
export function unmask(data: Buffer, from: number, to: number, mask: number): boolean {
  if (to - from < WORDS_FROM_BYTES) return (unmaskBytes(data, from, to, mask) & HIGH_BITS) === 0;
  const lead = -(data.byteOffset + from) & 3;
  const words = (to - from - lead) >>> 2;
  const tail = from + lead + words * WORD_BYTES;
  const turned = maskFrom(mask, lead);
  const seen =
    unmaskBytes(data, from, from + lead, mask) |
    unmaskWords(new Int32Array(data.buffer, data.byteOffset + from + lead, words), turned) |
    unmaskBytes(data, tail, to, turned);
  return (seen & HIGH_BITS) === 0;
}

/** @returns all bytes laid over each other */
function unmaskBytes(data: Buffer, from: number, to: number, mask: number): number {
  let turned = mask;
  let seen = 0;
  for (let at = from; at < to; at++) {
    const plain = (byte(data, at) ^ turned) & 0xff;
    data[at] = plain;
    seen |= plain;
    turned = (turned >>> 8) | (turned << 24);
  }
  return seen;
}

function unmaskWords(words: Int32Array, mask: number): number {
  let seen = 0;
  for (let i = 0; i < words.length; i++) {
    const plain = (words[i] as number) ^ mask;
    words[i] = plain;
    seen |= plain;
  }
  return seen;
}

function byte(data: Buffer, at: number): number {
  return data[at] as number;
}
