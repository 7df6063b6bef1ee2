/**
 * Events on their way to a room, or to sessions that were chosen: who still has to get them.
 *
 * A room is walked as it is, without a copy, from the last member to the first: who leaves is
 * replaced by the last member, which has been walked, and who joins comes behind. Sessions remember
 * the number of the last handout they have had, so nobody is given one twice, and whoever comes
 * later has none of it.
 */

import type { OutgoingEvent } from '../contracts/outgoing-event.ts';
import { LIMITS } from '../limits/limits.ts';
import type { Room } from '../rooms/room.ts';
import type { Recipient } from './recipient.ts';

/** Who gets a handout: the members of a room but some, or these sessions. */
export type Recipients =
  | { readonly room: Room<Recipient>; readonly excluded: ReadonlySet<Recipient> }
  | { readonly room: undefined; readonly chosen: ReadonlySet<Recipient> };

export class Handout {
  /** Handouts are numbered in the order of the calls, from 1 on. */
  readonly number: number;
  readonly events: OutgoingEvent[];
  /** What it holds: its events and the sets of who gets them. */
  bytes: number;
  readonly #recipients: Recipients;
  readonly #members: readonly Recipient[];
  /** Of the members, those before this place have not been walked. */
  #left: number;
  /** Nobody has been given it: more events may be added for the same recipients. */
  #isUntouched = true;

  constructor(number: number, recipients: Recipients, event: OutgoingEvent) {
    this.number = number;
    this.events = [event];
    this.#recipients = recipients;
    this.#members =
      recipients.room === undefined ? [...recipients.chosen] : recipients.room.members;
    this.#left = this.#members.length;
    const kept = recipients.room === undefined ? recipients.chosen : recipients.excluded;
    this.bytes = event.bytes + kept.size * LIMITS.chosenSessionBytes;
  }

  get isDone(): boolean {
    return this.#left === 0;
  }

  /** Takes one more event for the same recipients. @returns false when it cannot */
  add(recipients: Recipients, event: OutgoingEvent): boolean {
    if (!this.#isUntouched || !isWholeRoom(recipients) || !isWholeRoom(this.#recipients)) {
      return false;
    }
    if (recipients.room !== this.#recipients.room) return false;
    this.events.push(event);
    this.bytes += event.bytes;
    return true;
  }

  /** From now on the recipients of an event may be others than those of this handout. */
  close(): void {
    this.#isUntouched = false;
  }

  /** Gives it to one session, if it is for it. @returns whether it was */
  giveTo(session: Recipient): boolean {
    if (!this.#isFor(session)) return false;
    session.carrier.deliver(this.events);
    return true;
  }

  /** Gives it to so many sessions at the most. @returns to how many */
  giveToNext(most: number): number {
    this.close();
    const members = this.#members;
    let given = 0;
    // Members may have left since, and the array be shorter.
    let left = Math.min(this.#left, members.length);
    while (left > 0 && given < most) {
      const session = members[--left] as Recipient;
      if (session.lastHandout >= this.number) continue;
      session.lastHandout = this.number;
      if (this.#isLeftOut(session)) continue;
      session.carrier.deliver(this.events);
      given++;
    }
    this.#left = left;
    return given;
  }

  /** Who leaves a room is caught up before, and who joins: so members are those of the call. */
  #isFor(session: Recipient): boolean {
    const { room } = this.#recipients;
    const isMember =
      room === undefined
        ? this.#recipients.chosen.has(session)
        : session.memberships.includes(room);
    return isMember && !this.#isLeftOut(session);
  }

  #isLeftOut(session: Recipient): boolean {
    const recipients = this.#recipients;
    if (recipients.room === undefined) return !session.connected;
    return recipients.excluded.size > 0 && recipients.excluded.has(session);
  }
}

function isWholeRoom(recipients: Recipients): boolean {
  return recipients.room !== undefined && recipients.excluded.size === 0;
}
