/** The core of a worker with fakes for the bus and the clients. */

import type { RoomsConfig } from '../../src/host/config/rooms.ts';
import type { App, NamespaceHandlers, TransportName } from '../../src/server/core/app/app.ts';
import type { Carrier } from '../../src/server/core/contracts/carrier.ts';
import type { Hooks } from '../../src/server/core/contracts/hooks.ts';
import type { NodeAnswers, NodeLink, Target } from '../../src/server/core/contracts/node-link.ts';
import type { OutgoingEvent } from '../../src/server/core/contracts/outgoing-event.ts';
import { type Counters, createCounters } from '../../src/server/core/limits/counters.ts';
import { MemoryBudget } from '../../src/server/core/limits/memory-budget.ts';
import { Refusals } from '../../src/server/core/limits/refusals.ts';
import { RoomSettingsTable } from '../../src/server/core/rooms/room-settings.ts';
import type { Namespace } from '../../src/server/core/sessions/namespace.ts';
import { NamespaceSession } from '../../src/server/core/sessions/namespace-session.ts';
import { WorkerCore } from '../../src/server/core/worker-core.ts';
import { OPEN_TO_ALL } from './open-to-all.ts';

/** Of a session, in tests. */
export const MAX_ROOMS = 300;

const BUDGET_BYTES = 100_000_000;
const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** The bus: remembers what it was told, and gives the answers it was given. */
export class FakeLink implements NodeLink {
  readonly isCrowded = false;
  isLinked = false;
  readonly interest: Set<string> = new Set();
  readonly said: unknown[] = [];
  announcements = 0;
  answers: Promise<NodeAnswers> = Promise.resolve({ items: [], missing: 0, silent: [] });

  answer(...items: unknown[]): void {
    this.answers = Promise.resolve({ items, missing: 0, silent: [] });
  }

  setInterest(key: string, interested: boolean): void {
    if (interested) this.interest.add(key);
    else this.interest.delete(key);
  }

  runAs<Args extends readonly unknown[], Result>(
    _speaker: string,
    call: (...args: Args) => Result,
    ...args: Args
  ): Result {
    return call(...args);
  }

  isFlooding(): boolean {
    return false;
  }

  announceInterest(): void {
    this.announcements++;
  }

  publish(_namespace: string, { rooms }: Target, event: OutgoingEvent): void {
    this.said.push([event.json, rooms]);
  }

  command(_namespace: string, { rooms }: Target, command: { kind: string }): void {
    this.said.push([command.kind, rooms]);
  }

  request(): Promise<NodeAnswers> {
    return this.answers;
  }
}

/** One client: remembers what it got, by event name. */
export class FakeClient implements Carrier {
  readonly transport: TransportName = 'websocket';
  readonly sinceMs = 1_700_000_000_000;
  readonly received: string[] = [];
  readonly ackIds: (number | undefined)[] = [];
  /** Runs when it is to take events, before it does. */
  beforeTaking: () => void = () => {};

  deliver(events: readonly OutgoingEvent[]): void {
    this.beforeTaking();
    for (const { json, ackId } of events) {
      this.received.push(json.slice(2, json.indexOf('"', 2)));
      this.ackIds.push(ackId);
    }
  }

  endSession(): void {
    this.received.push('(end)');
  }

  close(): void {
    this.received.push('(close)');
  }

  clientMoved(): void {
    this.received.push('(moved)');
  }
}

export interface Visitor {
  readonly client: FakeClient;
  readonly session: NamespaceSession;
}

export class FakeCore {
  readonly link: FakeLink = new FakeLink();
  readonly counters: Counters = createCounters();
  readonly refusals: Refusals = new Refusals(SILENT);
  readonly budget: MemoryBudget = new MemoryBudget(BUDGET_BYTES, this.refusals);
  readonly core: WorkerCore;
  readonly home: Namespace;
  readonly #sessions = new Map<string, NamespaceSession>();

  constructor(
    ackTimeoutMs: number,
    handlers: NamespaceHandlers = {},
    hooks?: Hooks,
    rooms: RoomsConfig = {},
  ) {
    const app: App = handlers;
    this.core = new WorkerCore({
      app,
      workerId: 'w',
      ackTimeoutMs,
      maxRoomsPerSession: MAX_ROOMS,
      ...OPEN_TO_ALL,
      roomSettings: new RoomSettingsTable(rooms),
      hooks,
      link: this.link,
      budget: this.budget,
      counters: this.counters,
      refusals: this.refusals,
      log: SILENT,
      findSession: (_namespace, id) => this.#sessions.get(id),
      isSessionId: (name) => this.#sessions.has(name),
    });
    this.home = this.core.namespaces.get('/') as Namespace;
  }

  enter(id: string, rooms: readonly string[] = [], user?: string): Visitor {
    const client = new FakeClient();
    const session = new NamespaceSession(id, user, undefined, client, this.home);
    this.#sessions.set(id, session);
    this.home.add(session, rooms);
    return { client, session };
  }

  enterAll(count: number, rooms: readonly string[] = []): Visitor[] {
    return Array.from({ length: count }, (_, index) => this.enter(`s${index}`, rooms));
  }

  end({ session }: Visitor): void {
    this.#sessions.delete(session.id);
    this.home.remove(session, 'transport close');
  }
}

export function receivedBy(visitors: readonly Visitor[]): string[][] {
  return visitors.map(({ client }) => client.received);
}
