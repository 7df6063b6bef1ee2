/**
 * Events whose handlers have not finished, as far as they hold memory: what each session has of
 * them is bounded, and counts against the memory budget.
 *
 * Handlers that never finish must not keep their session alive, so sessions are held weakly; and
 * since nobody hears of such a handler again, its session's end is where the counting stops.
 */

import { jsonBytes } from '../limits/json-bytes.ts';
import { LIMITS } from '../limits/limits.ts';
import type { MemoryBudget } from '../limits/memory-budget.ts';
import type { Session } from './app.ts';

interface Unfinished {
  bytes: number;
  isOver: boolean;
}

/** Says that a handler has finished. */
export type Finish = () => void;

export class UnfinishedEvents {
  readonly #budget: MemoryBudget;
  readonly #bySession: WeakMap<Session, Unfinished> = new WeakMap();
  /** Of all sessions: most of the time there are none, and nobody need be looked up. */
  #count = 0;

  constructor(budget: MemoryBudget) {
    this.#budget = budget;
  }

  /** Whether a session has so much under way that it gets no more. */
  isFull(session: Session): boolean {
    return this.#count > 0 && this.heldBytes(session) >= LIMITS.unfinishedBytesPerSession;
  }

  heldBytes(session: Session): number {
    return this.#count > 0 ? (this.#bySession.get(session)?.bytes ?? 0) : 0;
  }

  /**
   * A handler goes on after its call.
   *
   * @param text of the packet that brought the event
   */
  begin(session: Session, text: string, attachmentBytes: number): Finish {
    const bytes = jsonBytes(text) + attachmentBytes + LIMITS.unfinishedEventBytes;
    let unfinished = this.#bySession.get(session);
    if (unfinished === undefined) {
      unfinished = { bytes: 0, isOver: false };
      this.#bySession.set(session, unfinished);
    }
    const mine = unfinished;
    this.#count++;
    mine.bytes += bytes;
    this.#budget.take(bytes);
    return () => {
      this.#count--;
      if (mine.isOver) return;
      mine.bytes -= bytes;
      this.#budget.give(bytes);
      if (mine.bytes === 0) this.#bySession.delete(session);
    };
  }

  /** The session has ended. */
  forget(session: Session): void {
    if (this.#count === 0) return;
    const unfinished = this.#bySession.get(session);
    if (unfinished === undefined) return;
    unfinished.isOver = true;
    this.#bySession.delete(session);
    this.#budget.give(unfinished.bytes);
  }
}
