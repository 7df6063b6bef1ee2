/**
 * Compression of messages: permessage-deflate (RFC 7692).
 *
 * No message is compressed with help of the one before it, in neither direction. The price is a
 * worse ratio for short messages; what it buys is that a connection keeps no compressor and no
 * window (some 300 KB with zlib's defaults), only the number of bits agreed on, and that a message
 * to many is compressed once. This is what other servers call a shared compressor.
 *
 * A compressed message goes out by `compressedFrame`, and comes in through `FrameRules.inflate`.
 * zlib is the caller's: its module would take every worker 1 MB, also those that compress nothing.
 */

import type * as ZlibModule from 'node:zlib';
import { type ExtensionOffer, readOffers } from './extension-offers.ts';
import type { InflateFault } from './frame-sink.ts';

export type Zlib = Pick<typeof ZlibModule, 'constants' | 'deflateRawSync' | 'inflateRawSync'>;

const EXTENSION = 'permessage-deflate';
const WINDOW_BITS_MIN = 8;
const WINDOW_BITS_MAX = 15;
/** zlib makes 9 of 8 without a word, which a client with 8 could not read. */
const OWN_WINDOW_BITS_MIN = 9;
/** Digits without a zero in front (RFC 7692, section 7.1.2). */
const BITS = /^[1-9][0-9]?$/;
/** The empty block that a flush ends with; it is left out on the wire (section 7.2.1). */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);
/** An empty block after a last one is what the RFC has senders append (section 7.2.3.4). */
const TAIL_AFTER_LAST = Buffer.concat([Buffer.of(0x00), TAIL]);

/**
 * Below this a message is sent plain: without the one before it there is little in it to refer to,
 * and it fits in one packet anyway.
 */
export const COMPRESS_FROM_BYTES = 1_024;
/** zlib's fastest: twice as fast as its default, for a fifth to a half more bytes. */
const FAST_LEVEL = 1;
/** No window need be longer than the message; a short one is set up in half the time. */
const SHORT_MESSAGE_BYTES = 8_192;
const SHORT_MESSAGE = { windowBits: 13, memLevel: 5 } as const;
const LONG_MESSAGE = { windowBits: WINDOW_BITS_MAX, memLevel: 8 } as const;

export interface MessageDeflate {
  /** @returns the message as it goes on the wire, `undefined` when it is better sent plain */
  readonly compress: (message: Uint8Array, options: CompressOptions) => Buffer | undefined;
  /**
   * Undoes a client's compression; no more than `maxBytes` are ever unpacked.
   *
   * Bun frees what a call holds that failed, some 7 KB, only when the turn of the event loop ends.
   * Such a message ends its connection, so that they are never more than connections heard in a
   * turn.
   */
  readonly inflate: (message: Buffer, maxBytes: number) => Buffer | InflateFault;
}

export interface DeflateAgreement {
  /** What `compress` must be given for this connection. */
  readonly windowBits: number;
  /** The value of Sec-WebSocket-Extensions in the answer. */
  readonly answer: string;
}

export interface CompressOptions {
  readonly windowBits: number;
  /** zlib's level, 1 unless given; more is worth it for what goes to many. */
  readonly level?: number;
  /** Shorter messages are not compressed; `COMPRESS_FROM_BYTES` unless given. */
  readonly fromBytes?: number;
}

/**
 * Takes the first offer that can be kept. Those of other extensions and those with parameters that
 * are wrong or unknown are passed over, as the RFC wants (section 7.1).
 *
 * @param header Sec-WebSocket-Extensions of the request
 */
export function agreeOnDeflate(header: string | undefined): DeflateAgreement | undefined {
  if (header === undefined) return undefined;
  for (const offer of readOffers(header) ?? []) {
    const agreement = offer.name === EXTENSION ? accept(offer) : undefined;
    if (agreement !== undefined) return agreement;
  }
  return undefined;
}

export function messageDeflate(zlib: Zlib): MessageDeflate {
  return {
    compress: (message, options) => compress(zlib, message, options),
    inflate: (message, maxBytes) => inflate(zlib, message, maxBytes),
  };
}

function compress(
  { constants, deflateRawSync }: Zlib,
  message: Uint8Array,
  options: CompressOptions,
): Buffer | undefined {
  if (message.byteLength < (options.fromBytes ?? COMPRESS_FROM_BYTES)) return undefined;
  const { windowBits, memLevel } =
    message.byteLength <= SHORT_MESSAGE_BYTES ? SHORT_MESSAGE : LONG_MESSAGE;
  const deflated = deflateRawSync(message, {
    finishFlush: constants.Z_SYNC_FLUSH,
    level: options.level ?? FAST_LEVEL,
    windowBits: Math.min(windowBits, options.windowBits),
    memLevel,
  });
  const bytes = deflated.byteLength - TAIL.byteLength;
  return bytes < message.byteLength ? deflated.subarray(0, bytes) : undefined;
}

function inflate(zlib: Zlib, message: Buffer, maxBytes: number): Buffer | InflateFault {
  const whole = Buffer.concat([message, TAIL]);
  try {
    const { buffer, engine } = inflateWithInfo(zlib, whole, maxBytes);
    // It ends at a last block. What stands behind that would be lost without a word.
    const left = whole.subarray(engine.bytesWritten);
    const isAllRead = left.byteLength === 0 || left.equals(TAIL) || left.equals(TAIL_AFTER_LAST);
    return isAllRead ? buffer : 'malformed';
  } catch (error) {
    return error instanceof RangeError ? 'too long' : 'malformed';
  }
}

interface InflatedWithInfo {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

function inflateWithInfo(
  { constants, inflateRawSync }: Zlib,
  data: Buffer,
  maxOutputLength: number,
): InflatedWithInfo {
  const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength, info: true };
  // With `info` the result is this, which its published type does not say.
  return inflateRawSync(data, options) as unknown as InflatedWithInfo;
}

function accept({ parameters }: ExtensionOffer): DeflateAgreement | undefined {
  const seen = new Set<string>();
  let windowBits: number | undefined;
  for (const [name, value] of parameters) {
    if (seen.has(name)) return undefined;
    seen.add(name);
    switch (name) {
      case 'server_no_context_takeover':
      case 'client_no_context_takeover':
        if (value !== undefined) return undefined;
        break;
      case 'client_max_window_bits':
        // A hint; what a client makes with any window can be read with the longest.
        if (value !== undefined && readBits(value) === undefined) return undefined;
        break;
      case 'server_max_window_bits':
        windowBits = readBits(value ?? '');
        if (windowBits === undefined || windowBits < OWN_WINDOW_BITS_MIN) return undefined;
        break;
      default:
        return undefined;
    }
  }
  const bits = windowBits === undefined ? '' : `; server_max_window_bits=${windowBits}`;
  return {
    windowBits: windowBits ?? WINDOW_BITS_MAX,
    answer: `${EXTENSION}; server_no_context_takeover; client_no_context_takeover${bits}`,
  };
}

function readBits(value: string): number | undefined {
  const bits = BITS.test(value) ? Number(value) : 0;
  return bits >= WINDOW_BITS_MIN && bits <= WINDOW_BITS_MAX ? bits : undefined;
}
