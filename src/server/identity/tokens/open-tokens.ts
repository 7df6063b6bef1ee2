/** Tokens as the config has them: which keys, which library, which claims. */

import type * as Jose from 'jose';
import { isLoopback } from '../../../host/access/loopback.ts';
import type { IdentityConfig, TokenAlgorithm } from '../../../host/config/identity.ts';
import type { ForeignJson } from '../../../host/runtime/foreign-json.ts';
import type { IdentitySource } from '../../core/contracts/identity.ts';
import type { Log } from '../../core/log/log.ts';
import { KeyFile } from './key-file.ts';
import { KeySet } from './key-set.ts';
import { KeyUrl } from './key-url.ts';
import { SecretKey, type TokenKeys } from './token-keys.ts';
import { TokenSource } from './token-source.ts';

export interface TokenNeeds {
  readonly log: Log;
  readonly json: Pick<ForeignJson, 'faultIn'>;
}

const PUBLIC: readonly TokenAlgorithm[] = ['RS256', 'ES256', 'EdDSA'];

/**
 * The library is loaded here: a worker without tokens does without.
 *
 * @throws Error whose message is a sentence that says what is wrong with the keys
 */
export async function openTokens(
  config: IdentityConfig,
  { log, json }: TokenNeeds,
): Promise<IdentitySource> {
  const jose = await import('jose');
  const all: readonly TokenAlgorithm[] = config.tokenSecret === undefined ? PUBLIC : ['HS256'];
  const { tokenAlgorithms, tokenDataClaim: data, tokenCookie: cookie } = config;
  return new TokenSource({
    jose,
    keys: await keysOf(config, jose, log),
    // Of another family none is listed (host/config/relations.ts); this holds it here, too.
    algorithms:
      tokenAlgorithms.length === 0 ? all : tokenAlgorithms.filter((one) => all.includes(one)),
    audience: config.tokenAudience,
    issuer: config.tokenIssuer,
    toleranceMs: config.tokenToleranceMs,
    claims: {
      user: config.tokenUserClaim,
      rooms: config.tokenRoomsClaim,
      join: config.tokenJoinClaim,
      data,
    },
    places: { query: config.tokenQuery, cookie },
    allowAnonymous: config.allowAnonymous,
    json,
  });
}

async function keysOf(
  { tokenSecret, tokenKeyFile: path, tokenKeysUrl: url }: IdentityConfig,
  jose: typeof Jose,
  log: Log,
): Promise<TokenKeys> {
  const read = (text: string): KeySet => KeySet.read(text, jose);
  if (tokenSecret !== undefined) return await SecretKey.of(tokenSecret);
  if (path !== undefined) return new KeyFile({ path, log, read });
  if (url === undefined) throw new Error('No keys of tokens are configured.');
  const { protocol, hostname } = new URL(url);
  if (protocol === 'http:' && !isLoopback(hostname.replace(/[[\]]/g, ''))) {
    log.warn('tokenKeysUrl is not https: whoever is on the way can put in keys of his own');
  }
  const keys = new KeyUrl({ url, log, read });
  await keys.fetch();
  return keys;
}
