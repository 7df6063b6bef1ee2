/**
 * Owns every process that the benchmark started, so that none outlives it: not after an error, not
 * after Ctrl-C. Processes are ended by their id, and only those that are registered here.
 */

import { STOP_TIMEOUT_MS } from './limits.ts';

/** The part of a `Bun.spawn` result that is needed to end it. */
export interface Child {
  readonly pid: number;
  readonly exited: Promise<number>;
  readonly exitCode: number | null;
  readonly signalCode: number | string | null;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

export class Children {
  readonly #running = new Set<Child>();

  add<T extends Child>(child: T): T {
    this.#running.add(child);
    void child.exited.then(() => this.#running.delete(child));
    return child;
  }

  /** Asks a process to end and kills it when it does not within `STOP_TIMEOUT_MS`. */
  async stop(child: Child): Promise<void> {
    if (hasEnded(child)) return;
    child.kill('SIGTERM');
    const ended = await Promise.race([
      child.exited.then(() => true),
      Bun.sleep(STOP_TIMEOUT_MS).then(() => false),
    ]);
    if (!ended) child.kill('SIGKILL');
    await child.exited;
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#running].map((child) => this.stop(child)));
  }
}

export function hasEnded(child: Child): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
