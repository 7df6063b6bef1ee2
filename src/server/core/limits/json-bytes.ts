/**
 * What a value holds in memory that was parsed from a JSON text, as far as it matters for a budget.
 *
 * It may be many times its text: `[]` are two characters and 72 bytes. Measured in JavaScriptCore,
 * a text of 1 MB of `[],` is 24 MB, one of numbers of one digit 4 MB, one long string 1 MB.
 */

/** Below this the text itself is near enough. */
const SMALL_TEXT = 4_096;
/** An array or object, empty. */
const CELL_BYTES = 72;
/** A place in one. */
const PLACE_BYTES = 8;

const COMMA = 0x2c;
const BRACKET = 0x5b;
const BRACE = 0x7b;

export function jsonBytes(text: string): number {
  const { length } = text;
  if (length < SMALL_TEXT) return length;
  let cells = 0;
  let places = 0;
  // Those inside strings count as well; texts are hardly made of them.
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at);
    if (code === COMMA) places++;
    else if (code === BRACKET || code === BRACE) cells++;
  }
  return length + places * PLACE_BYTES + cells * CELL_BYTES;
}
