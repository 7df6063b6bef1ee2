/**
 * A namespace on this worker: its handlers, sessions, rooms and users.
 *
 * Rooms and users exist here while they have a session; the first and the last one change the
 * worker's interest on the bus, so that messages for a room cost frames only to workers that have
 * it.
 */

import { namespaceKey, roomKey, userKey } from '../protocol/interest-key.ts';
import type { AckTable } from './acks.ts';
import type { DisconnectReason, NamespaceHandlers, Server } from './app.ts';
import type { NodeLink, Target } from './contracts.ts';
import type { Counters } from './counters.ts';
import type { Delivery } from './delivery.ts';
import type { HandlerRunner } from './handler-runner.ts';
import { LIMITS } from './limits.ts';
import type { NamespaceSession } from './namespace-session.ts';
import type { OutgoingEvent } from './outgoing-event.ts';
import { Room } from './room.ts';
import { UserIndex } from './user-index.ts';

/** What a namespace shares with the others of its worker. */
export interface NamespaceContext {
  readonly link: NodeLink;
  readonly delivery: Delivery;
  readonly acks: AckTable;
  readonly counters: Counters;
  readonly ackTimeoutMs: number;
  /** Finds a session by its id, in the worker's table. */
  findSession(namespace: string, id: string): NamespaceSession | undefined;
}

const NOBODY: ReadonlySet<NamespaceSession> = new Set();

export class Namespace {
  readonly name: string;
  readonly link: NodeLink;
  readonly delivery: Delivery;
  readonly acks: AckTable;
  readonly counters: Counters;
  readonly ackTimeoutMs: number;
  readonly everyone: Room = new Room('');
  readonly rooms: Map<string, Room> = new Map();
  readonly users: UserIndex = new UserIndex();
  readonly server: Server;
  readonly runner: HandlerRunner;
  readonly #context: NamespaceContext;

  constructor(
    name: string,
    handlers: NamespaceHandlers,
    context: NamespaceContext,
    createServer: (home: Namespace) => Server,
    runner: (handlers: NamespaceHandlers, home: Namespace) => HandlerRunner,
  ) {
    this.name = name;
    this.link = context.link;
    this.delivery = context.delivery;
    this.acks = context.acks;
    this.counters = context.counters;
    this.ackTimeoutMs = context.ackTimeoutMs;
    this.#context = context;
    this.server = createServer(this);
    this.runner = runner(handlers, this);
  }

  /** Takes a session in, with the rooms its admission gave. */
  add(session: NamespaceSession, rooms: readonly string[]): void {
    this.delivery.catchUp(session);
    if (this.everyone.members.length === 0) this.link.setInterest(namespaceKey(this.name), true);
    this.everyone.add(session);
    const { user } = session;
    if (user !== undefined && this.users.add(user, session)) {
      this.link.setInterest(userKey(this.name, user), true);
    }
    if (rooms.length > 0) this.join(session, rooms);
  }

  /** Takes a session out and tells the app. */
  remove(session: NamespaceSession, reason: DisconnectReason): void {
    if (!session.connected) return;
    this.delivery.catchUp(session);
    const { memberships } = session;
    for (let i = 0; i < memberships.length; i += 2) {
      const room = memberships[i] as Room;
      room.vacate(memberships[i + 1] as number);
      if (room.members.length === 0) this.#retire(room);
    }
    memberships.length = 0;
    const { user } = session;
    if (user !== undefined && this.users.remove(user, session)) {
      this.link.setInterest(userKey(this.name, user), false);
    }
    this.acks.forget(session);
    this.runner.disconnected(session, reason);
  }

  /** @throws RangeError when the session would be in too many rooms */
  join(session: NamespaceSession, rooms: readonly string[]): void {
    if (!session.connected) return;
    this.delivery.catchUp(session);
    for (const name of rooms) {
      let room = this.rooms.get(name);
      if (room !== undefined && session.memberships.includes(room)) continue;
      if (session.memberships.length / 2 > LIMITS.roomsPerSession) {
        throw new RangeError(`a session may be in ${LIMITS.roomsPerSession} rooms at the most`);
      }
      if (room === undefined) {
        room = new Room(name);
        this.rooms.set(name, room);
        this.link.setInterest(roomKey(this.name, name), true);
      }
      room.add(session);
    }
  }

  /** Joins as far as it goes: one session in too many rooms must not hold up the others. */
  tryJoin(session: NamespaceSession, rooms: readonly string[]): void {
    try {
      this.join(session, rooms);
    } catch (error) {
      this.runner.failed('join', error);
    }
  }

  leave(session: NamespaceSession, rooms: readonly string[]): void {
    this.delivery.catchUp(session);
    for (const name of rooms) {
      const room = this.rooms.get(name);
      if (room?.remove(session) === true && room.members.length === 0) this.#retire(room);
    }
  }

  /** Hands an event to the chosen sessions of this worker. */
  deliver(target: Target, event: OutgoingEvent): void {
    const excluded = this.#excluded(target);
    const room = this.#singleRoom(target);
    if (room === undefined) this.delivery.toChosen(this.#union(target, excluded), event);
    else this.delivery.toRoom(room, event, excluded);
  }

  /** The chosen sessions of this worker, in an array of the caller's own. */
  choose(target: Target): NamespaceSession[] {
    const excluded = this.#excluded(target);
    const room = this.#singleRoom(target);
    if (room === undefined) return [...this.#union(target, excluded)];
    return room.members.filter((session) => !excluded.has(session));
  }

  countChosen(target: Target): number {
    const room = this.#singleRoom(target);
    if (room !== undefined && target.except.length === 0) return room.members.length;
    return this.choose(target).length;
  }

  /** Calls the app's handler of a server-side event; `undefined` when there is none. */
  runServerHandler(event: string, args: readonly unknown[]): Promise<unknown> {
    return this.runner.serverSide(event, args);
  }

  /** The room that a target comes down to, when it is one room of this worker or everyone. */
  #singleRoom(target: Target): Room | undefined {
    if (target.users.length > 0) return undefined;
    if (target.rooms.length === 0) return this.everyone;
    const [name] = target.rooms;
    if (name === undefined || target.rooms.length > 1) return undefined;
    // Others may have joined a room that is named after a session: the union has them all.
    if (this.#context.findSession(this.name, name) !== undefined) return undefined;
    return this.rooms.get(name);
  }

  #union(target: Target, excluded: ReadonlySet<NamespaceSession>): ReadonlySet<NamespaceSession> {
    const found = new Set<NamespaceSession>();
    for (const name of target.rooms) this.#collectRoom(name, found);
    for (const user of target.users) {
      for (const session of this.users.get(user)) found.add(session);
    }
    for (const session of excluded) found.delete(session);
    return found;
  }

  #excluded(target: Target): ReadonlySet<NamespaceSession> {
    if (target.except.length === 0) return NOBODY;
    const found = new Set<NamespaceSession>();
    for (const name of target.except) this.#collectRoom(name, found);
    return found;
  }

  #collectRoom(name: string, found: Set<NamespaceSession>): void {
    const room = this.rooms.get(name);
    if (room !== undefined) for (const session of room.members) found.add(session);
    const session = this.#context.findSession(this.name, name);
    if (session !== undefined) found.add(session);
  }

  #retire(room: Room): void {
    if (room === this.everyone) {
      this.link.setInterest(namespaceKey(this.name), false);
      return;
    }
    this.rooms.delete(room.name);
    this.link.setInterest(roomKey(this.name, room.name), false);
  }
}
