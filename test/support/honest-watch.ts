/**
 * Honest clients for all tests of a file, which attack the same server one after another.
 *
 *     watch = await HonestWatch.start(node.url); // once
 *     await watch.expectServedDuring(() => attack()); // in each test
 *
 * They start once, and what is quiet is measured once; each attack costs its own time and a moment
 * after it, in which the server must have recovered. Only where they were not served in time is
 * quiet measured again: a machine may have got other work since.
 */

import {
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

  /** Attacks; fails unless they are served meanwhile and after, as `expectServed` says. */
  async expectServedDuring(attack: () => Promise<void>): Promise<void> {
    // What came since the last attack belongs to none.
    await this.#clients.take();
    await attack();
    const attacked = await this.#clients.take();
    await Bun.sleep(this.#recoveredMs);
    expectRecovered(await this.#clients.take(), this.#quiet, attacked);
    if (isInTime(attacked)) expectServed(attacked, this.#quiet);
    else {
      await Bun.sleep(QUIET_MS);
      expectServed(attacked, slower(this.#quiet, await this.#clients.take()));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#clients[Symbol.asyncDispose]();
  }
}
