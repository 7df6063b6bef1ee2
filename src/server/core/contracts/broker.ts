/**
 * The broker: carries messages between nodes. Only the controller has one; the hub of the bus calls
 * `publish` for what workers of this node say, and is called back for what other nodes said.
 *
 *     worker → bus → hub ─publish→ broker → other nodes' brokers ─onMessage→ hub → bus → workers
 *
 * Implementations: `embedded` (one node: nothing to carry), `redis`, `redis-streams`.
 */

import type { SessionCommand, Target } from './node-link.ts';
import type { EventContent } from './outgoing-event.ts';

/** One message between nodes. */
export interface BrokerMessage {
  readonly namespace: string;
  readonly target: Target;
  readonly content:
    | { readonly kind: 'event'; readonly event: EventContent; readonly volatile: boolean }
    | { readonly kind: 'command'; readonly command: SessionCommand };
}

export interface BrokerEvents {
  /** A message of another node. Messages of one node come in the order in which it sent them. */
  onMessage(message: BrokerMessage): void;
  /** Messages may have been lost since the last one: rooms with history catch up by position. */
  onGap(sinceMs: number): void;
}

/**
 * MUST NOT call back with messages of its own node. MUST carry what it does not know how to read
 * of others, or count and skip it: it MUST NOT end the node. Everything that waits is bounded; what
 * does not fit is refused with `false`, never dropped in silence. MUST reconnect by itself, with
 * jitter, and re-announce its interest then.
 */
export interface Broker {
  readonly state: 'connected' | 'degraded';
  /** @returns false when the message was refused, since the queue is full */
  publish(message: BrokerMessage): boolean;
  /** The node has, or no longer has, recipients for a key (`protocol/interest-key.ts`). */
  setInterest(key: string, interested: boolean): void;
  close(): Promise<void>;
}
