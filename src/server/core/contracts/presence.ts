/**
 * Who is in a room, for rooms that have presence: users, not sessions, so that five tabs are one.
 *
 * `Namespace.join` and `remove` report the first and the last session of a user in a room; a short
 * absence is no leave.
 */

export interface PresentUser {
  readonly user: string;
  readonly sinceMs: number;
  readonly sessions: number;
}

/** What changed in a room, gathered over a second at the most. */
export interface PresenceChange {
  readonly room: string;
  readonly count: number;
  /** Absent for rooms beyond the size up to which names are told. */
  readonly joined?: readonly string[];
  readonly left?: readonly string[];
}

/**
 * Implementations: `embedded`, `redis`. MUST gather changes, so that a room of n costs n messages a
 * second at the most, whatever comes and goes. MUST forget what a dead worker or node reported.
 */
export interface Presence {
  entered(room: string, user: string): void;
  left(room: string, user: string): void;
  list(room: string, most: number): Promise<readonly PresentUser[]>;
  onChange(listener: (change: PresenceChange) => void): void;
}
