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
import type { SessionOwner, SocketData } from './client-connection.ts';
import type { PlaceHolders } from './place-holder.ts';

/** The part of Bun's server that a request needs. */
export interface RequestServer {
  upgrade(request: Request, options: { data: SocketData }): boolean;
  requestIP(request: Request): { readonly address: string; readonly port: number } | null;
  /** Sets how long a request may be idle. */
  timeout(request: Request, seconds: number): void;
}

/** The answer to a request; `undefined` once it has become a WebSocket. */
export type KindAnswer = Response | undefined | Promise<Response | undefined>;

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
   * Answers a request. MUST NOT throw or reject; MUST refuse what it does not understand, count the
   * refusal by its reason, and MUST NOT upgrade or hold a request before limits have passed it, or
   * open a session before `Places.take` has found a place for it.
   */
  handle(request: Request, query: string, server: RequestServer): KindAnswer;
  /** Ends what is late; called at each heartbeat tick. MUST NOT walk all sessions. */
  sweep(): void;
  /** Ends all sessions, as the worker stops or drains. */
  endAll(): void;
}
