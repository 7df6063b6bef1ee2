/**
 * What a backend may answer. An answer with a member that is not known here, or of another type,
 * is not understood, and nothing is taken from it: it may be a no that is misspelt.
 */

import { LIMITS } from '../../core/limits/limits.ts';
import { checkKey } from '../../core/rooms/key.ts';
import { isPattern } from '../../core/rooms/room-settings.ts';

/** `{"allow": true, …}`: who the client is. */
export interface Allowed {
  readonly allow: true;
  readonly user: string | undefined;
  /** Joined at once. */
  readonly rooms: readonly string[];
  /** Patterns of rooms that it may join and publish to; `undefined` leaves that to the rules. */
  readonly grants: readonly string[] | undefined;
  readonly data: unknown;
  /** In milliseconds since 1970. */
  readonly expiresAtMs: number | undefined;
}

/** `{"allow": false, …}`. */
export interface NotAllowed {
  readonly allow: false;
  /** What the client is told. */
  readonly message: string | undefined;
  readonly data: unknown;
}

/** `{"ack": […]}` or `{"error": "…", "data": …}`. */
export type EventAnswer =
  | { readonly ack: readonly unknown[] }
  | { readonly error: string; readonly data: unknown };

type Members = Readonly<Record<string, unknown>>;

const SECOND_MS = 1_000;
/** The year 9999: what is later was meant as milliseconds. */
const LATEST_S = 253_402_300_799;

export function readConnectAnswer(value: unknown): Allowed | NotAllowed | undefined {
  if (!isObject(value)) return undefined;
  return value['allow'] === true ? readAllowed(value) : readNotAllowed(value);
}

/** @returns whether the client may join */
export function readJoinAnswer(value: unknown): { readonly allow: boolean } | undefined {
  if (!isObject(value) || !has(value, ['allow'])) return undefined;
  const { allow } = value;
  return typeof allow === 'boolean' ? { allow } : undefined;
}

export function readEventAnswer(value: unknown): EventAnswer | undefined {
  if (!isObject(value)) return undefined;
  const { ack = [], error, data } = value;
  if (has(value, ['ack'])) return Array.isArray(ack) ? { ack } : undefined;
  return has(value, ['error', 'data']) && isMessage(error) ? { error, data } : undefined;
}

function readAllowed(value: Members): Allowed | undefined {
  if (!has(value, ['allow', 'user', 'rooms', 'grants', 'data', 'expiresAt'])) return undefined;
  const { user, rooms = [], grants, data, expiresAt } = value;
  if (user !== undefined && !isName(user)) return undefined;
  if (!areNames(rooms) || (grants !== undefined && !arePatterns(grants))) return undefined;
  if (expiresAt !== undefined && !isTime(expiresAt)) return undefined;
  const expiresAtMs = expiresAt === undefined ? undefined : expiresAt * SECOND_MS;
  return { allow: true, user, rooms, grants, data, expiresAtMs };
}

function readNotAllowed(value: Members): NotAllowed | undefined {
  const { allow, message, data } = value;
  if (allow !== false || !has(value, ['allow', 'message', 'data'])) return undefined;
  if (message !== undefined && !isMessage(message)) return undefined;
  return { allow, message, data };
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether it has no members but these. */
function has(value: Members, known: readonly string[]): boolean {
  return Object.keys(value).every((name) => known.includes(name));
}

function isMessage(value: unknown): value is string {
  return typeof value === 'string' && value.length <= LIMITS.hookMessageLength;
}

function arePatterns(value: unknown): value is readonly string[] {
  return areNames(value) && value.every(isPattern);
}

function areNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isName);
}

function isName(value: unknown): value is string {
  try {
    checkKey(value as string);
    return true;
  } catch {
    return false;
  }
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && value <= LATEST_S;
}
