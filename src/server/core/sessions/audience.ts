/** Which sessions of this worker a target chooses: the union of rooms and users, but some. */

import type { NameMap } from '../../../host/runtime/name-map.ts';
import type { Target } from '../contracts/node-link.ts';
import type { Room } from '../rooms/room.ts';
import type { NamespaceSession } from './namespace-session.ts';
import type { UserIndex } from './user-index.ts';

/** The sessions of a namespace. */
interface Sessions {
  readonly everyone: Room<NamespaceSession>;
  readonly rooms: NameMap<Room<NamespaceSession>>;
  readonly users: UserIndex<NamespaceSession>;
}

const NOBODY: ReadonlySet<NamespaceSession> = new Set();

export class Audience {
  readonly #sessions: Sessions;
  readonly #find: (id: string) => NamespaceSession | undefined;

  /** @param find finds a session by its id */
  constructor(sessions: Sessions, find: (id: string) => NamespaceSession | undefined) {
    this.#sessions = sessions;
    this.#find = find;
  }

  choose(target: Target): NamespaceSession[] {
    const excluded = this.excluded(target);
    const room = this.singleRoom(target);
    if (room === undefined) return [...this.union(target, excluded)];
    return room.members.filter((session) => !excluded.has(session));
  }

  count(target: Target): number {
    const room = this.singleRoom(target);
    if (room !== undefined && target.except.length === 0) return room.members.length;
    return this.choose(target).length;
  }

  /** The room that a target comes down to, when it is one room of this worker or everyone. */
  singleRoom(target: Target): Room<NamespaceSession> | undefined {
    if (target.users.length > 0) return undefined;
    if (target.rooms.length === 0) return this.#sessions.everyone;
    const [name] = target.rooms;
    if (name === undefined || target.rooms.length > 1) return undefined;
    // A session's own room has no entry among the rooms.
    if (this.#find(name) !== undefined) return undefined;
    return this.#sessions.rooms.get(name);
  }

  union(target: Target, excluded: ReadonlySet<NamespaceSession>): ReadonlySet<NamespaceSession> {
    const found = new Set<NamespaceSession>();
    for (const name of target.rooms) this.#collectRoom(name, found);
    for (const user of target.users) {
      for (const session of this.#sessions.users.get(user)) found.add(session);
    }
    for (const session of excluded) found.delete(session);
    return found;
  }

  excluded(target: Target): ReadonlySet<NamespaceSession> {
    if (target.except.length === 0) return NOBODY;
    const found = new Set<NamespaceSession>();
    for (const name of target.except) this.#collectRoom(name, found);
    return found;
  }

  #collectRoom(name: string, found: Set<NamespaceSession>): void {
    const room = this.#sessions.rooms.get(name);
    if (room !== undefined) for (const session of room.members) found.add(session);
    const session = this.#find(name);
    if (session !== undefined) found.add(session);
  }
}
