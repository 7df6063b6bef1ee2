/** What a worker and the controller say to each other of sessions that can be recovered. */

import {
  ROOM_ORIGIN,
  type RoomOrigin,
  type SessionSnapshot,
  type SnapshotRoom,
} from '../../core/contracts/snapshots.ts';
import type { FrameReader, FrameWriter } from '../../protocol/frame.ts';

/** worker → controller */
export const SessionSaid = {
  /** snapshot */
  opened: 1,
  /** id, rooms */
  joined: 2,
  /** id, names */
  left: 3,
  /** id, data */
  changed: 4,
  /** id */
  cut: 5,
  /** id */
  over: 6,
  /** request, id, namespace, user: its client has come back */
  take: 7,
} as const;

/** controller → worker */
export const SessionTold = {
  /** request, whether there is one, snapshot */
  taken: 1,
  /** id: its client has come back elsewhere */
  letGo: 2,
} as const;

/** From when on a room is for a session. */
const After = { unknown: 0, offset: 1, now: 2 } as const;

/** A room as a worker reports it; `now` leaves the offset to the controller. */
export interface ReportedRoom {
  readonly name: string;
  readonly origin: RoomOrigin;
  readonly after: number | 'now' | undefined;
}

export function writeRooms(frame: FrameWriter, rooms: readonly ReportedRoom[]): void {
  frame.u32(rooms.length);
  for (const { name, origin, after } of rooms) {
    frame.text(name).u8(origin);
    if (after === 'now') frame.u8(After.now);
    else if (after === undefined) frame.u8(After.unknown);
    else frame.u8(After.offset).u53(after);
  }
}

/** @param latest takes the place of `now`. @throws RangeError for what is none */
export function readRooms(frame: FrameReader, latest: number): SnapshotRoom[] {
  return Array.from({ length: frame.u32() }, () => {
    const name = frame.text();
    const origin = frame.u8();
    if (origin > ROOM_ORIGIN.client) throw new RangeError('a way into a room that is not known');
    return { name, origin: origin as RoomOrigin, after: readAfter(frame, latest) };
  });
}

function readAfter(frame: FrameReader, latest: number): number | undefined {
  switch (frame.u8()) {
    case After.now:
      return latest;
    case After.offset:
      return frame.u53();
    default:
      return undefined;
  }
}

export interface ReportedSnapshot extends Omit<SessionSnapshot, 'rooms'> {
  readonly rooms: readonly ReportedRoom[];
}

export function writeSnapshot(frame: FrameWriter, snapshot: ReportedSnapshot): void {
  const { id, namespace, user, rooms, data } = snapshot;
  frame.text(id).text(namespace);
  frame.texts(user === undefined ? [] : [user]);
  writeRooms(frame, rooms);
  writeData(frame, data);
}

export function readSnapshot(frame: FrameReader, latest: number): SessionSnapshot {
  const id = frame.text();
  const namespace = frame.text();
  const [user] = frame.texts();
  return { id, namespace, user, rooms: readRooms(frame, latest), data: readDataBytes(frame) };
}

export function writeData(frame: FrameWriter, data: Uint8Array | undefined): void {
  frame.u8(data === undefined ? 0 : 1);
  if (data !== undefined) frame.bytes(data);
}

/** A copy: the frame's buffer goes. */
export function readDataBytes(frame: FrameReader): Uint8Array | undefined {
  return frame.u8() === 0 ? undefined : new Uint8Array(frame.bytes());
}
