/** The small client, with all that it told kept, for tests that wait for what it tells. */

import {
  type Client,
  type ClientOptions,
  connect,
  type StateChange,
} from '../../src/client/index.ts';
import { ANSWER_TIMEOUT_MS, within } from './raw-deadline.ts';

export class WatchedClient implements Disposable {
  readonly client: Client;
  readonly changes: StateChange[] = [];
  readonly errors: Error[] = [];
  /** The arguments of the events that were asked for, with their names, in order. */
  readonly heard: unknown[][] = [];
  readonly #watchers: Set<() => void> = new Set();

  /** @param events whose arguments are to be kept */
  constructor(url: string, options: ClientOptions = {}, events: readonly string[] = []) {
    this.client = connect(url, {
      reconnectDelayMs: 20,
      maxReconnectDelayMs: 100,
      onError: (error) => this.#keep(() => this.errors.push(error)),
      ...options,
      onState: (change) => {
        this.#keep(() => this.changes.push(change));
        options.onState?.(change);
      },
    });
    for (const event of events) {
      this.client.on(event, (...args) => this.#keep(() => this.heard.push([event, ...args])));
    }
  }

  /** The states so far, in words. */
  get states(): readonly string[] {
    return this.changes.map(({ state }) => state);
  }

  [Symbol.dispose](): void {
    this.client.close();
  }

  /** The next change to a state, or the one that is now. */
  async reached<Name extends StateChange['state']>(
    state: Name,
    count = 1,
  ): Promise<Extract<StateChange, { state: Name }>> {
    const find = (): StateChange | undefined =>
      this.changes.filter((change) => change.state === state)[count - 1];
    await this.until(`the client is ${state}`, () => find() !== undefined);
    return find() as Extract<StateChange, { state: Name }>;
  }

  /** Waits until what the client has told so far is right. */
  async until(
    what: string,
    isRight: () => boolean,
    timeoutMs: number = ANSWER_TIMEOUT_MS,
  ): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => {
      if (isRight()) resolve();
    };
    this.#watchers.add(look);
    look();
    try {
      await within(what, promise, timeoutMs);
    } catch (cause) {
      const told = JSON.stringify([this.changes, this.heard, this.errors.map(String)]);
      throw new Error(`${what}: ${told}`, { cause });
    } finally {
      this.#watchers.delete(look);
    }
  }

  #keep(keep: () => void): void {
    keep();
    for (const watch of this.#watchers) watch();
  }
}
