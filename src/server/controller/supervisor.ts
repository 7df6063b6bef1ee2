/**
 * Keeps a fixed number of worker processes running.
 *
 * A worker that dies is replaced at once; one that dies again and again, soon after its start,
 * waits longer each time. The supervisor knows nothing of what a worker does: it is told how to
 * spawn one, when one is ready, and what went wrong. No process outlives `stop`.
 *
 *     starting ──markReady──▶ running ──exit──▶ starting (early deaths: backing-off in between)
 *                             running ◀──markStalled, markAnswering──▶ stalled ──exit──▶ …
 *         any of them ──stop──▶ stopping
 */
import type { Log } from '../core/log/log.ts';
import type { WorkerState } from './node-view.ts';
import { StartError } from './start-error.ts';

export interface WorkerProcess {
  readonly pid: number;
  /** MUST resolve with the exit code when the process is gone, and MUST NOT reject. */
  readonly exited: Promise<number>;
  /** MUST NOT throw when the process is gone already. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

export interface Clock {
  nowMs(): number;
  /** Runs the callback once after the delay, unless the function returned is called before. */
  after(delayMs: number, run: () => void): () => void;
}

export interface SupervisorOptions {
  readonly count: number;
  /** Starts the process of a worker; may throw. */
  spawn(index: number): WorkerProcess;
  readonly log: Log;
  readonly clock?: Clock;
  /** A worker not ready by then is killed, and counts as dead. */
  readonly readyTimeoutMs?: number;
}

export interface SupervisedWorker {
  readonly index: number;
  readonly pid: number | undefined;
  readonly state: WorkerState;
  readonly restarts: number;
  readonly stalls: number;
}

interface Slot {
  readonly index: number;
  state: WorkerState;
  restarts: number;
  stalls: number;
  process: WorkerProcess | undefined;
  startedAtMs: number;
  /** Deaths soon after the start, since the worker last ran for long. */
  earlyDeaths: number;
  /** Why the worker cannot go on, in its own words. */
  failure: string | undefined;
  /** Cancels the one timer of the slot: time to get ready, or back-off. */
  cancelTimer: () => void;
}

/** Settles the promise that `start` returned. */
interface PendingStart {
  resolve(): void;
  reject(error: StartError): void;
}

const EARLY_DEATH_MS = 10_000;
const STABLE_MS = 60_000;
const BACK_OFF_FIRST_MS = 1_000;
const BACK_OFF_MAX_MS = 30_000;
const READY_TIMEOUT_MS = 60_000;
/** How long workers may take to end after another one failed to start. */
const ABORT_GRACE_MS = 2_000;
/** How long one that was not ready yet may take to end when the node is stopped. */
const UNBORN_GRACE_MS = 2_000;

