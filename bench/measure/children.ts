/**
 * Owns every process that the benchmark started, so that none outlives it: not after an error, not
 * after Ctrl-C. Processes are ended by their id, and only those that are registered here, with what
 * runs below them when they had to be killed. What they leave in files is cleaned up after them.
 */

import { STOP_TIMEOUT_MS } from './limits.ts';
import { descendantsOf, killIfSame } from './process-tree.ts';

/** The part of a `Bun.spawn` result that is needed to end it. */
export interface Child {
  readonly pid: number;
  readonly exited: Promise<number>;
  readonly exitCode: number | null;
  readonly signalCode: number | string | null;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

export interface Custody {
  /** How long the process may take to end before it is killed. */
  readonly stopTimeoutMs?: number;
  /** Called once, when it has been stopped: for its files. MUST NOT throw. */
  readonly cleanUp?: () => void;
}

export class Children {
  readonly #custodies = new Map<Child, Custody>();

  add<T extends Child>(child: T, custody: Custody = {}): T {
    this.#custodies.set(child, custody);
    void child.exited.then(() => {
      // One that has ended by itself may have left files.
      if (custody.cleanUp === undefined) this.#custodies.delete(child);
    });
    return child;
  }

  /** Asks a process to end and kills it, with all below it, when it does not within its time. */
  async stop(child: Child): Promise<void> {
    const custody = this.#custodies.get(child);
    if (!hasEnded(child)) await end(child, custody?.stopTimeoutMs ?? STOP_TIMEOUT_MS);
    if (this.#custodies.delete(child)) custody?.cleanUp?.();
  }

  /** Also those that are added meanwhile, by whoever has not heard yet that it is over. */
  async stopAll(): Promise<void> {
    while (this.#custodies.size > 0) {
      await Promise.all([...this.#custodies.keys()].map((child) => this.stop(child)));
    }
  }
}

export function hasEnded(child: Child): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function end(child: Child, timeoutMs: number): Promise<void> {
  child.kill('SIGTERM');
  const hasStopped = await Promise.race([
    child.exited.then(() => true),
    Bun.sleep(timeoutMs).then(() => false),
  ]);
  if (!hasStopped) {
    // A launcher, a controller or a master that is killed tells its own processes nothing.
    const below = descendantsOf(child.pid);
    child.kill('SIGKILL');
    for (const known of below) killIfSame(known);
  }
  await child.exited;
}
