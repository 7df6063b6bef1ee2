/**
 * An entry of the stream that nodes share: one field, `hf`, in which a frame says who wrote it and
 * what it is. Entries of others that have no such field are theirs to read (`foreign/`).
 *
 * An entry's id, milliseconds and a count, is its offset in the history of all nodes: one number.
 * Source: https://redis.io/docs/latest/develop/data-types/streams/#entry-ids
 */

import { FRAME_HEADER_BYTES, FrameReader, FrameWriter } from '../../protocol/frame.ts';

export const STREAM_FIELD = 'hf';

const VERSION = 1;

/**
 * Of the bus: an event or a command; an event that rooms keep; or the first entry, which says
 * nothing: without any there may have been others, which have run out.
 */
export const STREAM_TYPE = { event: 1, command: 2, kept: 3, begin: 4 } as const;

/** A room that keeps the entry, and by what it is the latest of its kind. */
export interface EntryRoom {
  readonly key: string;
  readonly latestKey: string | undefined;
}

export interface StreamSaid {
  readonly node: number;
  readonly boot: number;
  /** Counts what the node writes, from 1. */
  readonly number: number;
  readonly type: number;
  readonly rooms: readonly EntryRoom[];
  /** Of the bus. */
  readonly body: Uint8Array;
}

export function encodeEntry(said: StreamSaid, maxBytes: number): Buffer {
  const writer = new FrameWriter(maxBytes).begin(VERSION);
  writer.u32(said.node).u53(said.boot).u53(said.number).u8(said.type).u32(said.rooms.length);
  for (const { key, latestKey } of said.rooms) {
    writer.text(key).texts(latestKey === undefined ? [] : [latestKey]);
  }
  writer.raw(said.body).finish();
  return Buffer.from(writer.take().subarray(FRAME_HEADER_BYTES - 1));
}

/** @throws RangeError for what is cut short, or of another version */
export function readEntry(bytes: Buffer): StreamSaid {
  if (bytes[0] !== VERSION) throw new RangeError('it is of another version of Holdfast');
  const frame = new FrameReader(VERSION, bytes.subarray(1));
  const [node, boot, number, type] = [frame.u32(), frame.u53(), frame.u53(), frame.u8()];
  const rooms: EntryRoom[] = [];
  for (let left = frame.u32(); left > 0; left--) {
    const key = frame.text();
    rooms.push({ key, latestKey: frame.texts()[0] });
  }
  return { node, boot, number, type, rooms, body: new Uint8Array(frame.rest()) };
}

/** Offsets count from the beginning of 2026, which leaves 53 bits room for 70 years. */
const OFFSETS_FROM_MS = 1_767_225_600_000;
/** Entries of one millisecond that an offset can tell apart. */
const PER_MS = 4_096;

/** @throws RangeError for what is no id */
export function offsetOf(id: string): number {
  const [ms = '', count = ''] = id.split('-');
  const offset = (Number(ms) - OFFSETS_FROM_MS) * PER_MS + Number(count);
  if (ms === '' || count === '' || !Number.isSafeInteger(offset) || offset < 0) {
    throw new RangeError('it is no id of an entry');
  }
  return offset;
}

/** The time at which an entry was written, by the clock of Redis. */
export function timeOf(id: string): number {
  return Number.parseInt(id, 10);
}

/** The offset that an entry written at a time would have at the least. */
export function offsetAt(atMs: number): number {
  return Math.max(0, (atMs - OFFSETS_FROM_MS) * PER_MS);
}
