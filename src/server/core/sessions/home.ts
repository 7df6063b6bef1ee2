/**
 * A namespace as its sessions and broadcasts see it, and a session as they see each other.
 *
 * `Namespace` and `NamespaceSession` implement these; tests of either need not make the other.
 */

import type { NameMap } from '../../../host/runtime/name-map.ts';
import type { DisconnectReason, Server, TransportName } from '../app/app.ts';
import type { HandlerRunner } from '../app/handler-runner.ts';
import type { NodeLink, Target } from '../contracts/node-link.ts';
import type { OutgoingEvent } from '../contracts/outgoing-event.ts';
import type { Delivery } from '../delivery/delivery.ts';
import type { Recipient } from '../delivery/recipient.ts';
import type { Counters } from '../limits/counters.ts';
import type { AckOwner, AckTable } from './acks.ts';
import type { DescribedSession } from './remote-session.ts';
import type { UserSession } from './user-index.ts';

/** A session of this worker. */
export interface LocalSession extends Recipient, AckOwner, DescribedSession, UserSession {
  readonly transport: TransportName;
  readonly sinceMs: number;
  disconnect(close?: boolean): void;
}

/** What broadcasts need of a namespace. */
export interface BroadcastHome {
  readonly name: string;
  readonly server: Server;
  /** The rooms that have members on this worker. */
  readonly rooms: NameMap<{
    readonly name: string;
    readonly members: readonly { readonly id: string }[];
  }>;
  readonly link: NodeLink;
  readonly delivery: Delivery;
  readonly acks: AckTable;
  readonly counters: Counters;
  readonly ackTimeoutMs: number;
  /** Hands an event to the chosen sessions of this worker. */
  deliver(target: Target, event: OutgoingEvent): void;
  /** The chosen sessions of this worker, in an array of the caller's own. */
  choose(target: Target): LocalSession[];
  countChosen(target: Target): number;
  /** Whether one of the rooms of a target keeps what is said to it. */
  keeps(target: Target): boolean;
  /** Joins as far as it goes: one session in too many rooms must not hold up the others. */
  tryJoin(session: LocalSession, rooms: readonly string[]): void;
  leave(session: LocalSession, rooms: readonly string[]): void;
  /** Calls the app's handler of a server-side event. @returns its answer, or none */
  runServerHandler(event: string, args: readonly unknown[]): Promise<readonly unknown[]>;
}

/** What a session needs of its namespace. */
export interface SessionHome extends BroadcastHome {
  readonly runner: HandlerRunner;
  /** Joins all of the rooms or none. @throws RangeError, TypeError when it may not */
  join(session: LocalSession, rooms: readonly string[]): void;
  /** Whether it is one that was cut off, and has been taken up again. */
  isRecovered(session: LocalSession): boolean;
  /** The rooms that a session was in that has ended. */
  roomsBefore(session: LocalSession): readonly string[];
  /** A client goes on over another transport. */
  transportChanged(session: LocalSession): void;
  /** The app is hearing that a session is about to end. */
  isLeaving(session: LocalSession): boolean;
  /** Takes a session out and tells the app. */
  remove(session: LocalSession, reason: DisconnectReason): void;
}