const realClock: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #clock: Clock;
  readonly #slots: readonly Slot[];
  #pendingStart: PendingStart | undefined;
  #isStopping = false;
  #wasForced = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#clock = options.clock ?? realClock;
    this.#slots = Array.from({ length: options.count }, (_, index) => ({
      index,
      state: 'starting',
      restarts: 0,
      stalls: 0,
      process: undefined,
      startedAtMs: 0,
      earlyDeaths: 0,
      failure: undefined,
      cancelTimer: () => {},
    }));
  }

  /**
   * Starts all workers and waits until each is ready.
   * @throws StartError when one of them is not; none is left running then
   */
  start(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#pendingStart = { resolve, reject };
    for (const slot of this.#slots) {
      if (!this.#isStopping) this.#launch(slot);
    }
    return promise;
  }

  /** The worker takes sessions. */
  markReady(index: number): void {
    const slot = this.#slots[index];
    if (slot?.state !== 'starting') return;
    slot.cancelTimer();
    slot.state = 'running';
    if (slot.restarts > 0) {
      this.#options.log.info(`worker ${index} is running again`, { worker: index });
    }
    if (this.#slots.every(hasStarted)) this.#settleStart();
  }

  /** The worker runs and does not answer. */
  markStalled(index: number): void {
    const slot = this.#slots[index];
    if (slot?.state !== 'running') return;
    slot.state = 'stalled';
    slot.stalls += 1;
  }

  /** It answers again. */
  markAnswering(index: number): void {
    const slot = this.#slots[index];
    if (slot?.state === 'stalled') slot.state = 'running';
  }

  /** Ends a worker that cannot be told to: another takes its place. */
  replace(index: number, reason: string): void {
    const slot = this.#slots[index];
    if (slot === undefined || !hasStarted(slot)) return;
    slot.failure ??= reason;
    slot.process?.kill('SIGKILL');
  }

  /** The worker says why it is about to end; told to whoever waits for its start. */
  reportFailure(index: number, message: string): void {
    const slot = this.#slots[index];
    if (slot) slot.failure ??= message;
  }

  workers(): readonly SupervisedWorker[] {
    return this.#slots.map(({ index, process, state, restarts, stalls }) => {
      return { index, pid: process?.pid, state, restarts, stalls };
    });
  }

  /**
   * Ends all workers, by force once the time is over; a second call can shorten the time.
   * @returns false when force was needed
   */
  async stop(timeoutMs: number): Promise<boolean> {
    let cancelUnborn = (): void => {};
    if (!this.#isStopping) {
      this.#isStopping = true;
      // These have no sessions that would take their time, and may stand still in the app's start.
      const unborn = this.#slots.filter(({ state }) => state === 'starting');
      cancelUnborn = this.#clock.after(UNBORN_GRACE_MS, () => {
        for (const slot of unborn) slot.process?.kill('SIGKILL');
      });
      for (const slot of this.#slots) {
        slot.cancelTimer();
        slot.state = 'stopping';
        slot.process?.kill('SIGTERM');
      }
    }
    const cancel = this.#clock.after(timeoutMs, () => this.#killAll());
    do {
      await Promise.all(this.#slots.flatMap(({ process }) => process?.exited ?? []));
    } while (this.#slots.some((slot) => slot.process));
    cancel();
    cancelUnborn();
    this.#settleStart(new StartError('The node was stopped before all workers were ready.'));
    return !this.#wasForced;
  }

  #launch(slot: Slot): void {
    slot.state = 'starting';
    slot.failure = undefined;
    slot.startedAtMs = this.#clock.nowMs();
    let process: WorkerProcess;
    try {
      process = this.#options.spawn(slot.index);
    } catch (error) {
      this.#replace(slot, `could not be spawned (${String(error)})`);
      return;
    }
    slot.process = process;
    void process.exited.then((code) => this.#exited(slot, code));
    if (this.#isStopping) {
      process.kill('SIGKILL');
      return;
    }
    const readyTimeoutMs = this.#options.readyTimeoutMs ?? READY_TIMEOUT_MS;
    slot.cancelTimer = this.#clock.after(readyTimeoutMs, () => {
      slot.failure ??= `was not ready within ${readyTimeoutMs} ms`;
      process.kill('SIGKILL');
    });
  }

  #exited(slot: Slot, code: number): void {
    slot.process = undefined;
    slot.cancelTimer();
    if (!this.#isStopping) this.#replace(slot, slot.failure ?? `exited with code ${code}`);
  }

  /** Decides what follows the death of a worker. */
  #replace(slot: Slot, reason: string): void {
    if (this.#pendingStart) {
      const sentence = `Worker ${slot.index} did not start: ${reason}`;
      void this.#abortStart(sentence.replace(/\.?$/, '.'));
      return;
    }
    const ranMs = this.#clock.nowMs() - slot.startedAtMs;
    if (ranMs >= STABLE_MS) slot.earlyDeaths = 0;
    const delayMs = ranMs < EARLY_DEATH_MS ? backOffMs(slot.earlyDeaths++) : 0;
    const when = delayMs === 0 ? 'at once' : `in ${delayMs / 1000} s`;
    this.#options.log.warn(`worker ${slot.index} ended (${reason}) and is started again ${when}`, {
      worker: slot.index,
      ranMs: Math.round(ranMs),
    });
    slot.restarts += 1;
    if (delayMs === 0) {
      this.#launch(slot);
      return;
    }
    slot.state = 'backing-off';
    slot.cancelTimer = this.#clock.after(delayMs, () => this.#launch(slot));
  }

  async #abortStart(message: string): Promise<void> {
    const pending = this.#pendingStart;
    this.#pendingStart = undefined;
    await this.stop(ABORT_GRACE_MS);
    pending?.reject(new StartError(message));
  }

  #settleStart(error?: StartError): void {
    const pending = this.#pendingStart;
    this.#pendingStart = undefined;
    if (error) pending?.reject(error);
    else pending?.resolve();
  }

  #killAll(): void {
    for (const { process } of this.#slots) {
      if (process) this.#wasForced = true;
      process?.kill('SIGKILL');
    }
  }
}

function hasStarted({ state }: Slot): boolean {
  return state === 'running' || state === 'stalled';
}

/** 0, 1 s, 2 s, 4 s … up to the cap. */
function backOffMs(earlyDeaths: number): number {
  if (earlyDeaths === 0) return 0;
  return Math.min(BACK_OFF_FIRST_MS * 2 ** (earlyDeaths - 1), BACK_OFF_MAX_MS);
}
