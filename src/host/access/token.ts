/**
 * Tokens: what whoever gives orders to a part of Holdfast must present. One rule for all of them,
 * wherever one comes from, and one comparison that tells nothing about the right one.
 */

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Enough that guessing over a network is hopeless, and no character that a header may not hold. */
export const TOKEN_PATTERN: RegExp = /^[!-~]{16,}$/;
/** Completes "it must be …". */
export const TOKEN_RULE = '16 or more visible ASCII characters';

const MADE_BYTES = 24;

export function isToken(text: string): boolean {
  return TOKEN_PATTERN.test(text);
}

/** A new one that nobody can guess. */
export function makeToken(): string {
  return randomBytes(MADE_BYTES).toString('hex');
}

/** Whether the `Authorization` header of a request presents the token. */
export type BearerCheck = (authorization: string | null) => boolean;

/** @throws Error when the token breaks the rule: an empty one would admit whoever presents none */
export function bearerCheck(token: string): BearerCheck {
  if (!isToken(token)) throw new Error(`a token must be ${TOKEN_RULE}`);
  const expected = digest(token);
  return (authorization) => {
    const presented = /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? '';
    // Digests have one length, so that the comparison tells nothing about the token's.
    return timingSafeEqual(digest(presented), expected);
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
