/**
 * A namespace on this worker: its handlers, sessions, rooms and users.
 *
 * Rooms and users exist here while they have a session; the first and the last one change the
 * worker's interest on the bus, so that messages for a room cost frames only to workers that have
 * it.
 */

import { NameMap } from '../../../host/runtime/name-map.ts';
import { namespaceKey, roomKey, userKey } from '../../protocol/interest-key.ts';
import type { DisconnectReason, NamespaceHandlers, RoomPresence } from '../app/app.ts';
import { HandlerRunner } from '../app/handler-runner.ts';
import type { NodeLink, Target } from '../contracts/node-link.ts';
import type { OutgoingEvent } from '../contracts/outgoing-event.ts';
import type { PresenceSource } from '../contracts/presence.ts';
import { ROOM_ORIGIN, type RoomOrigin, type RoomsChange } from '../contracts/snapshots.ts';
import type { Delivery } from '../delivery/delivery.ts';
import type { Counters } from '../limits/counters.ts';
import type { MemoryBudget } from '../limits/memory-budget.ts';
import { checkRoomCount, distinct, roomBytes } from '../rooms/key.ts';
import { Room } from '../rooms/room.ts';
import type { AckTable } from './acks.ts';
import { AskedJoins } from './asked-joins.ts';
import { Audience } from './audience.ts';
import { CUT_BY, type Joined, NO_OTHERS, NOTHING_JOINED, type OtherRooms } from './entry-rooms.ts';
import { Grants } from './grants.ts';
import type { SessionHome } from './home.ts';
import type { NamespaceContext } from './namespace-context.ts';
import type { NamespaceSession } from './namespace-session.ts';
import {
  anonymousIn,
  checkPresenceRooms,
  sessionsIn,
  type ToldPresence,
  tellTransport,
  toldPresence,
  tooManyWithPresence,
  withoutPresence,
} from './presence-rooms.ts';
import { NamespaceServer, type ServerHome } from './server-handle.ts';
import { UserIndex } from './user-index.ts';

export class Namespace implements SessionHome, ServerHome, PresenceSource {
  readonly name: string;
  readonly link: NodeLink;
  readonly delivery: Delivery;
  readonly acks: AckTable;
  readonly counters: Counters;
  readonly ackTimeoutMs: number;
  readonly maxRoomsPerSession: number;
  readonly everyone: Room<NamespaceSession>;
  readonly rooms: NameMap<Room<NamespaceSession>> = new NameMap();
  readonly users: UserIndex<NamespaceSession> = new UserIndex();
  readonly server: NamespaceServer;
  readonly runner: HandlerRunner;
  readonly grants: Grants = new Grants();
  readonly askedJoins: AskedJoins = new AskedJoins(this);
  readonly #context: NamespaceContext;
  readonly #budget: MemoryBudget;
  readonly #audience: Audience;
  /** Empty but for the moment in which the app hears of an end: it may ask for that end again. */
  readonly #leaving: Set<NamespaceSession> = new Set();
  /** Of sessions that were recovered. */
  #ownRooms = 0;
  readonly #recovered: WeakSet<NamespaceSession> = new WeakSet();
  /** Of sessions that ended, for as long as the app holds them. */
  readonly #roomsBefore: WeakMap<NamespaceSession, readonly string[]> = new WeakMap();

  constructor(name: string, handlers: NamespaceHandlers, context: NamespaceContext) {
    this.name = name;
    this.link = context.link;
    this.delivery = context.delivery;
    this.acks = context.acks;
    this.counters = context.counters;
    this.ackTimeoutMs = context.ackTimeoutMs;
    this.maxRoomsPerSession = context.maxRoomsPerSession;
    // Presence is of rooms that are joined.
    this.everyone = new Room('', { ...context.roomSettings.of(''), presence: false });
    this.#context = context;
    this.#budget = context.budget;
    this.#audience = new Audience(this, (id) => context.findSession(name, id));
    this.server = new NamespaceServer(this, context.workerId, context.findServer);
    this.runner = new HandlerRunner(handlers, this.server, context);
  }

