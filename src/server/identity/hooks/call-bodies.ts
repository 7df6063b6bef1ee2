/**
 * What a call says, as JSON: the members of its body beside `id` and `call`.
 *
 * They are written in the order that docs/HOOKS.md has; what a client or session does not have is
 * left out.
 */

import type { DisconnectReason, Handshake, Session } from '../../core/app/app.ts';
import { LIMITS } from '../../core/limits/limits.ts';
import { encodeArguments } from '../../protocol/binary-payload.ts';

type Members = Readonly<Record<string, unknown>>;

/** @param headerNames those that are passed on, in lower case */
export function connectMembers(handshake: Handshake, headerNames: readonly string[]): string {
  const { namespace, transport, address, user, query, auth } = handshake;
  const headers = headerNames.flatMap((name) => {
    const value = handshake.headers[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return membersOf({
    namespace,
    transport,
    address,
    user,
    query: query.toString(),
    headers: Object.fromEntries(headers),
    auth,
  });
}

/** @throws RangeError when the arguments nest too deeply */
export function eventMembers(session: Session, event: string, args: readonly unknown[]): string {
  const { json, attachments } = encodeArguments(args, LIMITS.argumentDepth);
  const about = membersOf({ ...sessionMembers(session), ...roomsOf(session), event });
  if (attachments.length === 0) return `${about},"args":${json}`;
  const texts = attachments.map((bytes) => Buffer.from(bytes).toString('base64'));
  return `${about},"args":${json},"attachments":${JSON.stringify(texts)}`;
}

/** @param asked rooms that the client asks to join */
export function joinMembers(session: Session, asked: readonly string[]): string {
  return membersOf({ ...sessionMembers(session), ...roomsOf(session), join: asked });
}

/** @param seconds how long the session was there */
export function disconnectMembers(
  session: Session,
  reason: DisconnectReason,
  seconds: number,
): string {
  return membersOf({ ...sessionMembers(session), reason, seconds });
}

function sessionMembers({ id, namespace, transport, user }: Session): Members {
  return { session: id, namespace, transport, user };
}

function roomsOf({ rooms }: Session): Members {
  const more = rooms.length - LIMITS.hookRoomsTold;
  return more <= 0 ? { rooms } : { rooms: rooms.slice(0, LIMITS.hookRoomsTold), moreRooms: more };
}

function membersOf(members: Members): string {
  return JSON.stringify(members).slice(1, -1);
}
