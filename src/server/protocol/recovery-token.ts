/**
 * What a client presents to have its session back: the session's id and a proof that it was given
 * it. Nothing is kept for it, since whoever has the node's key can make it again.
 *
 *     id (24) | the first 16 bytes of HMAC-SHA-256(key, id), in base64url (22)
 *
 * Source: RFC 2104; truncated as its section 5 allows.
 */

import { createHmac } from 'node:crypto';
import { sameSessionId } from './session-id.ts';

const ID_LENGTH = 24;
const PROOF_BYTES = 16;
const TOKEN = /^[A-Za-z0-9_-]{46}$/;

export const RECOVERY_KEY_BYTES = 32;

export function recoveryToken(key: string, id: string): string {
  const proof = createHmac('sha256', key).update(id).digest();
  return id + proof.toString('base64url', 0, PROOF_BYTES);
}

/** @returns the id of the session, when the token was made with this key */
export function readRecoveryToken(key: string, token: unknown): string | undefined {
  if (typeof token !== 'string' || !TOKEN.test(token)) return undefined;
  const id = token.slice(0, ID_LENGTH);
  return sameSessionId(recoveryToken(key, id), token) ? id : undefined;
}
