/**
 * What is kept of a session that was cut off, so that it can be taken up again on any worker:
 * asked for in admissions, before `authenticate`, when a client presents what it was given at its
 * connect.
 */

import type { Position } from './history.ts';

export interface SessionSnapshot {
  readonly id: string;
  readonly namespace: string;
  readonly user: string | undefined;
  readonly rooms: readonly string[];
  readonly data: unknown;
  readonly positions: Readonly<Record<string, Position>>;
}

/**
 * Implementations: `embedded` (in the controller), `redis`.
 *
 * `take` MUST give a snapshot to one caller only, and to none who does not know its secret. MUST
 * forget it after the recovery window and within the budget. Rooms are judged anew by the rules.
 */
export interface Snapshots {
  keep(secret: string, snapshot: SessionSnapshot): void;
  take(secret: string): Promise<SessionSnapshot | undefined>;
}
