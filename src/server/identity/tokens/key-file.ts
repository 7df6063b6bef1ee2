/**
 * Keys from a file, read again when it changes.
 *
 * It is looked at when a token comes, once a second at the most: a node without clients does
 * nothing. A file that is not understood, as while it is being written, leaves the keys as they
 * were, which the log says once for each change.
 */

import { statSync } from 'node:fs';
import type { CryptoKey, JWTHeaderParameters } from 'jose';
import { readNamedFile, whyUnread } from '../../../host/foreign/named-file.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { Log } from '../../core/log/log.ts';
import type { KeySet } from './key-set.ts';
import type { TokenKeys } from './token-keys.ts';

export interface KeyFileOptions {
  readonly path: string;
  readonly log: Pick<Log, 'info' | 'error'>;
  /** Reads a text. @throws Error whose message is a clause that begins with "it" */
  readonly read: (text: string) => KeySet;
  /** The time in milliseconds. */
  readonly now?: () => number;
}

const LOOK_MS = 1_000;

export class KeyFile implements TokenKeys {
  readonly #options: KeyFileOptions;
  readonly #now: () => number;
  #keys: KeySet;
  #stamp: string;
  #lookedAtMs: number;

  /** @throws Error whose message is a sentence that names the file */
  constructor(options: KeyFileOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#lookedAtMs = this.#now();
    this.#stamp = stampOf(options.path);
    this.#keys = this.#read();
  }

  keyFor(header: JWTHeaderParameters): Promise<CryptoKey> {
    const nowMs = this.#now();
    if (nowMs - this.#lookedAtMs >= LOOK_MS) {
      this.#lookedAtMs = nowMs;
      this.#look();
    }
    return this.#keys.keyFor(header);
  }

  #look(): void {
    const { path, log } = this.#options;
    const stamp = stampOf(path);
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    try {
      this.#keys = this.#read();
      log.info('new keys of tokens are used from now on');
    } catch (error) {
      const reason = (error as Error).message;
      log.error('the key file of tokens has changed and is not used', { reason });
    }
  }

  #read(): KeySet {
    const { path, read } = this.#options;
    let text: string;
    try {
      text = readNamedFile(path, LIMITS.tokenKeysBytes).toString('utf8');
    } catch (cause) {
      throw new Error(`tokenKeyFile ${path} cannot be read (${whyUnread(cause)}).`, { cause });
    }
    try {
      return read(text);
    } catch (cause) {
      const { message } = cause as Error;
      throw new Error(`tokenKeyFile ${path} is not understood: ${message}.`, { cause });
    }
  }
}

/** Changes whenever the file does, or what a link leads to. */
function stampOf(path: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(path);
    return `${ino}:${size}:${mtimeMs}`;
  } catch {
    return 'missing';
  }
}
