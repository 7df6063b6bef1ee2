/** A secret that all nodes of a cluster have: the first one's. */

import type { RedisCommands } from './redis-commands.ts';

/** What a node makes itself, in base64url. */
const SECRET = /^[A-Za-z0-9_-]{16,128}$/;

/**
 * @param own is taken where there is none yet
 * @throws Error when Redis does not answer, or has under the key what is no secret
 */
export async function sharedSecret(
  redis: RedisCommands,
  key: string,
  own: string,
): Promise<string> {
  const [, secret] = await redis.pipeline(key, [
    ['SET', key, own, 'NX'],
    ['GET', key],
  ]);
  if (typeof secret === 'string' && SECRET.test(secret)) return secret;
  throw new Error(`Redis has at ${key} what is no secret of a node: delete the key`);
}
