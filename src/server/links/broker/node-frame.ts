/**
 * What nodes say to each other: frames as on the bus (`protocol/frame.ts`), many in one payload.
 *
 *     payload: batch | frame | frame …
 *
 * A payload goes to all nodes or to one. Each sender numbers its payloads to all, and those to each
 * node, so that a receiver knows what it has twice and what it has missed.
 */

import { type FrameReader, FrameReader as Reader } from '../../protocol/frame.ts';
import { MAX_NODE } from '../../protocol/session-id.ts';

export const NodeFrame = {
  /** The first of a payload: version, node, boot, number, messages before, see `BatchHead` */
  batch: 1,
  /** once a second: salt (two u32), keys, their hashes xored (two u32), facts as JSON */
  alive: 2,
  /** the node has stopped */
  bye: 3,
  /** pairs of a hash (two u32) and whether the node wants its key from now on (u8) */
  interest: 4,
  /** tell me all that you want */
  interestWanted: 5,
  /** whether these are the first, and the last; hashes. All that the node wants at this moment */
  interestAll: 6,
  /** bodies of frames of the bus */
  event: 7,
  command: 8,
  /** number, route and request as the bus has them */
  request: 9,
  /** number, flags, missing, items */
  answer: 10,
  /** number, method, arguments as JSON */
  call: 11,
  /** number, whether it worked (u8), its value or the error's text as JSON */
  reply: 12,
  /** number of a service, and what is said to it */
  state: 13,
} as const;

/** Whether those who miss it shall know. */
export function isMessage(type: number): boolean {
  return type === NodeFrame.event || type === NodeFrame.command;
}

/** Changes with what an older node would misread. */
export const NODE_FRAME_VERSION = 1;

export interface BatchHead {
  readonly node: number;
  /** Of the sender's start: a node that began anew counts from the beginning. */
  readonly boot: number;
  /** Counts payloads to the same receivers, from 1. */
  readonly number: number;
  /** Events and commands in the payloads before. */
  readonly messagesBefore: number;
}

/** @returns nothing for a payload of another version @throws RangeError for what is cut short */
export function readBatch(frame: FrameReader): BatchHead | undefined {
  if (frame.type !== NodeFrame.batch || frame.u8() !== NODE_FRAME_VERSION) return undefined;
  const node = frame.u32();
  if (node > MAX_NODE) throw new RangeError('it is of no node');
  return {
    node,
    boot: frame.u53(),
    number: frame.u53(),
    messagesBefore: frame.u53(),
  };
}

const LENGTH_BYTES = 4;
const HEADER_BYTES = 5;

/** The frames of a payload. @throws RangeError for what is cut short */
export function* framesOf(payload: Buffer): Generator<FrameReader, void> {
  for (let at = 0; at < payload.byteLength; ) {
    const length = payload.readUInt32BE(at);
    const end = at + LENGTH_BYTES + length;
    if (length < 1 || end > payload.byteLength) throw new RangeError('a frame beyond its payload');
    yield new Reader(
      payload.readUInt8(at + LENGTH_BYTES),
      payload.subarray(at + HEADER_BYTES, end),
    );
    at = end;
  }
}
