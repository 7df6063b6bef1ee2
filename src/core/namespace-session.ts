/**
 * One client in one namespace: the object behind the app's `Session`.
 *
 * There is one for each idle client, so each field is counted: no closure, timer, promise, Set or
 * Map, and what most sessions never use (`data`) is made when first asked for.
 */

import { AckTimeoutError } from './acks.ts';
import type { Broadcast, Server, Session, TransportName } from './app.ts';
import { BroadcastOperator } from './broadcast.ts';
import type { Carrier } from './contracts.ts';
import { toList } from './key.ts';
import type { Namespace } from './namespace.ts';
import { OutgoingEvent } from './outgoing-event.ts';
import type { Room } from './room.ts';

export class NamespaceSession implements Session {
  readonly id: string;
  readonly user: string | undefined;
  readonly carrier: Carrier;
  readonly home: Namespace;
  /** Pairs of a room and this session's place in it, the namespace's `everyone` first. */
  readonly memberships: (Room | number)[] = [];
  /** Acks this client owes, so that its end need not search for them. */
  openAcks: Set<number> | undefined;
  /** The number of the last handout it has had; see delivery.ts. */
  lastHandout = 0;
  #data: unknown;

  constructor(
    id: string,
    user: string | undefined,
    data: unknown,
    carrier: Carrier,
    home: Namespace,
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

  get data(): unknown {
    return (this.#data ??= {});
  }

  set data(value: unknown) {
    this.#data = value;
  }

  /** The data as it is, without making any. */
  get storedData(): unknown {
    return this.#data;
  }

  get rooms(): readonly string[] {
    const names: string[] = [];
    for (let i = 2; i < this.memberships.length; i += 2) {
      names.push((this.memberships[i] as Room).name);
    }
    return names;
  }

  emit(event: string, ...args: readonly unknown[]): void {
    this.#send(event, args, false);
  }

  get volatile(): { emit(event: string, ...args: readonly unknown[]): void } {
    return { emit: (event, ...args) => this.#send(event, args, true) };
  }

  emitWithAck(event: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.#ask(event, args, this.home.ackTimeoutMs);
  }

  timeout(milliseconds: number): {
    emitWithAck(event: string, ...args: readonly unknown[]): Promise<unknown>;
  } {
    return { emitWithAck: (event, ...args) => this.#ask(event, args, milliseconds) };
  }

  join(room: string | readonly string[]): void {
    this.home.join(this, toList(room));
  }

  leave(room: string): void {
    this.home.leave(this, [room]);
  }

  to(room: string | readonly string[]): Broadcast {
    return this.broadcast.to(room);
  }

  in(room: string | readonly string[]): Broadcast {
    return this.broadcast.to(room);
  }

  except(room: string | readonly string[]): Broadcast {
    return this.broadcast.except(room);
  }

  get broadcast(): Broadcast {
    return new BroadcastOperator(this.home).except(this.id);
  }

  disconnect(close = false): void {
    if (!this.connected) return;
    this.carrier.endSession(this);
    this.home.remove(this, 'server namespace disconnect');
    if (close) this.carrier.close();
  }

  #send(event: string, args: readonly unknown[], isVolatile: boolean): void {
    const outgoing = OutgoingEvent.create(this.namespace, event, args, { volatile: isVolatile });
    this.home.delivery.toOne(this, outgoing);
  }

  async #ask(event: string, args: readonly unknown[], timeoutMs: number): Promise<unknown> {
    const outgoing = OutgoingEvent.create(this.namespace, event, args);
    const asked = this.connected ? [this] : [];
    const { ackId, result } = this.home.acks.open(asked, timeoutMs);
    this.home.delivery.toOne(this, outgoing.asking(ackId));
    const answer = await result;
    if (answer.values.length === 0) throw new AckTimeoutError({ values: [], missing: 1 });
    return answer.values[0];
  }
}
