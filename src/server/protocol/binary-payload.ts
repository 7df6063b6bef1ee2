/**
 * Binary values inside event arguments: taken out on the way out, put back on the way in.
 *
 * Each binary value is replaced by `{"_placeholder":true,"num":n}` and travels as attachment n.
 * Source: the Socket.IO protocol, revision 5, "BINARY_EVENT". Values that JSON can hold take a fast
 * path: one look at each, no copy.
 */

import type { JsonObject } from './socketio-packet.ts';

/** Arguments made ready for the wire: JSON text, and the binary values its placeholders name. */
export interface EncodedArguments {
  readonly json: string;
  readonly attachments: readonly Uint8Array[];
}

const NO_ATTACHMENTS: readonly Uint8Array[] = [];

/**
 * @param maxDepth nesting beyond this is refused, which also refuses cycles
 * @throws RangeError when values nest too deeply, TypeError for what JSON cannot hold (BigInt)
 */
export function encodeArguments(values: readonly unknown[], maxDepth: number): EncodedArguments {
  if (!containsBinary(values, maxDepth)) {
    return { json: JSON.stringify(values), attachments: NO_ATTACHMENTS };
  }
  const attachments: Uint8Array[] = [];
  const json = JSON.stringify(extract(values, attachments));
  return { json, attachments };
}

/** Whether a value is binary data, in any of the forms that JavaScript has for it. */
export function isBinary(value: unknown): value is ArrayBuffer | ArrayBufferView {
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value);
}

function containsBinary(value: unknown, depthLeft: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (isBinary(value)) return true;
  if (depthLeft === 0) throw new RangeError('event arguments are nested too deeply to be sent');
  if (Array.isArray(value)) {
    for (const item of value) if (containsBinary(item, depthLeft - 1)) return true;
    return false;
  }
  if (saysItsJson(value)) return false;
  for (const key in value) {
    if (containsBinary((value as JsonObject)[key], depthLeft - 1)) return true;
  }
  return false;
}

function extract(value: unknown, attachments: Uint8Array[]): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (isBinary(value)) {
    attachments.push(toBytes(value));
    return { _placeholder: true, num: attachments.length - 1 };
  }
  if (Array.isArray(value)) return value.map((item) => extract(item, attachments));
  if (saysItsJson(value)) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, extract(inner, attachments)]);
  return Object.fromEntries(entries) as JsonObject;
}

/** Dates and their like become JSON in a way of their own, which holds no binary data. */
function saysItsJson(value: object): boolean {
  return 'toJSON' in value && typeof value.toJSON === 'function';
}

/** A copy, since it leaves for some clients turns later, when the app may have filled it anew. */
function toBytes(value: ArrayBuffer | ArrayBufferView): Uint8Array {
  const view =
    value instanceof ArrayBuffer
      ? new Uint8Array(value)
      : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return view.slice();
}

/**
 * Puts attachments in the places that name them.
 *
 * @returns the value completed, or `undefined` when a placeholder names an attachment that is not
 *   there, when an attachment is never named, or when values nest deeper than `maxDepth`
 */
export function restoreArguments(
  values: unknown[],
  attachments: readonly Uint8Array[],
  maxDepth: number,
): unknown[] | undefined {
  const restorer = new Restorer(attachments);
  const restored = restorer.restore(values, maxDepth);
  return restorer.isComplete() ? (restored as unknown[]) : undefined;
}

class Restorer {
  readonly #attachments: readonly Uint8Array[];
  readonly #used: Set<number> = new Set();
  #malformed = false;

  constructor(attachments: readonly Uint8Array[]) {
    this.#attachments = attachments;
  }

  isComplete(): boolean {
    return !this.#malformed && this.#used.size === this.#attachments.length;
  }

  restore(value: unknown, depthLeft: number): unknown {
    if (typeof value !== 'object' || value === null || this.#malformed) return value;
    if (depthLeft === 0) return this.#fail();
    if (Array.isArray(value)) {
      for (let i = 0; i < value.length; i++) value[i] = this.restore(value[i], depthLeft - 1);
      return value;
    }
    const object = value as JsonObject;
    if (object['_placeholder'] === true) return this.#resolve(object['num']);
    for (const key of Object.keys(object)) {
      const inner = this.restore(object[key], depthLeft - 1);
      if (inner !== object[key]) object[key] = inner;
    }
    return object;
  }

  #resolve(index: unknown): unknown {
    const found = typeof index === 'number' ? this.#attachments[index] : undefined;
    if (found === undefined) return this.#fail();
    this.#used.add(index as number);
    return found;
  }

  #fail(): undefined {
    this.#malformed = true;
    return undefined;
  }
}
