/**
 * Values in messages of strangers, judged: names, targets, events, sessions.
 *
 * Numbers may stand for names, as Socket.IO allows. A name that no room of this node can have is
 * left out; where that leaves none of those chosen, nobody is meant, and not everyone.
 */

import type { Target } from '../../../core/contracts/node-link.ts';
import { LIMITS } from '../../../core/limits/limits.ts';
import type { SessionDescription } from '../../../core/sessions/remote-session.ts';
import {
  type EncodedArguments,
  encodeArguments,
  restoreArguments,
} from '../../../protocol/binary-payload.ts';
import type { ForeignEvent } from './contract.ts';
import { ForeignFault } from './foreign-fault.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** Names in one list of a message: each is looked up in each worker. */
const NAMES_MAX = 10_000;
/** Events, in the types of Socket.IO's packets. */
const EVENT = 2;
const BINARY_EVENT = 5;

export function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new ForeignFault(`has no ${what}`);
}

/** A text, or a number as a text. */
export function nameOf(value: unknown): string | undefined {
  return typeof value === 'number' ? String(value) : typeof value === 'string' ? value : undefined;
}

/** A name of a namespace, a server or a request that is said again in the answer. */
export function textOf(value: unknown, what: string): string {
  if (typeof value === 'string' && value.length <= LIMITS.keyLength) return value;
  throw new ForeignFault(`has no ${what}, or one of more than ${LIMITS.keyLength} characters`);
}

/** The names of a list that rooms can have; none when the list is absent. */
export function namesOf(value: unknown, what: string): readonly string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new ForeignFault(`has ${what} that are no list`);
  if (value.length > NAMES_MAX) throw new ForeignFault(`has more than ${NAMES_MAX} ${what}`);
  return value.map(nameOf).filter((name) => name !== undefined && isRoomName(name)) as string[];
}

/** @returns undefined when nobody is meant */
export function targetOf(opts: unknown): Target | undefined {
  if (opts === undefined || opts === null) return { rooms: [], users: [], except: [] };
  const { rooms: wanted, except } = fieldsOf(opts, 'options that are an object');
  const rooms = namesOf(wanted, 'rooms');
  if (rooms.length === 0 && Array.isArray(wanted) && wanted.length > 0) return undefined;
  return { rooms, users: [], except: namesOf(except, 'rooms to leave out') };
}

/** The options of a broadcast: `flags` of it, an object. */
export function flagsOf(opts: unknown): Fields {
  const flags = typeof opts === 'object' && opts !== null ? (opts as Fields)['flags'] : undefined;
  return typeof flags === 'object' && flags !== null ? (flags as Fields) : {};
}

/** The event of a packet that was parsed, its namespace judged. */
export function eventOf(
  packet: Fields,
  attachments: readonly Uint8Array[],
  isVolatile: boolean,
): ForeignEvent {
  checkPacketType(packet['type']);
  const args = argumentsOf(packet['data'], attachments);
  return { ...encoded(args), volatile: isVolatile };
}

export function checkPacketType(type: unknown): void {
  if (type === EVENT || type === BINARY_EVENT) return;
  throw new ForeignFault('has a packet that is no event');
}

/** An event's name and arguments, its binary values back in their places. */
export function argumentsOf(
  data: unknown,
  attachments: readonly Uint8Array[],
): readonly [event: string, ...args: unknown[]] {
  if (!Array.isArray(data)) throw new ForeignFault('has an event that is no list');
  const name = nameOf(data[0]);
  if (name === undefined) throw new ForeignFault('has an event without a name');
  const values = valueOf(data, attachments) as unknown[];
  return [name, ...values.slice(1)];
}

/** A value with its binary values back in their places. */
export function valueOf(value: unknown, attachments: readonly Uint8Array[]): unknown {
  if (attachments.length === 0) return value;
  const [restored] = restoreArguments([value], attachments, LIMITS.argumentDepth) ?? [FAULT];
  if (restored === FAULT) throw new ForeignFault('has binary values that are nowhere');
  return restored;
}

const FAULT: object = {};

/** @throws ForeignFault for what nests too deeply or is no JSON */
export function encoded(values: readonly unknown[]): EncodedArguments {
  try {
    return encodeArguments(values, LIMITS.argumentDepth);
  } catch (error) {
    throw new ForeignFault(`cannot be encoded: ${(error as Error).message}`);
  }
}

/** Sessions of a foreign server, as `fetchSessions` shows them. */
export function sessionsOf(value: unknown): readonly SessionDescription[] {
  if (!Array.isArray(value)) throw new ForeignFault('has no list of sockets');
  return value.flatMap((one) => {
    const socket = typeof one === 'object' && one !== null ? (one as Fields) : {};
    const id = nameOf(socket['id']);
    if (id === undefined || !isRoomName(id)) return [];
    const rooms = Array.isArray(socket['rooms']) ? namesOf(socket['rooms'], 'rooms') : [];
    return [{ id, user: undefined, rooms, data: socket['data'] ?? {} }];
  });
}

/** What Socket.IO servers make a RemoteSocket of. Its rooms begin with the session's own. */
export function socketOf({ id, rooms, data }: SessionDescription): Fields {
  return {
    id,
    handshake: {
      headers: {},
      time: '',
      address: '',
      xdomain: false,
      secure: false,
      issued: 0,
      url: '',
      query: {},
      auth: {},
    },
    rooms: rooms.includes(id) ? rooms : [id, ...rooms],
    data: data ?? {},
  };
}

export function isRoomName(name: string): boolean {
  return name.length > 0 && name.length <= LIMITS.keyLength && name.isWellFormed();
}
