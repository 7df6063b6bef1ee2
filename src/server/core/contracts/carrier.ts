/**
 * The way to one client, which a kind of client implements (Socket.IO: `EngineSession`).
 *
 * The core hands it events; it knows sockets, polls and queues, of which the core knows nothing.
 */

import type { TransportName } from '../app/app.ts';
import type { OutgoingEvent } from './outgoing-event.ts';

/** A session as its carrier sees it: one carrier may carry sessions of several namespaces. */
export interface CarriedSession {
  readonly namespace: string;
}

/**
 * Calls MUST NOT throw and MUST NOT block; events MUST leave in the order given. A carrier that
 * cannot take an event MAY drop it when it is volatile and MUST otherwise end its client, after the
 * call: who delivers is walking the room.
 */
export interface Carrier {
  readonly transport: TransportName;
  /** When its client connected, in milliseconds since 1970. */
  readonly sinceMs: number;
  deliver(events: readonly OutgoingEvent[]): void;
  /** Tells the client that its session in this namespace is over. */
  endSession(session: CarriedSession): void;
  /** Ends the client's connection with all its sessions. */
  close(): void;
  /** Its client has come back over another connection: this one counts as cut. */
  clientMoved(): void;
}
