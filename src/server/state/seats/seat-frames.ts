/** What the two ends of seats say to each other, as fields of a frame of the bus. */

import type { Seated, SeatLost } from '../../core/contracts/user-seats.ts';
import type { FrameReader, FrameWriter } from '../../protocol/frame.ts';

/**
 * What is said, in lists: by workers `take`, each with a number of theirs, and `release`; by the
 * controller `answer` to such numbers, and `end`, to sessions.
 */
export const SeatsSay = { take: 1, release: 2, answer: 3, end: 4 } as const;

export interface SeatAsk {
  readonly id: number;
  readonly session: Seated;
}

export function writeTakes(frame: FrameWriter, asks: readonly SeatAsk[]): void {
  frame.u8(SeatsSay.take).u32(asks.length);
  for (const { id, session } of asks) writeSeated(frame.u32(id), session);
}

/** @throws RangeError when there is less than it says, as do the others */
export function readTakes(frame: FrameReader): SeatAsk[] {
  return readList(frame, () => ({ id: frame.u32(), session: readSeated(frame) }));
}

export function writeReleases(frame: FrameWriter, sessions: readonly Seated[]): void {
  frame.u8(SeatsSay.release).u32(sessions.length);
  for (const session of sessions) writeSeated(frame, session);
}

export function readReleases(frame: FrameReader): Seated[] {
  return readList(frame, () => readSeated(frame));
}

export function writeAnswer(frame: FrameWriter, id: number, isGranted: boolean): void {
  frame.u8(SeatsSay.answer).u32(id);
  frame.u8(isGranted ? 1 : 0);
}

export function writeEnd(frame: FrameWriter, namespace: string, id: string): void {
  frame.u8(SeatsSay.end).text(namespace).text(id);
}

/** Said to the node that has the session. */
export function writeLost(frame: FrameWriter, { worker, namespace, id }: SeatLost): void {
  frame.u32(worker).text(namespace).text(id);
}

export function readLost(frame: FrameReader): SeatLost {
  return { worker: frame.u32(), namespace: frame.text(), id: frame.text() };
}

function writeSeated(frame: FrameWriter, { namespace, user, id }: Seated): void {
  frame.text(namespace).text(user).text(id);
}

function readSeated(frame: FrameReader): Seated {
  return { namespace: frame.text(), user: frame.text(), id: frame.text() };
}

function readList<Item>(frame: FrameReader, readItem: () => Item): Item[] {
  const items: Item[] = [];
  for (let left = frame.u32(); left > 0; left--) items.push(readItem());
  return items;
}
