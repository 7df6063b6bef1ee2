/**
 * The worker's one timer for what has to be looked at now and then, and the lag of its loop.
 *
 * A worker that nobody uses spends its time on waking up, some 0.1 ms each time, so what could have
 * a timer of its own has its turn at a beat that comes anyway. How late a beat comes is the lag.
 */

/** Time from one beat to the next; stalls that are shorter are of no interest. */
export const BEAT_MS = 125;

interface Task {
  readonly beats: number;
  readonly run: () => void;
}

export class Pulse {
  readonly #tasks: Task[] = [];
  readonly #nowMs: () => number;
  #beat = 0;
  #dueAtMs = 0;
  #lagMaxMs = 0;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Has `run` called each `beats` beats. It MUST NOT throw. */
  every(beats: number, run: () => void): void {
    this.#tasks.push({ beats, run });
  }

  start(): void {
    this.#dueAtMs = this.#nowMs() + BEAT_MS;
    setInterval(() => this.beat(), BEAT_MS).unref();
  }

  /** Measures how late it is, and has those run whose turn it is. */
  beat(): void {
    const nowMs = this.#nowMs();
    this.#lagMaxMs = Math.max(this.#lagMaxMs, nowMs - this.#dueAtMs);
    this.#dueAtMs = nowMs + BEAT_MS;
    this.#beat++;
    for (const { beats, run } of this.#tasks) if (this.#beat % beats === 0) run();
  }

  /** The longest lag since this was last called. */
  takeLagMaxMs(): number {
    const lagMs = this.#lagMaxMs;
    this.#lagMaxMs = 0;
    return lagMs;
  }
}
