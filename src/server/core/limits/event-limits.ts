/**
 * How often each client may send an event that the app has put a limit on.
 *
 * A client may send as many at once as in a second, and then each when it is due. What is known of
 * a client is up to when it has used up its share; it goes with the client, or a while after that
 * with those of its generation.
 */

interface LimitedEvent {
  readonly costMs: number;
  /** How far back unused shares reach. */
  readonly burstMs: number;
}

const SECOND_MS = 1_000;
/** Less than this is no time to wait for: clocks and sums are not finer. */
const NO_TIME_MS = 0.1;

/** Up to when a session has used up its share of each event. */
type Used = Map<object, Map<string, number>>;

export class EventLimits {
  readonly #events: ReadonlyMap<string, LimitedEvent>;
  readonly #generationMs: number;
  #younger: Used = new Map();
  #older: Used = new Map();
  #isScheduled = false;

  /** @param perSecond by event; a number below one means one event in that part of a second */
  constructor(perSecond: Readonly<Record<string, number>>) {
    this.#events = new Map(
      Object.entries(perSecond).map(([event, most]) => {
        const costMs = SECOND_MS / most;
        return [event, { costMs, burstMs: Math.max(0, SECOND_MS - costMs) }];
      }),
    );
    const costsMs = [...this.#events.values()].map(({ costMs }) => costMs);
    this.#generationMs = Math.max(SECOND_MS, ...costsMs);
  }

  /** Clients of whom something is known. */
  get known(): number {
    return this.#younger.size + this.#older.size;
  }

  /** Counts an event. @returns whether its client may send it now */
  take(session: object, event: string, nowMs: number = performance.now()): boolean {
    const limited = this.#events.get(event);
    if (limited === undefined) return true;
    const used = this.#usedBy(session);
    const earliestMs = nowMs - limited.burstMs;
    const usedMs = Math.max(used.get(event) ?? earliestMs, earliestMs);
    if (usedMs > nowMs + NO_TIME_MS) return false;
    used.set(event, usedMs + limited.costMs);
    return true;
  }

  /** The session has ended. */
  forget(session: object): void {
    if (!this.#younger.delete(session)) this.#older.delete(session);
  }

  /** Forgets who was not heard for a generation. */
  readonly forgetOld = (): void => {
    this.#isScheduled = false;
    this.#older = this.#younger;
    this.#younger = new Map();
    if (this.known > 0) this.#schedule();
  };

  #usedBy(session: object): Map<string, number> {
    let used = this.#younger.get(session);
    if (used !== undefined) return used;
    used = this.#older.get(session) ?? new Map<string, number>();
    this.#older.delete(session);
    this.#younger.set(session, used);
    this.#schedule();
    return used;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setTimeout(this.forgetOld, this.#generationMs).unref();
  }
}
