/** The keys that tokens are signed with, wherever they come from. */

import type { CryptoKey, JWTHeaderParameters } from 'jose';

/**
 * MUST give a key of the kind that the algorithm has, and no other: a public key is known to all,
 * so HS256 with it as the secret would let anybody sign.
 */
export interface TokenKeys {
  /**
   * The key for a token, by its `alg` and `kid`.
   *
   * @throws UnknownKey when there is none, NoKeys when there are none at all at the moment
   */
  keyFor(header: JWTHeaderParameters): CryptoKey | Promise<CryptoKey>;
}

/** No key, or more than one, fits the token. */
export class UnknownKey extends Error {
  override readonly name: string = 'UnknownKey';
}

/** There are no keys yet to judge a token by. */
export class NoKeys extends Error {
  override readonly name: string = 'NoKeys';
}

/** A secret of HS256, which is one key for all tokens. */
export class SecretKey implements TokenKeys {
  readonly #key: CryptoKey;

  private constructor(key: CryptoKey) {
    this.#key = key;
  }

  static async of(secret: string): Promise<SecretKey> {
    const bytes = new TextEncoder().encode(secret);
    const hmac = { name: 'HMAC', hash: 'SHA-256' };
    return new SecretKey(await crypto.subtle.importKey('raw', bytes, hmac, false, ['verify']));
  }

  keyFor({ alg }: JWTHeaderParameters): CryptoKey {
    if (alg !== 'HS256') throw new UnknownKey();
    return this.#key;
  }
}
