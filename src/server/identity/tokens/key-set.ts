/**
 * Public keys as a JWK set (RFC 7517 §5), one JWK, or PEM: read, judged, and found by a token's
 * header.
 *
 * A set may have keys of kinds or uses that are not ours, which are passed over. One that holds a
 * private key or a secret is refused as a whole: somebody has put the wrong file there, and what
 * stands where all can read it is no secret any more.
 */

import type * as Jose from 'jose';
import { foreignJson } from '../../../host/foreign/parsed.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { UnknownKey } from './token-keys.ts';

type Find = Jose.LocalJWKSet;
type JoseModule = Pick<typeof Jose, 'createLocalJWKSet' | 'errors'>;

/** 2,048 bits (RFC 7518 §3.3) in base64url. */
const RSA_MODULUS_CHARACTERS_MIN = 342;
/** Members that only private keys and secrets have (RFC 7518 §6). */
const SECRET_MEMBERS = ['d', 'k', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'priv'];

export class KeySet {
  readonly #find: Find;
  readonly #errors: typeof Jose.errors;

  private constructor(keys: readonly Jose.JWK[], jose: JoseModule) {
    this.#find = jose.createLocalJWKSet({ keys: [...keys] });
    this.#errors = jose.errors;
  }

  /** @throws Error whose message is a clause that begins with "it" */
  static read(text: string, jose: JoseModule): KeySet {
    const keys = text.trimStart().startsWith('{') ? keysOfJson(text) : [keyOfPem(text)];
    if (keys.length > LIMITS.tokenKeys) {
      throw new Error(`it has more than ${LIMITS.tokenKeys} keys`);
    }
    if (keys.some(isSecret)) throw new Error('it holds a private key or a secret');
    const usable = keys.filter(isUsable);
    if (usable.length === 0) {
      throw new Error('it has no public key of RSA (2048 bits and more), EC P-256 or Ed25519');
    }
    return new KeySet(usable, jose);
  }

  /** @throws UnknownKey when none or several fit */
  async keyFor({ alg, kid }: Jose.JWTHeaderParameters): Promise<Jose.CryptoKey> {
    try {
      return await this.#find({ alg, ...(kid === undefined ? {} : { kid }) });
    } catch (error) {
      const { JWKSNoMatchingKey, JWKSMultipleMatchingKeys } = this.#errors;
      const isUnknown =
        error instanceof JWKSNoMatchingKey || error instanceof JWKSMultipleMatchingKeys;
      throw isUnknown ? new UnknownKey() : error;
    }
  }
}

function keysOfJson(text: string): readonly Jose.JWK[] {
  let value: unknown;
  try {
    value = foreignJson().parse(text);
  } catch {
    throw new Error('it is no JSON');
  }
  const { keys = [value] } = value as { readonly keys?: unknown };
  if (!Array.isArray(keys)) throw new Error('its `keys` are no list');
  return keys.filter((key): key is Jose.JWK => typeof key === 'object' && key !== null);
}

/** A public key, or a certificate with one. */
function keyOfPem(text: string): Jose.JWK {
  if (text.includes('PRIVATE KEY-----')) throw new Error('it holds a private key');
  const { createPublicKey } = process.getBuiltinModule('node:crypto');
  try {
    return createPublicKey(text).export({ format: 'jwk' }) as Jose.JWK;
  } catch {
    throw new Error('it is neither a public key in PEM form nor a JWK or JWK set');
  }
}

function isSecret(key: Jose.JWK): boolean {
  return key.kty === 'oct' || SECRET_MEMBERS.some((member) => Object.hasOwn(key, member));
}

/** RFC 7518 §6, RFC 8037 §2. */
function isUsable({ kty, crv, n, use }: Jose.JWK): boolean {
  if (use !== undefined && use !== 'sig') return false;
  if (kty === 'RSA') return typeof n === 'string' && n.length >= RSA_MODULUS_CHARACTERS_MIN;
  return (kty === 'EC' && crv === 'P-256') || (kty === 'OKP' && crv === 'Ed25519');
}
