/**
 * Polls of this worker's sessions that wait for messages: each is answered with none once it has
 * waited for as long as the config says. All have the same time, so who came first is due first.
 */

/** A session whose client polls. */
export interface PolledSession {
  /** Its poll has waited for long enough. */
  pollIsDue(): void;
}

export class HeldPolls {
  readonly #holdMs: number;
  /** When the last poll of each session is due, in the worker's own time; in that order. */
  readonly #dueMs: Map<PolledSession, number> = new Map();

  constructor(holdMs: number) {
    this.#holdMs = holdMs;
  }

  /** A poll waits from now on, in place of an earlier one of its session. */
  add(session: PolledSession, nowMs: number): void {
    this.#dueMs.delete(session);
    this.#dueMs.set(session, nowMs + this.#holdMs);
  }

  forget(session: PolledSession): void {
    this.#dueMs.delete(session);
  }

  /** Called at each heartbeat tick. */
  sweep(nowMs: number): void {
    for (const [session, dueMs] of this.#dueMs) {
      if (dueMs > nowMs) return;
      this.#dueMs.delete(session);
      session.pollIsDue();
    }
  }
}
