/**
 * Where the core turns to a backend of the user's own, behind signed HTTP calls.
 *
 * Each member is there only when the config has that call sent: without one, what is asked about
 * it costs a comparison and nothing is kept. Who clients are is asked through `IdentitySource`.
 */

import type { AckValues, DisconnectReason, Session } from '../app/app.ts';

export interface Hooks {
  /**
   * Whether a client may join rooms that it asks for, all of them. MUST answer within a bounded
   * time. Asked once rules and the app have said yes; `session` may not have joined anything yet,
   * or may end meanwhile.
   *
   * @throws NotNow when it cannot tell, and nothing else
   */
  readonly mayJoin?: ((session: Session, rooms: readonly string[]) => Promise<boolean>) | undefined;
  /**
   * Takes an event that the app has no handler for. Events of one session MUST be taken in order.
   *
   * @returns the values of the ack
   * @throws HookRefusal in words for the client, or NotNow
   */
  readonly event?:
    | ((session: Session, name: string, args: readonly unknown[]) => Promise<AckValues>)
    | undefined;
  /** A session has joined. */
  readonly joined?: ((session: Session) => void) | undefined;
  /** A session has ended that had joined. MUST NOT wait for anything. */
  readonly ended?: ((session: Session, reason: DisconnectReason) => void) | undefined;
}
