/**
 * A kind of client: what Socket.IO is to a worker today, and plain WebSocket, SSE and long-polling
 * will be.
 *
 *     request → `serves` → `handle` → a session of this worker, or the owner that its id names
 *
 * A kind makes `Carrier`s and brings them into the core through admissions; the core never asks
 * which kind a session is of. Kinds share heartbeat, limits, budget, identity and origins.
 */

import type { TransportName } from '../app/app.ts';
import type { SessionOwner } from './client-connection.ts';
import type { Exchange } from './exchange.ts';
import type { PlaceHolders } from './place-holder.ts';

export interface ClientKind extends PlaceHolders {
  /** The name in metrics and samples. */
  readonly name: string;
  /** The transports that its sessions may have. */
  readonly transports: readonly TransportName[];
  /** The way to its sessions, for requests that reached another worker of the node. */
  readonly owner: SessionOwner;
  /** Whether a path is its own. MUST look at the path alone; paths of kinds MUST NOT overlap. */
  serves(path: string): boolean;
  /**
   * Answers a request, now or later. MUST NOT throw; MUST refuse what it does not understand,
   * count the refusal by its reason, and MUST NOT upgrade or hold a request before limits have
   * passed it, or open a session before `Places.take` has found a place for it.
   */
  handle(exchange: Exchange, query: string): void;
  /** Ends what is late; called at each heartbeat tick. MUST NOT walk all sessions. */
  sweep(): void;
  /** Ends all sessions, as the worker stops or drains. */
  endAll(): void;
}
