/**
 * The benchmark's end of the load client: starts the process, sends it one command at a time and
 * waits for its answer.
 */

import type { Child, Children } from '../measure/children.ts';
import type { LoadAnswer, LoadCommand, LoadCounters, LoadSettings } from './messages.ts';

interface Pending {
  readonly resolve: (counters: LoadCounters) => void;
  readonly reject: (error: Error) => void;
}

export class LoadDriver {
  readonly #children: Children;
  readonly #child: Child & { send(message: unknown): void };
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  /** Told about the sessions established so far, about once a second. */
  onProgress: (established: number) => void = () => {};

  constructor(settings: LoadSettings, children: Children) {
    this.#children = children;
    this.#child = children.add(
      Bun.spawn([process.execPath, `${import.meta.dir}/main.ts`, JSON.stringify(settings)], {
        stdin: 'ignore',
        stdout: 'inherit',
        stderr: 'inherit',
        ipc: (message) => this.#answered(message as LoadAnswer),
      }),
    );
    void this.#child.exited.then((code) => {
      const error = new Error(`the load client ended with ${code}`);
      for (const { reject } of this.#pending.values()) reject(error);
      this.#pending.clear();
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  send(command: LoadCommand): Promise<LoadCounters> {
    const { promise, resolve, reject } = Promise.withResolvers<LoadCounters>();
    this.#lastId += 1;
    this.#pending.set(this.#lastId, { resolve, reject });
    this.#child.send({ ...command, id: this.#lastId });
    return promise;
  }

  stop(): Promise<void> {
    return this.#children.stop(this.#child);
  }

  #answered(answer: LoadAnswer): void {
    if (answer.kind === 'progress') {
      this.onProgress(answer.established);
      return;
    }
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if (answer.kind === 'done') pending?.resolve(answer.counters);
    else pending?.reject(new Error(`the load client gave up: ${answer.reason}`));
  }
}
