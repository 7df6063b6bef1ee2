/**
 * Honest clients for all tests of a file, which attack the same server one after another.
 *
 *     watch = await HonestWatch.start(node.url); // once
 *     await watch.expectServedDuring(() => attack()); // in each test
 *
 * They start once, and what is quiet is measured once; each attack costs its own time and a moment
 * after it, in which the server must have recovered. Only where they were not served in time is the
 * attack made once more, and quiet measured again: a machine may have got other work just then.
 * What they lose, by a failure or a disconnect, counts each time.
 */

import {
  expectNothingLost,
  expectRecovered,
  expectServed,
  HonestClients,
  type HonestFigures,
  type HonestOptions,
  isInTime,
  slower,
} from './honest-clients.ts';

const QUIET_MS = 1_500;
const RECOVERED_MS = 700;

export interface WatchOptions extends HonestOptions {
  /** For how long it is watched after an attack whether they are served. */
  readonly recoveredMs?: number;
}

export type Attack = (begin: () => Promise<void>) => Promise<void>;

export class HonestWatch implements AsyncDisposable {
  readonly #clients: HonestClients;
  readonly #quiet: HonestFigures;
  readonly #recoveredMs: number;

  private constructor(clients: HonestClients, quiet: HonestFigures, recoveredMs: number) {
    this.#clients = clients;
    this.#quiet = quiet;
    this.#recoveredMs = recoveredMs;
  }

  /** Starts them, and measures how they are served without an attack. */
  static async start(
    url: string,
    { recoveredMs = RECOVERED_MS, ...options }: WatchOptions = {},
  ): Promise<HonestWatch> {
    const clients = await HonestClients.start(url, options);
    await Bun.sleep(QUIET_MS);
    return new HonestWatch(clients, await clients.take(), recoveredMs);
  }

  /**
   * Attacks, if need be twice; fails unless they are served meanwhile and after, as `expectServed`
   * says.
   *
   * @param attack may call what it is given once it is ready: what was before that is no part of it
   */
  async expectServedDuring(attack: Attack): Promise<void> {
    const first = await this.#attacked(attack);
    if (isInTime(first)) {
      expectServed(first, this.#quiet);
      return;
    }
    expectNothingLost(first);
    const second = await this.#attacked(attack);
    await Bun.sleep(QUIET_MS);
    expectServed(second, slower(this.#quiet, await this.#clients.take()));
  }

  async #attacked(attack: Attack): Promise<HonestFigures> {
    // What came before belongs to no attack.
    const begin = async (): Promise<void> => void (await this.#clients.take());
    await begin();
    await attack(begin);
    const attacked = await this.#clients.take();
    await Bun.sleep(this.#recoveredMs);
    expectRecovered(await this.#clients.take(), this.#quiet, attacked);
    return attacked;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#clients[Symbol.asyncDispose]();
  }
}
