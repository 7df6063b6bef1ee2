/**
 * Binary values in the arguments of the plain protocol: `{"$binary":"<base64>"}`.
 *
 * In the core they stand beside the JSON, which names them by placeholders
 * (`protocol/binary-payload.ts`); messages without any take no path through here.
 */

/** The one member of an object that stands for bytes. */
export const BINARY_KEY = '$binary';

/** Whether a text may hold a binary value. */
export function mayHoldBinary(text: string): boolean {
  return text.includes(BINARY_KEY);
}

/**
 * Puts bytes in the places of a client's arguments that hold them as base64.
 *
 * @returns the same values; `undefined` when a base64 is broken
 */
export function restoreBinary(values: unknown[]): unknown[] | undefined {
  try {
    return values.map(restored);
  } catch (fault) {
    if (fault instanceof SyntaxError) return undefined;
    throw fault;
  }
}

function restored(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(restored);
  const entries = Object.entries(value);
  const [only] = entries;
  if (entries.length === 1 && only?.[0] === BINARY_KEY && typeof only[1] === 'string') {
    return Buffer.from(Uint8Array.fromBase64(only[1]).buffer);
  }
  return Object.fromEntries(entries.map(([key, inner]) => [key, restored(inner)]));
}
