/**
 * Acks that clients owe to this worker.
 *
 * One table serves all sessions: a session without an open question costs nothing. An ack counts
 * only from a session that was asked, and only once.
 */

import { LIMITS } from '../limits/limits.ts';

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
  readonly timer: Timer;
  readonly settle: (result: AckResult) => void;
}

/** Some of the sessions asked did not answer in time, or ended before they did. */
export class AckTimeoutError extends Error {
  /** The values of those that did answer. */
  readonly values: readonly unknown[];

  constructor(result: AckResult) {
    super(`no ack from ${result.missing} of ${result.missing + result.values.length} session(s)`);
    this.name = 'AckTimeoutError';
    this.values = result.values;
  }
}

export class AckTable {
  readonly #pending: Map<number, PendingAck> = new Map();
  #lastId = 0;

  /**
   * Opens a question to some sessions; send the event with the id at once.
   *
   * @param takesAll keeps all values of each ack, in a list, instead of the first
   * @throws RangeError when too many questions are open
   */
  open(
    sessions: readonly AckOwner[],
    timeoutMs: number,
    takesAll = false,
  ): { ackId: number; result: Promise<AckResult> } {
    if (this.#pending.size >= LIMITS.pendingAcksPerWorker) {
      throw new RangeError('too many acks are outstanding on this worker: emit fewer with ack');
    }
    const ackId = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<AckResult>();
    if (sessions.length === 0) resolve({ values: [], missing: 0 });
    else {
      const timer = setTimeout(() => this.#settle(ackId), timeoutMs);
      const waiting = new Set(sessions);
      for (const session of waiting) (session.openAcks ??= new Set()).add(ackId);
      const settle = resolve;
      this.#pending.set(ackId, { waiting, values: [], takesAll, lost: 0, timer, settle });
    }
    return { ackId, result: promise };
  }

  /** Takes a client's answer; answers that nobody asked for are ignored. */
  answer(session: AckOwner, ackId: number, values: readonly unknown[]): void {
    const pending = this.#pending.get(ackId);
    if (pending === undefined || !pending.waiting.delete(session)) return;
    closeAck(session, ackId);
    pending.values.push(pending.takesAll ? values : values[0]);
    if (pending.waiting.size === 0) this.#settle(ackId);
  }

  /** A session ended: it will not answer. */
  forget(session: AckOwner): void {
    for (const ackId of session.openAcks ?? []) {
      const pending = this.#pending.get(ackId);
      if (pending?.waiting.delete(session) !== true) continue;
      pending.lost++;
      if (pending.waiting.size === 0) this.#settle(ackId);
    }
    session.openAcks = undefined;
  }

  #settle(ackId: number): void {
    const pending = this.#pending.get(ackId);
    if (pending === undefined) return;
    this.#pending.delete(ackId);
    clearTimeout(pending.timer);
    for (const session of pending.waiting) closeAck(session, ackId);
    pending.settle({ values: pending.values, missing: pending.waiting.size + pending.lost });
  }
}

function closeAck(session: AckOwner, ackId: number): void {
  session.openAcks?.delete(ackId);
  if (session.openAcks?.size === 0) session.openAcks = undefined;
}
