/**
 * A room: the sessions of this worker that are in it, as an array that a broadcast walks.
 *
 * Each session remembers its place in each of its rooms, so that leaving moves one other member
 * instead of searching; 8 bytes a membership on each side. A namespace keeps all its sessions in a
 * room of its own, `everyone`.
 */

import type { RoomSettings } from '../../../host/config/rooms.ts';
import { PLAIN_ROOM } from './room-settings.ts';

/** A session as its rooms see it. */
export interface RoomMember {
  /** Pairs of a room and the member's place in it; only rooms change them. */
  readonly memberships: (Room<RoomMember> | number)[];
}

export class Room<Member extends RoomMember> {
  readonly name: string;
  readonly settings: RoomSettings;
  readonly members: Member[] = [];

  constructor(name: string, settings: RoomSettings = PLAIN_ROOM) {
    this.name = name;
    this.settings = settings;
  }

  add(session: Member): void {
    session.memberships.push(this, this.members.length);
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

  /** Fills the place of a member that left with the last one. */
  vacate(place: number): void {
    const last = this.members.pop();
    if (last === undefined || place === this.members.length) return;
    this.members[place] = last;
    last.memberships[last.memberships.indexOf(this) + 1] = place;
  }
}
