/**
 * Honest clients for all tests of a file, which attack the same server one after another.
 *
 *     watch = await HonestWatch.start(node.url); // once
 *     await watch.expectServedDuring(() => attack()); // in each test
 *
 * They start once, and what is quiet is measured once; each attack costs its own time and a moment
 * after it, in which the server must have recovered.
 */

import {
  expectRecovered,
  expectServed,
  HonestClients,
  type HonestFigures,
  type HonestOptions,
  slower,
} from './honest-clients.ts';

const QUIET_MS = 2_000;
const RECOVERED_MS = 1_000;

export class HonestWatch implements AsyncDisposable {
  readonly #clients: HonestClients;
  readonly #quiet: HonestFigures;

  private constructor(clients: HonestClients, quiet: HonestFigures) {
    this.#clients = clients;
    this.#quiet = quiet;
  }

  /** Starts them, and measures how they are served without an attack. */
  static async start(url: string, options: HonestOptions = {}): Promise<HonestWatch> {
    const clients = await HonestClients.start(url, options);
    await Bun.sleep(QUIET_MS);
    return new HonestWatch(clients, await clients.take());
  }

  /** Attacks; fails unless they are served meanwhile and after, as `expectServed` says. */
  async expectServedDuring(attack: () => Promise<void>): Promise<void> {
    // What came since the last attack belongs to none.
    await this.#clients.take();
    await attack();
    const attacked = await this.#clients.take();
    await Bun.sleep(RECOVERED_MS);
    const after = await this.#clients.take();
    expectRecovered(after, this.#quiet);
    expectServed(attacked, slower(this.#quiet, after));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#clients[Symbol.asyncDispose]();
  }
}
