/**
 * A kind of client: what Socket.IO is to a worker, and the plain protocol with WebSocket, SSE,
 * streams and long-polling.
 *
 *     request → `serves` → `handle` → a session of this worker, or the owner that its id names
 *
 * A kind makes `Carrier`s and brings them into the core through admissions; the core never asks
 * which kind a session is of. Kinds share heartbeat, limits, budget, identity, origins and the
 * table of sessions, and with it the way to those that another worker of the node owns.
 */

import type { TransportName } from '../app/app.ts';
import type { Exchange } from './exchange.ts';

export interface ClientKind {
  /** The name in logs. */
  readonly name: string;
  /** The transports that its sessions may have. */
  readonly transports: readonly TransportName[];
  /** Whether a path is its own. MUST look at the path alone; paths of kinds MUST NOT overlap. */
  serves(path: string): boolean;
  /**
   * Answers a request, now or later. MUST NOT throw; MUST refuse what it does not understand,
   * count the refusal by its reason, and MUST NOT upgrade or hold a request before limits have
   * passed it, or open a session before `Places.take` has found a place for it.
   */
  handle(exchange: Exchange, query: string): void;
  /** Ends or refuses what is late; called at each heartbeat tick. MUST NOT walk all sessions. */
  sweep(): void;
}
