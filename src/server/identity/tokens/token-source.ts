/**
 * Knows clients by a signed token (JWT, RFC 7519), wherever they have put it.
 *
 *     handshake ─▶ token ─▶ looked through ─▶ signature and times ─▶ claims ─▶ verdict
 *
 * A client hears the same whatever is wrong with its token; counters and the log say which. Of no
 * token anything is kept.
 */

import type * as Jose from 'jose';
import type { TokenAlgorithm } from '../../../host/config/identity.ts';
import type { ForeignJson } from '../../../host/runtime/foreign-json.ts';
import type { Handshake } from '../../core/app/app.ts';
import type { Admitted, IdentitySource, IdentityVerdict } from '../../core/contracts/identity.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import type { Reason } from '../../core/limits/reasons.ts';
import { NOT_AUTHENTICATED } from '../identity-chain.ts';
import { type ClaimNames, readClaims } from './token-claims.ts';
import { NoKeys, type TokenKeys, UnknownKey } from './token-keys.ts';
import { type PlaceNames, presentedToken } from './token-places.ts';

export interface TokenSourceOptions {
  readonly jose: Pick<typeof Jose, 'errors' | 'jwtVerify'>;
  readonly keys: TokenKeys;
  readonly algorithms: readonly TokenAlgorithm[];
  readonly audience: string | undefined;
  readonly issuer: string | undefined;
  readonly toleranceMs: number;
  readonly claims: ClaimNames;
  readonly places: PlaceNames;
  /** Clients without a token are left to those who are asked after it. */
  readonly allowAnonymous: boolean;
  /** Judges what is in a token before it is parsed. */
  readonly json: Pick<ForeignJson, 'faultIn'>;
}

/** RFC 7515 §3.1: head, payload and signature; without a signature it says so itself (`none`). */
const COMPACT = /^([\w-]+)\.([\w-]+)\.[\w-]*$/;

const UNKNOWN: Admitted = { kind: 'admitted', admission: {} };
const MS = 1_000;

export class TokenSource implements IdentitySource {
  readonly name = 'token';
  readonly #options: TokenSourceOptions;
  readonly #verify: Jose.JWTVerifyOptions;

  constructor(options: TokenSourceOptions) {
    const { algorithms, audience, issuer, toleranceMs } = options;
    this.#options = options;
    this.#verify = {
      algorithms: [...algorithms],
      clockTolerance: toleranceMs / MS,
      ...(audience === undefined ? {} : { audience }),
      ...(issuer === undefined ? {} : { issuer }),
    };
  }

  identify(handshake: Handshake): IdentityVerdict | Promise<IdentityVerdict> {
    const token = presentedToken(handshake, this.#options.places);
    if (token === undefined) {
      return this.#options.allowAnonymous ? UNKNOWN : refused('anonymousRefused');
    }
    const isToken = typeof token === 'string' && this.#isReadable(token, handshake);
    return isToken ? this.#judge(token) : refused('tokenMalformed');
  }

  /** Whether it may be parsed. */
  #isReadable(token: string, sender: object): boolean {
    if (token.length > LIMITS.tokenCharacters) return false;
    const [, head, payload] = COMPACT.exec(token) ?? [];
    if (head === undefined || payload === undefined) return false;
    return [head, payload].every((part) => {
      const text = Buffer.from(part, 'base64url').toString('utf8');
      return this.#options.json.faultIn(text, 0, sender) === undefined;
    });
  }

  async #judge(token: string): Promise<IdentityVerdict> {
    const { jose, keys, claims, toleranceMs } = this.#options;
    let payload: Jose.JWTPayload;
    try {
      const keyFor = (header: Jose.JWTHeaderParameters) => keys.keyFor(header);
      ({ payload } = await jose.jwtVerify(token, keyFor, this.#verify));
    } catch (error) {
      return refused(this.#reasonOf(error));
    }
    try {
      return readClaims(payload, claims, toleranceMs);
    } catch {
      return refused('tokenClaims');
    }
  }

  #reasonOf(error: unknown): Reason {
    const { errors } = this.#options.jose;
    if (error instanceof UnknownKey) return 'tokenKeyUnknown';
    if (error instanceof NoKeys) return 'tokenKeysMissing';
    if (error instanceof errors.JOSEAlgNotAllowed) return 'tokenAlgorithm';
    if (error instanceof errors.JWSSignatureVerificationFailed) return 'tokenForged';
    if (error instanceof errors.JWTExpired) return 'tokenExpired';
    if (error instanceof errors.JWTClaimValidationFailed) {
      return error.claim === 'nbf' && error.reason === 'check_failed'
        ? 'tokenEarly'
        : 'tokenClaims';
    }
    return 'tokenMalformed';
  }
}

function refused(reason: Reason): IdentityVerdict {
  return { kind: 'refused', reason, message: NOT_AUTHENTICATED };
}