  /** Rooms that somebody joined. */
  get roomCount(): number {
    return this.rooms.size - this.#ownRooms;
  }

  get sessionCount(): number {
    return this.everyone.members.length;
  }

  /** Takes a session in, with the rooms that its admission gave it, and those beside them. */
  add(
    session: NamespaceSession,
    granted: readonly string[],
    { asked, restored, afters }: OtherRooms = NO_OTHERS,
  ): void {
    this.delivery.catchUp(session);
    if (this.everyone.members.length === 0) this.link.setInterest(namespaceKey(this.name), true);
    this.everyone.add(session, ROOM_ORIGIN.admission);
    const { user } = session;
    if (user !== undefined && this.users.add(user, session)) {
      this.link.setInterest(userKey(this.name, user), true);
    }
    if (restored !== undefined) {
      this.#recovered.add(session);
      this.#enterOwn(session);
      this.#joinAs(session, restored, ROOM_ORIGIN.app);
    }
    this.#joinAs(session, granted, ROOM_ORIGIN.admission);
    this.#joinAs(session, asked, ROOM_ORIGIN.client);
    if (this.#context.reports !== undefined) {
      // What new rooms keep has been asked for, so this worker hears them already.
      this.#report(session, { joined: ['', ...session.rooms], left: [], fresh: [], afters });
    }
    this.#context.hooks?.joined?.(session);
  }

  isRecovered(session: NamespaceSession): boolean {
    return this.#recovered.has(session);
  }

