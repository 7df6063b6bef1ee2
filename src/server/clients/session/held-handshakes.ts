/**
 * What first requests hold, where it matters: of clients that take their time to join, and of those
 * that have joined and of whom much is kept. It counts against the memory budget.
 *
 * Nearly all join at once and have little to be kept; of them nothing is counted.
 */

import { LIMITS } from '../../core/limits/limits.ts';
import type { Holder, MemoryBudget } from '../../core/limits/memory-budget.ts';
import type { ClientSession } from './client-session.ts';
import type { HandshakeSource, KeptHandshake } from './session-extras.ts';

export class HeldHandshakes {
  readonly #budget: MemoryBudget;
  readonly #bytes: Map<ClientSession, number> = new Map();

  constructor(budget: MemoryBudget) {
    this.#budget = budget;
    budget.watch(() => this.#holders());
  }

  /**
   * Looks for clients that have not joined for a while.
   *
   * @param unjoined since when each has joined nothing, oldest first
   */
  count(unjoined: ReadonlyMap<ClientSession, number>, nowMs: number): void {
    for (const [session, sinceMs] of unjoined) {
      if (sinceMs > nowMs - LIMITS.handshakeFreeMs) return;
      if (!this.#bytes.has(session)) this.#set(session, bytesOfRequest(session.handshake));
    }
  }

  /** A client has joined, and so many bytes of its first request are kept. */
  keep(session: ClientSession, bytes: number): void {
    if (bytes > LIMITS.handshakeFreeBytes) this.#set(session, bytes);
    else this.forget(session);
  }

  /** The session has ended. */
  forget(session: ClientSession): void {
    if (this.#bytes.size === 0) return;
    this.#budget.give(this.#bytes.get(session) ?? 0);
    this.#bytes.delete(session);
  }

  #set(session: ClientSession, bytes: number): void {
    this.forget(session);
    this.#bytes.set(session, bytes);
    this.#budget.take(bytes);
  }

  #holders(): Holder[] {
    return [...this.#bytes].map(([session, bytes]) => ({
      heldBytes: () => bytes,
      letGo: () => {
        this.forget(session);
        session.letGo();
      },
    }));
  }
}

/** What is kept of a client for joining again. */
export function bytesOfKept(kept: KeptHandshake | undefined): number {
  if (kept === undefined) return 0;
  const values = Object.values(kept.headers ?? {});
  return values.reduce((sum, { length }) => sum + length, kept.query?.length ?? 0);
}

function bytesOfRequest(request: HandshakeSource | undefined): number {
  if (request === undefined) return 0;
  let bytes = request.query.length;
  for (const [name, value] of request.headers) bytes += name.length + value.length;
  return bytes;
}
