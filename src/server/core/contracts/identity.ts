/**
 * Who a client is: asked once for each session, between its CONNECT and its admission.
 *
 *     handshake ─▶ sources in order: token, hook ─▶ the app's `authenticate` ─▶ verdict
 *
 * Composition decides which sources there are. Without any the app's `authenticate` decides alone,
 * and without that everyone is anonymous.
 */

import type { Admission, Handshake } from '../app/app.ts';
import type { Reason } from '../limits/reasons.ts';

/** The handshake on its way through the sources: each sees the user that those before it found. */
export interface OpenHandshake extends Handshake {
  user: string | undefined;
}

/** What a client is let in with. */
export interface Admitted {
  readonly kind: 'admitted';
  /** Its user, rooms that it joins unasked, and its data. */
  readonly admission: Admission;
  /**
   * Patterns of rooms: it may join and publish to no others by itself. `undefined` leaves that to
   * the rules; an empty list names none.
   */
  readonly grants?: readonly string[] | undefined;
  /** When this is no longer known, in milliseconds since the epoch; the session ends then. */
  readonly expiresAtMs?: number | undefined;
}

export interface NotAdmitted {
  readonly kind: 'refused';
  /** For counters and the log alone: every client is told the same reason, `notAuthenticated`. */
  readonly reason: Reason;
  /** What the client is told; it MUST NOT say more than a forger may know. */
  readonly message: string;
  readonly data?: unknown;
}

/** What is said of a client; there is no third answer. */
export type IdentityVerdict = Admitted | NotAdmitted;

/**
 * MUST answer within a bounded time, and MUST refuse whenever it cannot tell: a token of another
 * key, a hook that does not answer, a result of another shape. What it throws refuses too, and is
 * logged. MUST NOT keep anything per session. MUST NOT change the handshake.
 */
export interface IdentitySource {
  readonly name: string;
  /**
   * @param handshake `user` is who the client is by the sources before, or, when a session is asked
   *   to refresh, the user that it has; then there is nothing in it but that and `auth`
   */
  identify(handshake: Handshake): IdentityVerdict | Promise<IdentityVerdict>;
}

/** The app's word, which comes last. */
export interface AppIdentity {
  /** @throws what refuses the client */
  authenticate(handshake: Handshake): Admission | Promise<Admission>;
}

/** All of them together, as admissions ask. */
export interface Identity {
  /** @throws what the app's `authenticate` throws, or a source that is broken */
  identify(handshake: OpenHandshake, app: AppIdentity): IdentityVerdict | Promise<IdentityVerdict>;
  /**
   * Asks the sources again about a session whose time runs out; the app is not asked.
   *
   * @param handshake its `user` is that of the session
   */
  refresh(handshake: OpenHandshake): Promise<IdentityVerdict>;
}

/**
 * Who may join and publish, by the name of the room. Every way into a room by a client's own wish
 * MUST pass here: its messages, rooms of its query, recovery. Rooms that an admission or the app
 * gives are not judged.
 */
export interface RoomRules {
  /** @param grants of the session, if its token or hook named some */
  mayJoin(user: string | undefined, grants: readonly string[] | undefined, room: string): boolean;
  mayPublish(
    user: string | undefined,
    grants: readonly string[] | undefined,
    room: string,
  ): boolean;
}
