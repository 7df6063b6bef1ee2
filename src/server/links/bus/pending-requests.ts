/**
 * Requests of this worker to others that wait for answers.
 *
 *     open ─▶ asked (whom the hub asked) ─▶ pieces, of each worker the last one says so ─▶ settled
 *
 * A request settles when all workers have answered or are known to be gone, or when its time is
 * over. Whoever has not answered whole by then is named. Those that handlers of one session have
 * open are a share: however many that are, others may ask.
 */

import type { NodeAnswers } from '../../core/contracts/node-link.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { timerMs } from '../../core/limits/timer-ms.ts';

interface Pending {
  readonly items: unknown[];
  missing: number;
  /** Those asked that have not answered to the end; `undefined` until the hub has said whom. */
  waiting: Set<number> | undefined;
  readonly silent: Set<number>;
  readonly timeoutMs: number;
  timer: Timer;
  readonly speaker: string | undefined;
  readonly resolve: (answers: NodeAnswers) => void;
}

/** One frame of an answer. */
export interface AnswerPiece {
  readonly items: readonly unknown[];
  readonly missing: number;
  readonly isLast: boolean;
  /** False where the worker could not answer, or not all. */
  readonly isWhole: boolean;
}

export class PendingRequests {
  /** All other workers of the node: those that may have been asked. */
  readonly #others: readonly number[];
  readonly #pending: Map<number, Pending> = new Map();
  /** Open ones by session, of those that have some. */
  readonly #bySpeaker: Map<string, number> = new Map();
  #ofSpeakers = 0;
  #lastId = 0;

  constructor(worker: number, workerCount: number) {
    const all = Array.from({ length: workerCount }, (_, index) => index);
    this.#others = all.filter((index) => index !== worker);
  }

  /** Whether one more may be opened on behalf of a session; undefined for the app itself. */
  admits(speaker: string | undefined): boolean {
    if (this.#pending.size >= LIMITS.pendingBusRequests) return false;
    if (speaker === undefined) return true;
    if (this.#ofSpeakers >= LIMITS.pendingBusRequests / 2) return false;
    const share = (LIMITS.requestsOfSessions - this.#ofSpeakers) / 2;
    return (this.#bySpeaker.get(speaker) ?? 0) < Math.max(share, LIMITS.requestsPerSessionMin);
  }

  /** What is known when nobody can be asked: that all are missing. */
  get nobody(): NodeAnswers {
    return { items: [], missing: 0, silent: this.#others };
  }

  open(
    timeoutMs: number,
    speaker: string | undefined,
  ): { id: number; answers: Promise<NodeAnswers> } {
    // 32 bits wide; a request is long settled when its number comes round again.
    this.#lastId = (this.#lastId + 1) % 2 ** 32;
    const id = this.#lastId;
    const { promise, resolve } = Promise.withResolvers<NodeAnswers>();
    const timer = setTimeout(() => this.#settle(id), timerMs(timeoutMs));
    const silent = new Set<number>();
    const none = { items: [], missing: 0, waiting: undefined };
    this.#pending.set(id, { ...none, silent, timeoutMs, timer, speaker, resolve });
    this.#count(speaker, 1);
    return { id, answers: promise };
  }

  /** The hub has asked these workers; it says so before the first answer. */
  asked(id: number, workers: readonly number[]): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    pending.waiting = new Set(workers);
    if (workers.length === 0) this.#settle(id);
  }

  take(id: number, worker: number, piece: AnswerPiece): void {
    const pending = this.#pending.get(id);
    if (pending?.waiting?.has(worker) !== true) return;
    for (const item of piece.items) pending.items.push(item);
    pending.missing += piece.missing;
    if (!piece.isLast) {
      // Who answers in pieces is at work, and gets the time anew for the next.
      clearTimeout(pending.timer);
      pending.timer = setTimeout(() => this.#settle(id), timerMs(pending.timeoutMs));
      return;
    }
    if (!piece.isWhole) pending.silent.add(worker);
    this.#done(id, pending, worker);
  }

  /** A worker that was asked is gone, or takes no messages. */
  lost(id: number, worker: number): void {
    const pending = this.#pending.get(id);
    if (pending?.waiting?.has(worker) !== true) return;
    pending.silent.add(worker);
    this.#done(id, pending, worker);
  }

  /** No answer can come any more. */
  lostAll(): void {
    for (const id of [...this.#pending.keys()]) this.#settle(id);
  }

  #count(speaker: string | undefined, change: 1 | -1): void {
    if (speaker === undefined) return;
    this.#ofSpeakers += change;
    const count = (this.#bySpeaker.get(speaker) ?? 0) + change;
    if (count === 0) this.#bySpeaker.delete(speaker);
    else this.#bySpeaker.set(speaker, count);
  }

  #done(id: number, { waiting }: Pending, worker: number): void {
    waiting?.delete(worker);
    if (waiting?.size === 0) this.#settle(id);
  }

  #settle(id: number): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    this.#count(pending.speaker, -1);
    clearTimeout(pending.timer);
    const { items, missing, silent, waiting = this.#others } = pending;
    pending.resolve({ items, missing, silent: [...silent, ...waiting].toSorted((a, b) => a - b) });
  }
}
