/**
 * The core of one worker: its namespaces, and what comes for them from other workers.
 *
 * Transports bring sessions in through `namespace(name)`; the bus calls `receive…` for messages of
 * other workers. Neither knows the other.
 */

import { AckTable } from './acks.ts';
import type { App, NamespaceHandlers, Server } from './app.ts';
import { answerRequest, runCommand } from './broadcast.ts';
import type { NodeLink, NodeRequest, SessionCommand, Target } from './contracts.ts';
import type { Counters } from './counters.ts';
import { Delivery } from './delivery.ts';
import { HandlerRunner } from './handler-runner.ts';
import type { Log } from './log.ts';
import { Namespace, type NamespaceContext } from './namespace.ts';
import type { NamespaceSession } from './namespace-session.ts';
import type { OutgoingEvent } from './outgoing-event.ts';
import { NamespaceServer } from './server-handle.ts';

export interface WorkerCoreOptions {
  readonly app: App;
  readonly workerId: string;
  readonly ackTimeoutMs: number;
  readonly link: NodeLink;
  readonly counters: Counters;
  readonly log: Log;
  findSession(namespace: string, id: string): NamespaceSession | undefined;
}

export class WorkerCore {
  readonly namespaces: ReadonlyMap<string, Namespace>;
  readonly delivery: Delivery;
  readonly counters: Counters;
  readonly link: NodeLink;
  readonly acks: AckTable = new AckTable();

  constructor(options: WorkerCoreOptions) {
    this.counters = options.counters;
    this.link = options.link;
    this.delivery = new Delivery(options.counters, options.link);
    const context: NamespaceContext = {
      ...options,
      delivery: this.delivery,
      acks: this.acks,
      findSession: (namespace, id) => options.findSession(namespace, id),
    };
    const namespaces = new Map<string, Namespace>();
    const createServer = (home: Namespace): Server =>
      new NamespaceServer(home, options.workerId, (name) => namespaces.get(name));
    const createRunner = (handlers: NamespaceHandlers, home: Namespace): HandlerRunner =>
      new HandlerRunner(handlers, home.server, options.log, options.counters);
    const declared = { ...options.app.namespaces, '/': options.app };
    for (const [name, handlers] of Object.entries(declared)) {
      namespaces.set(name, new Namespace(name, handlers, context, createServer, createRunner));
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

  receiveCommand(namespace: string, target: Target, command: SessionCommand): void {
    const home = this.namespaces.get(namespace);
    if (home !== undefined) runCommand(home, target, command);
  }

  hasRoom(namespace: string, room: string): boolean {
    return this.namespaces.get(namespace)?.rooms.has(room) === true;
  }

  async receiveRequest(namespace: string, target: Target, request: NodeRequest): Promise<unknown> {
    const home = this.namespaces.get(namespace);
    return home === undefined ? undefined : await answerRequest(home, target, request);
  }
}
