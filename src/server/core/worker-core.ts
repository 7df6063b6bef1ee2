/**
 * The core of one worker: its namespaces, and what comes for them from other workers.
 *
 * Transports bring sessions in through `namespace(name)`; the bus calls `receive…` for messages of
 * other workers. Neither knows the other.
 */

import type { App, Server } from './app/app.ts';
import type { Hooks } from './contracts/hooks.ts';
import type { Identity, RoomRules } from './contracts/identity.ts';
import type {
  NodeLink,
  NodeRequest,
  RequestAnswer,
  SessionCommand,
  Target,
} from './contracts/node-link.ts';
import type { OutgoingEvent } from './contracts/outgoing-event.ts';
import type { PresenceLink } from './contracts/presence.ts';
import type { SessionReports } from './contracts/snapshots.ts';
import type { SeatLink } from './contracts/user-seats.ts';
import { Delivery } from './delivery/delivery.ts';
import type { Counters } from './limits/counters.ts';
import type { MemoryBudget } from './limits/memory-budget.ts';
import type { Refusals } from './limits/refusals.ts';
import type { Log } from './log/log.ts';
import type { RoomSettingsTable } from './rooms/room-settings.ts';
import { AckTable } from './sessions/acks.ts';
import { answerRequest, runCommand } from './sessions/broadcast.ts';
import { Expiries } from './sessions/expiries.ts';
import { Namespace } from './sessions/namespace.ts';
import type { NamespaceContext } from './sessions/namespace-context.ts';
import type { NamespaceSession } from './sessions/namespace-session.ts';

export interface WorkerCoreOptions {
  readonly app: App;
  readonly workerId: string;
  readonly ackTimeoutMs: number;
  readonly maxRoomsPerSession: number;
  readonly roomSettings: RoomSettingsTable;
  readonly roomRules: RoomRules;
  /** Says who clients are. */
  readonly identity: Identity;
  /** The user's own backend, if the config has one. */
  readonly hooks?: Hooks | undefined;
  readonly presence?: PresenceLink | undefined;
  /** Bounds the sessions of a user; `undefined` when they are not. */
  readonly seats?: SeatLink | undefined;
  readonly reports?: SessionReports | undefined;
  readonly link: NodeLink;
  readonly counters: Counters;
  readonly refusals: Refusals;
  readonly budget: MemoryBudget;
  readonly log: Log;
  findSession(namespace: string, id: string): NamespaceSession | undefined;
  isSessionId(name: string): boolean;
}

export class WorkerCore {
  readonly namespaces: ReadonlyMap<string, Namespace>;
  readonly delivery: Delivery;
  readonly counters: Counters;
  readonly refusals: Refusals;
  readonly link: NodeLink;
  readonly acks: AckTable;
  /** Sessions that are known for a time only. */
  readonly expiries: Expiries = new Expiries();
  readonly identity: Identity;
  readonly seats: SeatLink | undefined;

  constructor(options: WorkerCoreOptions) {
    this.counters = options.counters;
    this.refusals = options.refusals;
    this.link = options.link;
    this.identity = options.identity;
    this.seats = options.seats;
    this.acks = new AckTable(options.budget);
    this.delivery = new Delivery(options.counters, options.link);
    const namespaces = new Map<string, Namespace>();
    const context: NamespaceContext = {
      ...options,
      reports: options.reports,
      delivery: this.delivery,
      acks: this.acks,
      expiries: this.expiries,
      findServer: (name) => namespaces.get(name)?.server,
      findSession: (namespace, id) => options.findSession(namespace, id),
      isSessionId: (name) => options.isSessionId(name),
    };
    const declared = { ...options.app.namespaces, '/': options.app };
    for (const [name, handlers] of Object.entries(declared)) {
      namespaces.set(name, new Namespace(name, handlers, context));
    }
    this.namespaces = namespaces;
  }

  /** The handle of the main namespace, given to the app's own hooks. */
  get server(): Server {
    return (this.namespaces.get('/') as Namespace).server;
  }

  receiveEvent(namespace: string, target: Target, event: OutgoingEvent): void {
    this.namespaces.get(namespace)?.deliver(target, event);
  }

  /** An event that rooms keep; whoever is given it has had all up to its position. */
  receiveKept(namespace: string, target: Target, event: OutgoingEvent): void {
    this.delivery.latestMark = event.mark;
    this.receiveEvent(namespace, target, event);
  }

  receiveCommand(namespace: string, target: Target, command: SessionCommand): void {
    const home = this.namespaces.get(namespace);
    if (home !== undefined) runCommand(home, target, command);
  }

  noteLatest(position: string): void {
    this.delivery.latestMark = position;
  }

  hasRoom(namespace: string, room: string): boolean {
    return this.namespaces.get(namespace)?.hears(room) === true;
  }

  async receiveRequest(
    namespace: string,
    target: Target,
    request: NodeRequest,
  ): Promise<RequestAnswer> {
    const home = this.namespaces.get(namespace);
    if (home === undefined) return { items: [], missing: 0, isWhole: false };
    return await answerRequest(home, target, request);
  }
}
