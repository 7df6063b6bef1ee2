/**
 * A room: the sessions of this worker that are in it, as an array that a broadcast walks.
 *
 * Each session remembers its place in each of its rooms, so that leaving moves one other member
 * instead of searching; 8 bytes a membership on each side. A namespace keeps all its sessions in a
 * room of its own, `everyone`.
 */

import type { RoomSettings } from '../../../host/config/rooms.ts';
import { ROOM_ORIGIN, type RoomOrigin } from '../contracts/snapshots.ts';
import { PLAIN_ROOM } from './room-settings.ts';

/** A session as its rooms see it. */
export interface RoomMember {
  /**
   * Pairs of a room and the member's place in it, with the way it came in its last two bits; only
   * rooms change them.
   */
  readonly memberships: (Room<RoomMember> | number)[];
}

/** Room for a `RoomOrigin`; what is left are 500 million places. */
const ORIGIN_BITS = 2;

/** How a member came into a room, by what its memberships have beside it. */
export function originOf(kept: number): RoomOrigin {
  return (kept & ((1 << ORIGIN_BITS) - 1)) as RoomOrigin;
}

export class Room<Member extends RoomMember> {
  readonly name: string;
  readonly settings: RoomSettings;
  readonly members: Member[] = [];

  constructor(name: string, settings: RoomSettings = PLAIN_ROOM) {
    this.name = name;
    this.settings = settings;
  }

  add(session: Member, origin: RoomOrigin = ROOM_ORIGIN.app): void {
    session.memberships.push(this, (this.members.length << ORIGIN_BITS) | origin);
    this.members.push(session);
  }

  /** @returns false when the session was not in this room */
  remove(session: Member): boolean {
    const at = session.memberships.indexOf(this);
    if (at === -1) return false;
    const place = session.memberships[at + 1] as number;
    session.memberships.splice(at, 2);
    this.vacate(place);
    return true;
  }

  /**
   * Fills the place of a member that left with the last one.
   *
   * @param kept as its memberships had it
   */
  vacate(kept: number): void {
    const place = kept >> ORIGIN_BITS;
    const last = this.members.pop();
    if (last === undefined || place === this.members.length) return;
    this.members[place] = last;
    const at = last.memberships.indexOf(this) + 1;
    last.memberships[at] = (place << ORIGIN_BITS) | originOf(last.memberships[at] as number);
  }
}
