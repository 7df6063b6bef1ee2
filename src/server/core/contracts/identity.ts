/**
 * Who a client is: asked once for each session, between its CONNECT and its admission.
 *
 * The sources are the app's `authenticate`, a token and a hook; composition decides which of them
 * is asked, and in which order. Without any, everyone is anonymous.
 */

import type { Admission, Handshake } from '../app/app.ts';

/** What an identity source says; there is no third answer. */
export type IdentityVerdict =
  | { readonly kind: 'admitted'; readonly admission: Admission; readonly expiresAtMs?: number }
  | { readonly kind: 'refused'; readonly reason: string; readonly data?: unknown };

/**
 * MUST answer within a bounded time, and MUST refuse whenever it cannot tell: a token of another
 * key, a hook that does not answer, a result of another shape. A refusal's `reason` reaches the
 * client, so it MUST NOT say more than the client may know. MUST NOT keep anything per session.
 */
export interface IdentitySource {
  readonly name: string;
  identify(handshake: Handshake): IdentityVerdict | Promise<IdentityVerdict>;
}

/**
 * Who may join and publish, by the name of the room. Every way into a room MUST pass here: a join
 * by the client, rooms of an admission, recovery, a position of another room.
 */
export interface RoomRules {
  mayJoin(user: string | undefined, room: string): boolean;
  mayPublish(user: string | undefined, room: string): boolean;
}
