/** What the claims of a token say: the user, rooms, data and the end (RFC 7519 §4). */

import type { Admission } from '../../core/app/app.ts';
import type { Admitted } from '../../core/contracts/identity.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { checkKey } from '../../core/rooms/key.ts';
import { isPattern } from '../../core/rooms/room-settings.ts';

export interface ClaimNames {
  readonly user: string;
  readonly rooms: string;
  readonly join: string;
  readonly data: string | undefined;
}

type Claims = Readonly<Record<string, unknown>>;

const MS = 1_000;

/**
 * @param toleranceMs by which the session may outlive the token
 * @throws TypeError when a claim is of another shape than it has to be
 */
export function readClaims(claims: Claims, names: ClaimNames, toleranceMs: number): Admitted {
  const user = userOf(own(claims, names.user));
  const join = own(claims, names.join);
  const rooms = own(claims, names.rooms);
  const data = names.data === undefined ? undefined : own(claims, names.data);
  const { exp } = claims;
  const admission: Admission = {
    user,
    ...(join === undefined ? {} : { rooms: namesOf(join) }),
    ...(data === undefined ? {} : { data }),
  };
  return {
    kind: 'admitted',
    admission,
    ...(rooms === undefined ? {} : { grants: patternsOf(rooms) }),
    ...(typeof exp === 'number' ? { expiresAtMs: exp * MS + toleranceMs } : {}),
  };
}

/** What an object of a stranger inherits is no claim. */
function own(claims: Claims, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}

/** Ids of a database are often numbers. */
function userOf(value: unknown): string {
  return checkKey(Number.isSafeInteger(value) ? String(value) : (value as string));
}

function namesOf(value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.length > LIMITS.tokenRooms) {
    throw new TypeError(`rooms of a token are a list of at most ${LIMITS.tokenRooms} texts`);
  }
  return value.map((name) => checkKey(name as string));
}

function patternsOf(value: unknown): readonly string[] {
  const patterns = namesOf(value);
  if (patterns.every(isPattern)) return patterns;
  throw new TypeError('a pattern of rooms has one * at the most');
}