  /** Takes a session out and tells the app. */
  remove(session: NamespaceSession, reason: DisconnectReason): void {
    if (!session.connected || this.#leaving.has(session)) return;
    this.delivery.catchUp(session);
    if (this.runner.hearsDisconnecting) {
      this.#leaving.add(session);
      this.runner.disconnecting(session, reason);
      this.#leaving.delete(session);
    }
    if (this.runner.hearsDisconnected) this.#roomsBefore.set(session, session.rooms);
    this.#context.reports?.ended(session, CUT_BY.has(reason));
    this.withdraw(session);
    this.acks.forget(session);
    this.runner.disconnected(session, reason);
    this.#context.hooks?.ended?.(session, reason);
  }

  /** Takes a session out of which the app has not heard. */
  withdraw(session: NamespaceSession): void {
    const { memberships, user } = session;
    this.#context.reports?.ended(session, false);
    this.#budget.give(roomBytes(session.roomCount));
    for (let i = 0; i < memberships.length; i += 2) {
      const room = memberships[i] as Room<NamespaceSession>;
      room.vacate(memberships[i + 1] as number);
      if (room.name === session.id) this.#ownRooms--;
      if (room.settings.presence) this.#context.presence?.changed(this, room.name, user, false);
      if (room.members.length === 0) this.#retire(room);
    }
    memberships.length = 0;
    this.#context.expiries.forget(session);
    if (user === undefined) return;
    this.#context.seats?.release({ namespace: this.name, user, id: session.id });
    if (this.users.remove(user, session)) this.link.setInterest(userKey(this.name, user), false);
  }

  isLeaving(session: NamespaceSession): boolean {
    return this.#leaving.has(session);
  }

  roomsBefore(session: NamespaceSession): readonly string[] {
    return this.#roomsBefore.get(session) ?? [];
  }

  /** @returns of what a session would have too much that is in these rooms; `undefined` if none */
  tooMany(rooms: readonly string[]): string | undefined {
    if (rooms.length > this.maxRoomsPerSession) return `more than ${this.maxRoomsPerSession} rooms`;
    return tooManyWithPresence(undefined, rooms, this.#context.roomSettings);
  }

  /** @throws RangeError when a session would be in more rooms than it may */
  checkRoomCount(rooms: readonly string[]): void {
    checkRoomCount(rooms.length, this.maxRoomsPerSession);
    checkPresenceRooms(undefined, rooms, this.#context.roomSettings);
  }

  /**
   * What is said to a session by its id is for it alone.
   *
   * @throws TypeError when one of the rooms is another session's own
   */
  checkRooms(id: string, rooms: readonly string[]): void {
    if (rooms.every((room) => room === id || !this.#context.isSessionId(room))) return;
    throw new TypeError('a session cannot join a room that is named like the id of another one');
  }

  /** Whether a client may join a room that it asks for; the app joins its sessions unasked. */
  mayJoin(session: NamespaceSession, room: string): boolean {
    if (room === session.id) return true;
    if (this.#context.isSessionId(room)) return false;
    const { roomRules } = this.#context;
    const grants = this.grants.of(session);
    return roomRules.mayJoin(session.user, grants, room) && this.runner.mayJoin(session, room);
  }

  /** Whether a client may send an event to all of a room by itself. */
  mayPublish(session: NamespaceSession, room: string): boolean {
    if (this.#context.isSessionId(room)) return false;
    return this.#context.roomRules.mayPublish(session.user, this.grants.of(session), room);
  }

  /**
   * Whether a client may join all of the rooms that it asks for. What does not know at once is a
   * hook, which is asked once everybody else has said yes.
   *
   * @throws NotNow later, when the hook cannot tell
   */
  permits(session: NamespaceSession, rooms: readonly string[]): boolean | Promise<boolean> {
    if (!rooms.every((room) => this.mayJoin(session, room))) return false;
    const { hooks } = this.#context;
    if (hooks?.mayJoin === undefined) return true;
    const others = rooms.filter((room) => room !== session.id);
    return others.length === 0 || hooks.mayJoin(session, others);
  }

  /**
   * Joins all of the rooms or none.
   *
   * @throws RangeError when the session would be in too many, TypeError for another session's own
   */
  join(
    session: NamespaceSession,
    rooms: readonly string[],
    origin: RoomOrigin = ROOM_ORIGIN.app,
  ): void {
    if (!session.connected) return;
    const { entered, fresh } = this.#joinAs(session, rooms, origin);
    this.#report(session, { joined: entered, left: [], fresh });
  }

  #joinAs(session: NamespaceSession, rooms: readonly string[], origin: RoomOrigin): Joined {
    if (rooms.length === 0) return NOTHING_JOINED;
    this.checkRooms(session.id, rooms);
    const entering = this.#notIn(session, rooms);
    const before = session.roomCount;
    checkRoomCount(before + entering.length, this.maxRoomsPerSession);
    if (this.#context.presence !== undefined) {
      checkPresenceRooms(session, entering, this.#context.roomSettings);
    }
    this.delivery.catchUp(session);
    const fresh = entering.filter((name) => this.#enter(session, name, origin));
    this.#budget.take(roomBytes(session.roomCount) - roomBytes(before));
    return { entered: entering, fresh };
  }

  /** Its id leads to the worker that made it: it hears what is said to it as a room of its own. */
  #enterOwn(session: NamespaceSession): void {
    const room = new Room<NamespaceSession>(session.id);
    this.rooms.set(session.id, room);
    this.#ownRooms++;
    this.link.setInterest(roomKey(this.name, session.id), true);
    room.add(session);
  }

  /** @returns whether the room is new to this worker */
  #enter(session: NamespaceSession, name: string, origin: RoomOrigin): boolean {
    let room = this.rooms.get(name);
    const isNew = room === undefined;
    if (room === undefined) {
      room = new Room(name, this.#context.roomSettings.of(name));
      this.link.setInterest(roomKey(this.name, name), true);
      this.rooms.set(name, room);
    }
    room.add(session, origin);
    if (room.settings.presence) this.#context.presence?.changed(this, name, session.user, false);
    return isNew;
  }

  #report(session: NamespaceSession, change: RoomsChange): void {
    this.#context.reports?.roomsChanged(session, session.isRecoverable, change);
  }

  /** Those of the rooms that a session is not in, each once. In the one of its id it always is. */
  #notIn(session: NamespaceSession, rooms: readonly string[]): readonly string[] {
    return distinct(rooms).filter((name) => {
      if (name === session.id) return false;
      const room = this.rooms.get(name);
      return room === undefined || !session.memberships.includes(room);
    });
  }

  tryJoin(session: NamespaceSession, rooms: readonly string[]): void {
    try {
      this.join(session, rooms);
    } catch (error) {
      this.runner.failed('join', error);
    }
  }

  leave(session: NamespaceSession, rooms: readonly string[]): void {
    this.askedJoins.leave(session, rooms);
    this.delivery.catchUp(session);
    const before = session.roomCount;
    const left: string[] = [];
    for (const name of rooms) {
      // In its own it always is, or nobody could reach it by its id, to end it either.
      const room = name === session.id ? undefined : this.rooms.get(name);
      if (room?.remove(session) !== true) continue;
      if (room.settings.presence) this.#context.presence?.changed(this, name, session.user, true);
      if (room.members.length === 0) this.#retire(room);
      left.push(name);
    }
    this.#budget.give(roomBytes(before) - roomBytes(session.roomCount));
    if (left.length > 0) this.#report(session, { joined: [], left, fresh: [] });
  }

  /** A client goes on over another transport. */
  transportChanged(session: NamespaceSession): void {
    if (this.#context.presence !== undefined) tellTransport(this.#context.presence, this, session);
  }

  sessionsInRoom(user: string, room: string): readonly NamespaceSession[] {
    return sessionsIn(this.rooms.get(room), this.users.get(user));
  }

  anonymousInRoom(room: string): number {
    return anonymousIn(this.rooms.get(room));
  }

  /** @throws TypeError when the room has no presence, Error when it is not known who is in it */
  async presence(room: string, most: number): Promise<RoomPresence> {
    const { presence, roomSettings } = this.#context;
    if (presence === undefined || !roomSettings.of(room).presence) throw withoutPresence(room);
    return await presence.list(this.name, room, most);
  }

  /**
   * What a client is told who asks who is in a room.
   *
   * @returns `undefined` for one that it is not in, or that has no presence
   */
  async presenceFor(session: NamespaceSession, name: string): Promise<ToldPresence | undefined> {
    const { presence } = this.#context;
    const room = this.rooms.get(name);
    const isMember = room !== undefined && session.memberships.includes(room);
    if (presence === undefined || !isMember || !room.settings.presence) return undefined;
    return toldPresence(name, await presence.list(this.name, name, presence.namedUsers));
  }

  deliver(target: Target, event: OutgoingEvent): void {
    const excluded = this.#audience.excluded(target);
    const room = this.#audience.singleRoom(target);
    if (room === undefined) this.delivery.toChosen(this.#audience.union(target, excluded), event);
    else this.delivery.toRoom(room, event, excluded);
  }

  choose(target: Target): NamespaceSession[] {
    return this.#audience.choose(target);
  }

  countChosen(target: Target): number {
    return this.#audience.count(target);
  }

  /** Whether the bus brings this worker what is said to a room. */
  hears(room: string): boolean {
    return room === '' ? this.sessionCount > 0 : this.rooms.has(room);
  }

  keeps(target: Target): boolean {
    return this.#context.roomSettings.keeps(target.rooms, target.users);
  }

  runServerHandler(event: string, args: readonly unknown[]): Promise<readonly unknown[]> {
    return this.runner.serverSide(event, args);
  }

  #retire(room: Room<NamespaceSession>): void {
    if (room === this.everyone) {
      this.link.setInterest(namespaceKey(this.name), false);
      return;
    }
    this.rooms.delete(room.name);
    this.link.setInterest(roomKey(this.name, room.name), false);
  }
}
