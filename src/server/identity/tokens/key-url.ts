/**
 * Keys from a web address, as identity providers publish them.
 *
 * They are fetched at the start, again when they are old, and when a token names a key that is not
 * among them, since providers change keys before they sign with them. Questions are paced, so that
 * tokens with made-up keys do not become a flood there; all who wait for one answer share it. While
 * there is no answer the keys stay as they are.
 */

import type { CryptoKey, JWTHeaderParameters } from 'jose';
import { ask, readText } from '../../../host/foreign/ask.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { Log } from '../../core/log/log.ts';
import type { KeySet } from './key-set.ts';
import { NoKeys, type TokenKeys, UnknownKey } from './token-keys.ts';

export interface KeyUrlOptions {
  readonly url: string;
  readonly log: Pick<Log, 'warn'>;
  /** Reads a text. @throws Error whose message is a clause that begins with "it" */
  readonly read: (text: string) => KeySet;
  /** The time in milliseconds. */
  readonly now?: () => number;
}

const OK = 200;

export class KeyUrl implements TokenKeys {
  readonly #options: KeyUrlOptions;
  readonly #now: () => number;
  #keys: KeySet | undefined;
  #fetchedAtMs = Number.NEGATIVE_INFINITY;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;

  constructor(options: KeyUrlOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  async keyFor(header: JWTHeaderParameters): Promise<CryptoKey> {
    const ageMs = this.#now() - this.#fetchedAtMs;
    // Nobody waits for what is likely to be the same as before, unless nobody has come for long.
    if (ageMs > 2 * LIMITS.tokenKeysFreshMs) await this.fetch();
    else if (ageMs > LIMITS.tokenKeysFreshMs) void this.fetch();
    try {
      return await this.#find(header);
    } catch (error) {
      if (!(error instanceof UnknownKey) || !(await this.fetch())) throw error;
      return await this.#find(header);
    }
  }

  /** Asks for the keys, unless that was done just now. @returns whether it was asked */
  async fetch(): Promise<boolean> {
    if (this.#asking === undefined) {
      if (this.#now() - this.#askedAtMs < LIMITS.tokenKeysPaceMs) return false;
      this.#askedAtMs = this.#now();
      this.#asking = this.#fetch();
    }
    await this.#asking;
    return true;
  }

  #find(header: JWTHeaderParameters): Promise<CryptoKey> {
    if (this.#keys === undefined) throw new NoKeys();
    return this.#keys.keyFor(header);
  }

  async #fetch(): Promise<void> {
    const { url, read, log } = this.#options;
    try {
      const answer = await ask(url, {
        headers: { accept: 'application/jwk-set+json, application/json' },
        timeoutMs: LIMITS.tokenKeysTimeoutMs,
      });
      if (answer.status !== OK) {
        await answer.body?.cancel();
        throw new Error(`it answers with ${answer.status}`);
      }
      this.#keys = read(await readText(answer, LIMITS.tokenKeysBytes));
      this.#fetchedAtMs = this.#now();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const what = this.#keys === undefined ? 'there are none' : 'those from before are used';
      log.warn(`the keys of tokens cannot be fetched, ${what}`, { url, reason });
    } finally {
      this.#asking = undefined;
    }
  }
}
