/**
 * What the two ends of presence say to each other, as fields of a frame of the bus.
 *
 * A worker says a kind first: `report` with rooms, or `ask` with a number of its own, namespace,
 * room and how many users the answer may name. The controller's answer has that number.
 */

import type { PresentUser, RoomPresence } from '../../core/app/app.ts';
import type { RoomReport, UserReport } from '../../core/contracts/presence.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { FrameReader, FrameWriter } from '../../protocol/frame.ts';
import { transportMask, transportsIn } from './transport-mask.ts';

export const PresenceSays = { report: 1, ask: 2 } as const;

/** Beside the bits of transports. */
const HAS_LEFT = 0x80;
/** In place of a number that is as it was. */
const UNCHANGED = 0xff_ff_ff_ff;

export function writeReports(frame: FrameWriter, rooms: readonly RoomReport[]): void {
  frame.u8(PresenceSays.report).u32(rooms.length);
  for (const { namespace, room, anonymous, users } of rooms) {
    frame.text(namespace).text(room);
    frame.u32(anonymous ?? UNCHANGED).u32(users.length);
    for (const { user, sessions, transports, hasLeft } of users) {
      frame.text(user).u32(sessions);
      frame.u8(transportMask(transports) | (hasLeft ? HAS_LEFT : 0));
    }
  }
}

/** @throws RangeError when there is less than it says; names that cannot be are left out */
export function readReports(frame: FrameReader): RoomReport[] {
  const rooms: RoomReport[] = [];
  for (let left = frame.u32(); left > 0; left--) {
    const namespace = frame.text();
    const room = frame.text();
    const count = frame.u32();
    const users: UserReport[] = [];
    for (let more = frame.u32(); more > 0; more--) {
      const user = frame.text();
      const sessions = frame.u32();
      const bits = frame.u8();
      if (!isName(user)) continue;
      const hasLeft = (bits & HAS_LEFT) !== 0;
      users.push({ user, sessions, transports: transportsIn(bits), hasLeft });
    }
    const anonymous = count === UNCHANGED ? undefined : count;
    if (isName(namespace) && isName(room)) rooms.push({ namespace, room, anonymous, users });
  }
  return rooms;
}

export interface PresenceAsk {
  readonly id: number;
  readonly namespace: string;
  readonly room: string;
  readonly most: number;
}

export function writeAsk(frame: FrameWriter, { id, namespace, room, most }: PresenceAsk): void {
  frame.u8(PresenceSays.ask).u32(id).text(namespace).text(room).u32(most);
}

export function readAsk(frame: FrameReader): PresenceAsk {
  return { id: frame.u32(), namespace: frame.text(), room: frame.text(), most: frame.u32() };
}

export function writeAnswer(frame: FrameWriter, id: number, presence: RoomPresence): void {
  const { count, anonymous, users } = presence;
  frame.u32(id).u32(count).u32(anonymous).u32(users.length);
  for (const { user, sinceMs, sessions, transports } of users) {
    frame.text(user).text(String(sinceMs)).u32(sessions).u8(transportMask(transports));
  }
}

export function readAnswer(frame: FrameReader): { id: number; presence: RoomPresence } {
  const id = frame.u32();
  const count = frame.u32();
  const anonymous = frame.u32();
  const users: PresentUser[] = [];
  for (let left = frame.u32(); left > 0; left--) {
    const user = frame.text();
    const sinceMs = Number(frame.text());
    users.push({ user, sinceMs, sessions: frame.u32(), transports: transportsIn(frame.u8()) });
  }
  return { id, presence: { count, anonymous, users } };
}

function isName(name: string): boolean {
  return name.length > 0 && name.length <= LIMITS.keyLength;
}
