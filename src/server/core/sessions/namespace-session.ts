/**
 * One client in one namespace: the object behind the app's `Session`.
 *
 * There is one for each idle client, so each field is counted: no closure, timer, promise, Set or
 * Map, and what most sessions never use (`data`) is made when first asked for.
 */

import { AckTimeoutError } from '../app/answer-errors.ts';
import type { Broadcast, RoomName, Server, Session, TransportName } from '../app/app.ts';
import type { Carrier } from '../contracts/carrier.ts';
import type { RoomOrigin } from '../contracts/snapshots.ts';
import { EncodedEvent } from '../delivery/encoded-event.ts';
import { LIMITS } from '../limits/limits.ts';
import { roomBytes, toList } from '../rooms/key.ts';
import { originOf, type Room, type RoomMember } from '../rooms/room.ts';
import { BroadcastOperator } from './broadcast.ts';
import type { LocalSession, SessionHome } from './home.ts';

/** Where the room of its own id stands among its memberships, if it has one. */
const OWN_AT = 2;

export class NamespaceSession implements Session, LocalSession {
  readonly id: string;
  readonly user: string | undefined;
  readonly carrier: Carrier;
  readonly home: SessionHome;
  /** Pairs of a room and this session's place in it, the namespace's `everyone` first. */
  readonly memberships: (Room<RoomMember> | number)[] = [];
  openAcks: Set<number> | undefined;
  lastHandout = 0;
  #data: unknown;

  constructor(
    id: string,
    user: string | undefined,
    data: unknown,
    carrier: Carrier,
    home: SessionHome,
  ) {
    this.id = id;
    this.user = user;
    this.carrier = carrier;
    this.home = home;
    this.#data = data;
  }

  /** Whoever is in a namespace is at least in its `everyone`. */
  get connected(): boolean {
    return this.memberships.length > 0;
  }

  get namespace(): string {
    return this.home.name;
  }

  get server(): Server {
    return this.home.server;
  }

  get transport(): TransportName {
    return this.carrier.transport;
  }

  get sinceMs(): number {
    return this.carrier.sinceMs;
  }

  get data(): unknown {
    return (this.#data ??= {});
  }

  set data(value: unknown) {
    this.#data = value;
  }

  get storedData(): unknown {
    return this.#data;
  }

  /** Without the namespace's `everyone`, and without its own, which one that is recovered has. */
  get roomCount(): number {
    const { memberships } = this;
    const hasOwn = (memberships[OWN_AT] as Room<RoomMember> | undefined)?.name === this.id;
    return Math.max(0, memberships.length / 2 - (hasOwn ? 2 : 1));
  }

  get rooms(): readonly string[] {
    if (!this.connected) return this.home.roomsBefore(this);
    const names: string[] = [];
    for (let i = 2; i < this.memberships.length; i += 2) {
      const { name } = this.memberships[i] as Room<RoomMember>;
      if (name !== this.id) names.push(name);
    }
    return names;
  }

  origins(last?: number): readonly (readonly [room: string, origin: RoomOrigin])[] {
    const { memberships } = this;
    const all: (readonly [string, RoomOrigin])[] = [];
    const from = last === undefined ? 2 : Math.max(2, memberships.length - 2 * last);
    for (let i = from; i < memberships.length; i += 2) {
      const { name } = memberships[i] as Room<RoomMember>;
      if (name !== this.id) all.push([name, originOf(memberships[i + 1] as number)]);
    }
    return all;
  }

  /** Whether one of its rooms has recovery, everyone's counted. */
  get isRecoverable(): boolean {
    const { memberships } = this;
    for (let i = 0; i < memberships.length; i += 2) {
      if ((memberships[i] as Room<RoomMember>).settings.recovery) return true;
    }
    return false;
  }

  get recovered(): boolean {
    return this.home.isRecovered(this);
  }

  /** What is kept for it: acks that its client owes, unfinished events, more rooms than usual. */
  heldBytes(): number {
    const acks = (this.openAcks?.size ?? 0) * LIMITS.openAckBytes;
    return acks + roomBytes(this.roomCount) + this.home.runner.heldBytes(this);
  }

  emit(event: string, ...args: readonly unknown[]): void {
    this.#send(event, args, false);
  }

  get volatile(): { emit(event: string, ...args: readonly unknown[]): void } {
    return { emit: (event, ...args) => this.#send(event, args, true) };
  }

  emitWithAck(event: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.timeout(this.home.ackTimeoutMs).emitWithAck(event, ...args);
  }

  emitWithAckValues(event: string, ...args: readonly unknown[]): Promise<readonly unknown[]> {
    return this.#ask(event, args, this.home.ackTimeoutMs);
  }

  timeout(milliseconds: number): ReturnType<Session['timeout']> {
    return {
      emitWithAck: async (event, ...args) => (await this.#ask(event, args, milliseconds))[0],
      emitWithAckValues: (event, ...args) => this.#ask(event, args, milliseconds),
    };
  }

  join(room: RoomName | readonly RoomName[]): void {
    this.home.join(this, toList(room));
  }

  leave(room: RoomName): void {
    this.home.leave(this, toList(room));
  }

  to(room: RoomName | readonly RoomName[]): Broadcast {
    return this.broadcast.to(room);
  }

  in(room: RoomName | readonly RoomName[]): Broadcast {
    return this.broadcast.to(room);
  }

  except(room: RoomName | readonly RoomName[]): Broadcast {
    return this.broadcast.except(room);
  }

  get broadcast(): Broadcast {
    return BroadcastOperator.of(this.home, this.id);
  }

  disconnect(close = false): void {
    if (!this.connected) return;
    if (!this.home.isLeaving(this)) {
      this.home.delivery.prepare(this);
      this.carrier.endSession(this);
      this.home.remove(this, 'server namespace disconnect');
    }
    if (close) this.carrier.close();
  }

  #send(event: string, args: readonly unknown[], isVolatile: boolean): void {
    const outgoing = EncodedEvent.create(this.namespace, event, args, { volatile: isVolatile });
    this.home.delivery.toOne(this, outgoing);
  }

  /** All values of the client's ack. */
  async #ask(
    event: string,
    args: readonly unknown[],
    timeoutMs: number,
  ): Promise<readonly unknown[]> {
    const outgoing = EncodedEvent.create(this.namespace, event, args);
    const asked = this.connected ? [this] : [];
    const { ackId, result } = this.home.acks.open(asked, timeoutMs, true);
    this.home.delivery.toOne(this, outgoing.asking(ackId));
    const [values] = (await result).values;
    if (values === undefined) throw new AckTimeoutError({ values: [], missing: 1 });
    return values as readonly unknown[];
  }
}
