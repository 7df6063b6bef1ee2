/** What the config says of who clients are: the type of it, and its keys. */
import { z } from 'zod';
import { key } from './keys.ts';

/** Algorithms of signatures (RFC 7518 §3.1, RFC 8037 §3.1); `none` and the rest never pass. */
export type TokenAlgorithm = 'HS256' | 'RS256' | 'ES256' | 'EdDSA';

export interface IdentityConfig {
  readonly tokenSecret?: string | undefined;
  readonly tokenKeyFile?: string | undefined;
  readonly tokenKeysUrl?: string | undefined;
  readonly tokenAlgorithms: readonly TokenAlgorithm[];
  readonly tokenAudience?: string | undefined;
  readonly tokenIssuer?: string | undefined;
  readonly tokenToleranceMs: number;
  readonly tokenUserClaim: string;
  readonly tokenRoomsClaim: string;
  readonly tokenJoinClaim: string;
  readonly tokenDataClaim?: string | undefined;
  readonly tokenQuery: string;
  readonly tokenCookie?: string | undefined;
  readonly refreshMs: number;
  readonly allowAnonymous: boolean;
}

/** RFC 7518 §3.2: a key of HS256 has at least as many bits as its hash. */
const SECRET_BYTES_MIN = 32;
const SECRET_BYTES_MAX = 4_096;
const NAME_MAX = 256;
const MINUTE_MS = 60_000;

const secret = z.string().refine((text) => {
  const bytes = Buffer.byteLength(text);
  // A public key is known to everybody, and so would be any token signed with it.
  const isKey = text.includes('-----BEGIN') || text.trimStart().startsWith('{');
  return bytes >= SECRET_BYTES_MIN && bytes <= SECRET_BYTES_MAX && !isKey;
});
const webAddress = z.string().max(2_048).refine(isWebAddress);
const name = z.string().min(1).max(NAME_MAX);
const cookieName = z.string().regex(/^[!#$%&'*+.^_`|~\w-]{1,256}$/);
const algorithms = z.array(z.enum(['HS256', 'RS256', 'ES256', 'EdDSA'])).max(4);

type IdentityShape = { readonly [K in keyof IdentityConfig]-?: z.ZodType<IdentityConfig[K]> };

export const identityShape: IdentityShape = {
  tokenSecret: key(
    secret.optional(),
    'The secret by which tokens (JWT) are signed with HS256; safer as a variable or in the file. ' +
      'With this, `tokenKeyFile` or `tokenKeysUrl` clients need a token (docs/IDENTITY.md).',
    {
      allowed: `${SECRET_BYTES_MIN} to ${SECRET_BYTES_MAX} bytes, and no key in PEM or JWK form`,
      isSecret: true,
    },
  ),
  tokenKeyFile: key(
    z.string().min(1).optional(),
    'File with the public key of tokens in PEM form, or public keys as a JWK or JWK set; read ' +
      'again when it changes.',
    { isPath: true },
  ),
  tokenKeysUrl: key(
    webAddress.optional(),
    'Where the public keys of tokens are, as a JWK set; asked again every ten minutes, and for a ' +
      'key that is not known, every ten seconds at the most.',
    { allowed: 'an address such as "https://example.com/.well-known/jwks.json"' },
  ),
  tokenAlgorithms: key(
    algorithms.default([]),
    'The algorithms that tokens may have; without any, `HS256` with `tokenSecret`, else `RS256`, ' +
      '`ES256` and `EdDSA`.',
    { allowed: 'a list of "HS256", "RS256", "ES256" and "EdDSA"' },
  ),
  tokenAudience: key(name.optional(), 'The audience (`aud`) that a token must name.'),
  tokenIssuer: key(name.optional(), 'The issuer (`iss`) that a token must name.'),
  tokenToleranceMs: key(
    z
      .int()
      .min(0)
      .max(10 * MINUTE_MS)
      .default(5_000),
    'How far the clocks of who issues tokens and of this host may be apart.',
  ),
  tokenUserClaim: key(name.default('sub'), 'The claim that is the user; a token needs it.'),
  tokenRoomsClaim: key(
    name.default('rooms'),
    'The claim with patterns of rooms: a client whose token has it joins and publishes to no ' +
      'others by itself.',
  ),
  tokenJoinClaim: key(name.default('join'), 'The claim with rooms that are joined at once.'),
  tokenDataClaim: key(name.optional(), 'The claim that becomes `session.data`.'),
  tokenQuery: key(
    name.default('token'),
    'The parameter of the query that may have the token, for clients that can send neither ' +
      '`auth.token` nor `Authorization: Bearer`.',
  ),
  tokenCookie: key(
    cookieName.optional(),
    'The cookie that may have the token; without it no cookie is looked at.',
    { allowed: 'the name of a cookie' },
  ),
  refreshMs: key(
    z
      .int()
      .min(1_000)
      .max(60 * MINUTE_MS)
      .default(30_000),
    'How long before its token or the word of a hook runs out a session is asked for a new one, ' +
      'or when half of its time is left, whichever is later.',
    { limit: { seen: 'the session ends when it brings none in time', counted: 'sessionExpired' } },
  ),
  allowAnonymous: key(
    z.boolean().default(false),
    'Lets clients without a token in, as sessions without a user, where tokens or a hook are ' +
      'configured; a bad token is refused all the same.',
  ),
};

function isWebAddress(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '') return false;
  return url.protocol === 'https:' || url.protocol === 'http:';
}
