/** Where sessions are, and which rooms there are, as far as this worker knows. */

import type { SessionPlace } from '../app/app.ts';
import type { Target } from '../contracts/node-link.ts';
import { LIMITS } from '../limits/limits.ts';
import type { BroadcastHome, LocalSession } from './home.ts';

/** What a worker answers who asks where some sessions are. */
export interface PlacesAnswer {
  /** How many were chosen. */
  readonly count: number;
  /** As many of them as were asked for. */
  readonly sessions: readonly SessionPlace[];
}

/** A room of a worker, and how many sessions of the worker are in it. */
export type CountedRoom = readonly [room: string, count: number];

export function placesOf(home: BroadcastHome, target: Target, most: number): PlacesAnswer {
  const chosen = home.choose(target);
  const { workerId } = home.server;
  const sessions = chosen.slice(0, most).map((session) => placeOf(session, workerId));
  return { count: chosen.length, sessions };
}

/** The answers of all workers as one. */
export function sumOfPlaces(answers: readonly PlacesAnswer[]): PlacesAnswer {
  return {
    count: answers.reduce((sum, { count }) => sum + count, 0),
    sessions: answers.flatMap(({ sessions }) => sessions),
  };
}

function placeOf(session: LocalSession, worker: string): SessionPlace {
  const { id, user, transport, sinceMs, rooms } = session;
  const named = rooms.slice(0, LIMITS.whereaboutsRooms);
  return { id, user, worker, transport, sinceMs, rooms: named, roomCount: rooms.length };
}

/**
 * The rooms whose names come next behind a name, by the order of their characters.
 *
 * One pass over all rooms: what it keeps is twice as many as were asked for, at the most.
 */
export function roomsAfter(home: BroadcastHome, after: string, most: number): CountedRoom[] {
  let found: CountedRoom[] = [];
  let last: string | undefined;
  for (const { name, members } of home.rooms.values()) {
    if (name <= after || (last !== undefined && name > last)) continue;
    // The room of one that was recovered, whose id was made elsewhere, is no room to others.
    if (members.length === 1 && members[0]?.id === name) continue;
    found.push([name, members.length]);
    if (found.length < 2 * most) continue;
    found = firstOf(found, most);
    last = found.at(-1)?.[0];
  }
  return firstOf(found, most);
}

export function firstOf(rooms: readonly CountedRoom[], most: number): CountedRoom[] {
  return rooms.toSorted(byName).slice(0, most);
}

function byName([a]: CountedRoom, [b]: CountedRoom): number {
  return a < b ? -1 : Number(a > b);
}
