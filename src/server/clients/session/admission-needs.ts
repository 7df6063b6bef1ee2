/** What admissions need of the worker around them. */

import type { Identity } from '../../core/contracts/identity.ts';
import type { NodeLink } from '../../core/contracts/node-link.ts';
import type { SeatLink } from '../../core/contracts/user-seats.ts';
import type { Counters } from '../../core/limits/counters.ts';
import type { MemoryBudget } from '../../core/limits/memory-budget.ts';
import type { Refusals } from '../../core/limits/refusals.ts';
import type { Namespace } from '../../core/sessions/namespace.ts';
import type { SessionIdFactory } from '../../protocol/session-id.ts';
import type { ClientSession } from './client-session.ts';
import type { HeldHandshakes } from './held-handshakes.ts';

/** What admissions need of the worker's core. */
export interface AdmissionCore {
  readonly namespaces: ReadonlyMap<string, Namespace>;
  readonly link: NodeLink;
  readonly identity: Identity;
  /** Bounds the sessions of a user; `undefined` when they are not. */
  readonly seats?: SeatLink | undefined;
}

/** What admissions need of the table of sessions. */
export interface AdmissionTable {
  readonly ids: SessionIdFactory;
  readonly counters: Counters;
  readonly refusals: Refusals;
  readonly budget: MemoryBudget;
  readonly heartbeat: { readonly tick: number };
  /** Clients have had the time to join that began up to this tick. */
  readonly lateTick: number;
  readonly handshakes: HeldHandshakes;
  /** A session has joined its first namespace. */
  joined(client: ClientSession): void;
}
