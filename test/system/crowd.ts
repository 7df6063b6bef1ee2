/** The test's end of crowd-host.mjs: many clients in a Node.js process of their own. */

import { join } from 'node:path';
import type { ClientOptions } from './clients.ts';

/** What one client has lived through so far. */
export interface ClientState {
  readonly connects: number;
  readonly errors: readonly string[];
  readonly disconnects: readonly string[];
  readonly reconnectAttempts: number;
  /** Heartbeats of the server. */
  readonly pings: number;
  readonly transport?: string;
  /** Lists of arguments, by event. */
  readonly heard: Readonly<Record<string, readonly (readonly unknown[])[]>>;
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

export class Crowd implements AsyncDisposable {
  readonly #child: Bun.Subprocess<'pipe', 'pipe', 'inherit'>;
  readonly #pending: Map<number, PromiseWithResolvers<unknown>> = new Map();
  #lastId = 0;

  constructor() {
    this.#child = Bun.spawn(['node', join(import.meta.dir, 'crowd-host.mjs')], {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'inherit',
    });
    void this.#read();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Opens one client for each of the options, and waits until each has connected or failed. */
  async connect(url: string, clients: readonly ClientOptions[]): Promise<void> {
    await this.#call('connect', url, clients);
  }

  async states(): Promise<readonly ClientState[]> {
    return (await this.#call('states')) as ClientState[];
  }

  /** The server's acks to the same event from every client. */
  async ask<T>(event: string, ...args: readonly unknown[]): Promise<readonly T[]> {
    return (await this.#call('ask', event, ...args)) as T[];
  }

  /** Every client passes random bytes to and fro; says `same`, or what went wrong. */
  async exchange(lengths: readonly number[]): Promise<readonly string[]> {
    return (await this.#call('exchange', lengths)) as string[];
  }

  async close(): Promise<void> {
    await this.#call('close');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#child.exited;
  }

  #call(method: string, ...args: readonly unknown[]): Promise<unknown> {
    const id = ++this.#lastId;
    const pending = Promise.withResolvers<unknown>();
    this.#pending.set(id, pending);
    void this.#child.stdin.write(`${JSON.stringify({ id, method, args })}\n`);
    void this.#child.stdin.flush();
    return pending.promise;
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of this.#child.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#settle(JSON.parse(line) as Answer);
    }
    for (const { reject } of this.#pending.values()) reject(new Error('the crowd has ended'));
  }

  #settle({ id, result, error }: Answer): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (error === undefined) pending?.resolve(result);
    else pending?.reject(new Error(error));
  }
}
