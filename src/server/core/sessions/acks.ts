/**
 * Acks that clients owe to this worker.
 *
 * One table serves all sessions: a session without an open question costs nothing. An ack counts
 * only from a session that was asked, and only once.
 *
 * The table has no size of its own: what is open counts against the memory budget, as do answers
 * until all have come, and a session may owe so many acks and no more. So those that never answer
 * take nothing from the others.
 */

import { LIMITS } from '../limits/limits.ts';
import type { Holder, MemoryBudget } from '../limits/memory-budget.ts';
import { timerMs } from '../limits/timer-ms.ts';

/** What came back: one value per session that answered, and how many did not. */
export interface AckResult {
  readonly values: unknown[];
  readonly missing: number;
}

/** A session as the table of acks sees it. */
export interface AckOwner {
  /** Acks its client owes, so that its end need not search for them. Only the table changes it. */
  openAcks: Set<number> | undefined;
}

interface PendingAck {
  readonly waiting: Set<AckOwner>;
  /** Of each session the first value, or the list of all. */
  readonly values: unknown[];
  readonly takesAll: boolean;
  /** Sessions that ended before they answered. */
  lost: number;
  /** What the values hold. */
  valueBytes: number;
  readonly timer: Timer;
  readonly settle: (result: AckResult) => void;
}

export class AckTable {
  readonly #pending: Map<number, PendingAck> = new Map();
  readonly #budget: MemoryBudget;
  #lastId = 0;

  constructor(budget: MemoryBudget) {
    this.#budget = budget;
    budget.watch(() => this.#holders());
  }

  /**
   * Opens a question to some sessions; send the event with the id at once.
   *
   * @param takesAll keeps all values of each ack, in a list, instead of the first
   * @throws RangeError when it is for one session that owes too many acks; of several sessions
   *   those that do are missing in the result
   */
  open(
    sessions: readonly AckOwner[],
    timeoutMs: number,
    takesAll = false,
  ): { ackId: number; result: Promise<AckResult> } {
    const asked = sessions.filter(mayOweMore);
    if (asked.length === 0 && sessions.length === 1) {
      throw new RangeError(`a client may owe ${LIMITS.openAcksPerSession} acks at the most`);
    }
    const ackId = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<AckResult>();
    const lost = sessions.length - asked.length;
    if (asked.length === 0) resolve({ values: [], missing: lost });
    else {
      const timer = setTimeout(() => this.#settle(ackId), timerMs(timeoutMs));
      const waiting = new Set(asked);
      for (const session of waiting) (session.openAcks ??= new Set()).add(ackId);
      const open = { waiting, takesAll, lost, timer, settle: resolve };
      this.#pending.set(ackId, { ...open, values: [], valueBytes: 0 });
      this.#budget.take(waiting.size * LIMITS.openAckBytes);
    }
    return { ackId, result: promise };
  }

  /**
   * Takes a client's answer.
   *
   * @param bytes that the values hold
   * @returns whether somebody waits for it; all others are ignored
   */
  answer(session: AckOwner, ackId: number, values: readonly unknown[], bytes = 0): boolean {
    const pending = this.#pending.get(ackId);
    if (pending === undefined || !pending.waiting.delete(session)) return false;
    closeAck(session, ackId);
    pending.values.push(pending.takesAll ? values : values[0]);
    this.#budget.give(LIMITS.openAckBytes);
    if (pending.waiting.size === 0) {
      this.#settle(ackId);
      return true;
    }
    pending.valueBytes += bytes;
    this.#budget.take(bytes);
    return true;
  }

  /** A session ended: it will not answer. */
  forget(session: AckOwner): void {
    for (const ackId of session.openAcks ?? []) {
      const pending = this.#pending.get(ackId);
      if (pending?.waiting.delete(session) !== true) continue;
      pending.lost++;
      this.#budget.give(LIMITS.openAckBytes);
      if (pending.waiting.size === 0) this.#settle(ackId);
    }
    session.openAcks = undefined;
  }

  /** Questions that hold the answers of some while others are waited for: they go without those. */
  #holders(): Holder[] {
    return [...this.#pending].map(([ackId, { valueBytes }]) => ({
      heldBytes: () => valueBytes,
      letGo: () => this.#settle(ackId),
    }));
  }

  #settle(ackId: number): void {
    const pending = this.#pending.get(ackId);
    if (pending === undefined) return;
    this.#pending.delete(ackId);
    clearTimeout(pending.timer);
    this.#budget.give(pending.waiting.size * LIMITS.openAckBytes + pending.valueBytes);
    for (const session of pending.waiting) closeAck(session, ackId);
    pending.settle({ values: pending.values, missing: pending.waiting.size + pending.lost });
  }
}

function mayOweMore({ openAcks }: AckOwner): boolean {
  return openAcks === undefined || openAcks.size < LIMITS.openAcksPerSession;
}

function closeAck(session: AckOwner, ackId: number): void {
  session.openAcks?.delete(ackId);
  if (session.openAcks?.size === 0) session.openAcks = undefined;
}
