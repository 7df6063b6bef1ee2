/** Hands whole messages and control frames to the sink, after a last look at what they hold. */

import { isUtf8 } from 'node:buffer';
import { CLOSE_CODE } from '../close-code.ts';
import type { FrameRules, FrameSink, Next } from './frame-sink.ts';
import type { HalfMessage } from './half-message.ts';
import { CLOSE_CODE_BYTES, OPCODE } from './opcode.ts';

export const NO_UTF8 = 'a text that is no UTF-8';
export const TOO_LONG = 'a message longer than allowed';

/** Tells the sink of a fault, after which nothing is read. */
export function refuse(sink: FrameSink, closeCode: number, why: string): Next {
  sink.fault(closeCode, why);
  return 'end';
}

/** A message in one frame, unmasked, in `data` from `from` to `to`. */
export function handOutFrame(
  data: Buffer,
  from: number,
  to: number,
  isText: boolean,
  isAscii: boolean,
  sink: FrameSink,
): Next {
  if (!isText) return sink.binary(data.subarray(from, to));
  if (isAscii) return sink.text(data.toString('latin1', from, to));
  if (!isUtf8(data.subarray(from, to))) return refuse(sink, CLOSE_CODE.invalidData, NO_UTF8);
  return sink.text(data.toString('utf8', from, to));
}

/** A message that was compressed as a whole. */
export function handOutCompressed(
  message: Buffer,
  isText: boolean,
  rules: FrameRules,
  sink: FrameSink,
): Next {
  const inflated = rules.inflate?.(message, rules.maxPayloadBytes) ?? 'malformed';
  if (inflated === 'too long') return refuse(sink, CLOSE_CODE.tooLong, TOO_LONG);
  if (inflated === 'malformed') {
    return refuse(sink, CLOSE_CODE.invalidData, 'a compressed message that is no DEFLATE data');
  }
  return handOutFrame(inflated, 0, inflated.byteLength, isText, false, sink);
}

/** A message that came in pieces, and is whole now. */
export function handOutHalf(half: HalfMessage, rules: FrameRules, sink: FrameSink): Next {
  const isText = half.opcode === OPCODE.text;
  const { isCompressed, isValidText } = half;
  const payload = half.release();
  if (isCompressed) return handOutCompressed(payload, isText, rules, sink);
  if (!isText) return sink.binary(payload);
  // All of it was judged when it came, save that it may end in the middle of a character.
  if (!isValidText) return refuse(sink, CLOSE_CODE.invalidData, NO_UTF8);
  return sink.text(payload.toString('utf8'));
}

export function handOutControl(opcode: number, payload: Buffer, sink: FrameSink): Next {
  if (opcode === OPCODE.ping) return sink.ping(payload);
  if (opcode === OPCODE.pong) return sink.pong(payload);
  if (payload.byteLength === 0) {
    sink.close(undefined, '');
    return 'end';
  }
  const code = payload.byteLength < CLOSE_CODE_BYTES ? 0 : payload.readUInt16BE(0);
  if (!mayBeSent(code)) return refuse(sink, CLOSE_CODE.protocolError, 'no valid close code');
  const reason = payload.subarray(CLOSE_CODE_BYTES);
  if (!isUtf8(reason)) return refuse(sink, CLOSE_CODE.invalidData, NO_UTF8);
  sink.close(code, reason.toString('utf8'));
  return 'end';
}

/** Codes of RFC 6455, section 7.4, and its registry, without those that no frame may carry. */
function mayBeSent(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
}
