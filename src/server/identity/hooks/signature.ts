/**
 * The signature by which a backend knows that a hook comes from its own node, and is no old one.
 *
 * It is HMAC-SHA256 (RFC 2104, FIPS 180-4) of the time, a full stop and the body, as the bytes that
 * are sent. The time is in it, so that who has caught a call cannot send it again for long; the id
 * stands in the body.
 */

import { createHmac } from 'node:crypto';

/** What the signature begins with, so that another algorithm can be told from it one day. */
const ALGORITHM = 'sha256=';

/**
 * @param secret the text of `hookSecret`; its UTF-8 bytes are the key
 * @param timestamp milliseconds since 1970, in decimal digits, as the header has it
 * @param body the whole body
 * @returns `sha256=` and 64 hexadecimal digits in lower case
 */
export function signatureOf(secret: string, timestamp: string, body: string): string {
  const hmac = createHmac('sha256', secret);
  return ALGORITHM + hmac.update(timestamp).update('.').update(body).digest('hex');
}
