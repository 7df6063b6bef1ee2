/**
 * Messages as text, both ways: JSON, in which bytes are `{"$binary":"<base64>"}`.
 *
 * Source: docs/PROTOCOL.md. Texts come from the server that the page has chosen, into a process
 * that serves nobody else, so they are parsed as they are.
 */

/** What comes from the server; members are there as `type` says (docs/PROTOCOL.md). */
export interface Incoming {
  readonly type: string;
  readonly event?: string;
  readonly args?: readonly unknown[];
  /** The number of a question; of `connect` the name of the session. */
  readonly id?: number | string;
  readonly reason?: string;
  readonly message?: string;
  readonly data?: unknown;
  /** Milliseconds after which to come back. */
  readonly retry?: number;
  /** What requests name the session by. */
  readonly session?: string;
  readonly user?: string;
  readonly rooms?: readonly string[];
  readonly recovered?: boolean;
  /** What the session is had again by, and where a client stands that has this message. */
  readonly recovery?: string;
  readonly position?: string;
  readonly pingInterval?: number;
  readonly pingTimeout?: number;
  readonly maxPayload?: number;
}

/** One answer to a poll. */
export interface PollAnswer {
  readonly session: string;
  readonly position: string;
  readonly messages: readonly Incoming[];
}

/** More arguments than this in one call are more than some engines take. */
const CODES_PER_CALL = 8192;

/** @throws TypeError for what JSON cannot say */
export function encode(message: object): string {
  return JSON.stringify(message, function (this: Record<string, unknown>, key, value) {
    // A Buffer has turned itself into an object of numbers by now, so the value is looked up.
    const original = this[key];
    if (original instanceof ArrayBuffer) return { $binary: base64(new Uint8Array(original)) };
    if (!ArrayBuffer.isView(original)) return value;
    const { buffer, byteOffset, byteLength } = original;
    return { $binary: base64(new Uint8Array(buffer, byteOffset, byteLength)) };
  });
}

/** @throws SyntaxError for what is no JSON */
export function decode(text: string): unknown {
  return JSON.parse(text, text.includes('"$binary"') ? withBytes : undefined);
}

function withBytes(_key: string, value: unknown): unknown {
  const { $binary } = Object(value) as { readonly $binary?: unknown };
  if (typeof $binary !== 'string') return value;
  return Uint8Array.from(atob($binary), (character) => character.charCodeAt(0));
}

function base64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += CODES_PER_CALL) {
    text += String.fromCharCode(...bytes.subarray(at, at + CODES_PER_CALL));
  }
  return btoa(text);
}
