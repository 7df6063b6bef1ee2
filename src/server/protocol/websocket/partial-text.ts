/**
 * UTF-8 judged while it arrives (RFC 3629; RFC 6455, section 8.1).
 *
 * A text that comes in pieces is refused with the first byte that no continuation could mend, not
 * at its end: whoever sends a megabyte of it should not be listened to until then.
 */

import { isUtf8 } from 'node:buffer';

/** The rest is no beginning of valid text. */
export const INVALID_TEXT = -1;

/**
 * How far the bytes from `from` to `to` are whole characters, where `from` begins one.
 *
 * @returns where the character begins that is not whole at `to`, or `to`; `INVALID_TEXT` if need be
 */
export function wholeCharacters(data: Buffer, from: number, to: number): number {
  const whole = to - openBytes(data, from, to);
  if (whole < to && !canBegin(data, whole, to)) return INVALID_TEXT;
  return isUtf8(data.subarray(from, whole)) ? whole : INVALID_TEXT;
}

/** Bytes at the end that belong to a character which is not whole. */
function openBytes(data: Buffer, from: number, to: number): number {
  for (let back = 1; back <= 3 && to - back >= from; back++) {
    const byte = data[to - back] as number;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return lengthOf(byte) > back ? back : 0;
  }
  return 0;
}

function lengthOf(lead: number): number {
  if (lead >= 0xf0) return 4;
  return lead >= 0xe0 ? 3 : 2;
}

/** Whether a character may begin so: one to three bytes, continuation bytes from the second on. */
function canBegin(data: Buffer, at: number, to: number): boolean {
  const lead = data[at] as number;
  if (lead < 0xc2 || lead > 0xf4) return false;
  if (to - at === 1) return true;
  const second = data[at + 1] as number;
  // The table of RFC 3629, section 4: no longer form than needed, no surrogates, none above 10FFFF.
  if (lead === 0xe0) return second >= 0xa0;
  if (lead === 0xed) return second < 0xa0;
  if (lead === 0xf0) return second >= 0x90;
  return lead !== 0xf4 || second < 0x90;
}
