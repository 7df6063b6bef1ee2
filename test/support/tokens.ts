/** Tokens as a test needs them, good and bad, and the keys behind them. */

import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { type CryptoKey, exportJWK, type JWK, SignJWT } from 'jose';

export type PublicAlgorithm = 'RS256' | 'ES256' | 'EdDSA';

export interface SigningKey {
  readonly algorithm: PublicAlgorithm;
  readonly kid: string;
  readonly privateKey: KeyObject;
  /** In PEM form. */
  readonly pem: string;
  readonly jwk: JWK;
}

export type Claims = Readonly<Record<string, unknown>>;

const KINDS = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
};

export async function newKey(algorithm: PublicAlgorithm, kid: string): Promise<SigningKey> {
  const { publicKey, privateKey } = KINDS[algorithm]();
  const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const jwk = { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' };
  return { algorithm, kid, privateKey, pem, jwk };
}

export function keySetOf(...keys: readonly SigningKey[]): string {
  return JSON.stringify({ keys: keys.map(({ jwk }) => jwk) });
}

/** Seconds since the epoch, some from now. */
export function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1_000) + seconds;
}

export function signed(
  key: SigningKey,
  claims: Claims,
  head: { readonly alg?: string; readonly kid?: string | undefined } = {},
): Promise<string> {
  const { kid } = { kid: key.kid, ...head };
  const header = { alg: head.alg ?? key.algorithm, ...(kid === undefined ? {} : { kid }) };
  return new SignJWT({ ...claims })
    .setProtectedHeader(header)
    .sign(key.privateKey as unknown as CryptoKey);
}

/** By hand, with whatever head: what no library would write. */
export function madeUp(head: Claims, claims: Claims, secret?: string): string {
  const text = [head, claims].map(encoded).join('.');
  if (secret === undefined) return `${text}.`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

export function encoded(part: unknown): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
