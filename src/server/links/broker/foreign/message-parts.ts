/** What messages of both dialects have in common: packets, options, ids of questions. */

import type { Target } from '../../../core/contracts/node-link.ts';
import { LIMITS } from '../../../core/limits/limits.ts';
import { ForeignFault } from './foreign-fault.ts';
import { type Fields, flagsOf, isRoomName, targetOf } from './foreign-values.ts';
import type { ForeignTarget } from './saying.ts';

export const ALL: Target = { rooms: [], users: [], except: [] };
/** A room that no session can be in: who asks for nobody is to be told that there are none. */
export const NOBODY: Target = { rooms: [''], users: [], except: [] };

/** Whom an event is for; what says nothing of rooms is for the room of its channel. */
export function broadcastTarget(opts: unknown, room: string | undefined): Target | undefined {
  const target = targetOf(opts);
  if (room === undefined || target === undefined || target.rooms.length > 0) return target;
  return isRoomName(room) ? { ...target, rooms: [room] } : undefined;
}

export function isVolatile(opts: unknown): boolean {
  return flagsOf(opts)['volatile'] === true;
}

/** An event's packet, as Socket.IO servers take it. */
export function packetJson(namespace: string, json: string): string {
  return `{"type":2,"data":${json},"nsp":${JSON.stringify(namespace)}}`;
}

/** A question's id is said again in the answer: as it came. */
export function requestIdOf(value: unknown): string | number {
  if (typeof value === 'number') return value;
  if (typeof value === 'string' && value.length <= LIMITS.keyLength) return value;
  throw new ForeignFault('has no id for the answer');
}

/** Whether an answer is wanted. */
export function isAsking(fields: Fields): boolean {
  return fields['requestId'] !== undefined && fields['requestId'] !== null;
}

/** How long the asker waits, in milliseconds; `undefined` where it does not say. */
export function timeoutOf(opts: unknown): number | undefined {
  const { timeout } = flagsOf(opts) as { timeout?: unknown };
  return typeof timeout === 'number' && timeout > 0 ? timeout : undefined;
}

/** Options of a message of this node, as JSON. */
export function optionsJson(
  { rooms, except }: ForeignTarget,
  flags: '{}' | '{"volatile":true}' | `{"timeout":${number}}` = '{}',
): string {
  const excepted = except.length === 0 ? '[]' : JSON.stringify(except);
  const chosen = rooms.length === 0 ? '[]' : JSON.stringify(rooms);
  return `{"rooms":${chosen},"except":${excepted},"flags":${flags}}`;
}
