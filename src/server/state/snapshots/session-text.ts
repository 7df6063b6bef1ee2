/**
 * Sessions as texts: JSON of namespace, user and rooms, in this order. So the controller keeps
 * them, and so they are written for other nodes, with their data behind it in base64:
 *
 *     ["/","ada",["match:42",2,17]] newline data
 *
 * What comes from other nodes is judged here.
 */

import { parsedOrNothing } from '../../../host/foreign/parsed.ts';
import {
  ROOM_ORIGIN,
  type RoomOrigin,
  type SessionSnapshot,
} from '../../core/contracts/snapshots.ts';
import { LIMITS } from '../../core/limits/limits.ts';

type PackedRoom = readonly [name: string, origin: RoomOrigin, after: number | null];

export type Packed = readonly [
  namespace: string,
  user: string | null,
  ...rooms: readonly PackedRoom[],
];

type Described = Pick<SessionSnapshot, 'namespace' | 'user' | 'rooms'>;

export function packed({ namespace, user, rooms }: Described): string {
  const all: Packed = [
    namespace,
    user ?? null,
    ...rooms.map(({ name, origin, after }) => [name, origin, after ?? null] as const),
  ];
  return JSON.stringify(all);
}

export function unpacked([namespace, user, ...rooms]: Packed): Described {
  return {
    namespace,
    user: user ?? undefined,
    rooms: rooms.map(([name, origin, after]) => ({ name, origin, after: after ?? undefined })),
  };
}

/** What the text of each session of a user and namespace begins with, and of no other. */
export function ownerText(namespace: string, user: string | undefined): readonly string[] {
  const text = packed({ namespace, user, rooms: [] }).slice(0, -1);
  return [`${text},`, `${text}]`];
}

export function textWithData(text: string, data: Uint8Array | undefined): string {
  if (data === undefined) return text;
  return `${text}\n${Buffer.from(data).toString('base64')}`;
}

/** @returns nothing when it is none, and the session cannot be had */
export function readSessionText(id: string, text: unknown): SessionSnapshot | undefined {
  if (typeof text !== 'string') return undefined;
  const end = text.indexOf('\n');
  const found = parsedOrNothing(end < 0 ? text : text.slice(0, end));
  if (!isPacked(found)) return undefined;
  const data = end < 0 ? undefined : new Uint8Array(Buffer.from(text.slice(end + 1), 'base64'));
  if (data !== undefined && data.byteLength > LIMITS.recoveryData) return undefined;
  return { id, ...unpacked(found), data };
}

function isPacked(value: unknown): value is Packed {
  if (!Array.isArray(value)) return false;
  const [namespace, user, ...rooms] = value as unknown[];
  const isOwned = typeof namespace === 'string' && (user === null || typeof user === 'string');
  return isOwned && rooms.every((room) => isRoom(room));
}

function isRoom(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  const [name, origin, after] = value as unknown[];
  return (
    typeof name === 'string' &&
    name.length <= LIMITS.keyLength &&
    Object.values(ROOM_ORIGIN).includes(origin as RoomOrigin) &&
    (after === null || (Number.isSafeInteger(after) && (after as number) >= 0))
  );
}
