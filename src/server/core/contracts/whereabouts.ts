/**
 * On which nodes a user has sessions. The controller reports the first and the last session of a
 * user on its node, in batches; a message to a user then costs work only where the user is.
 */

export interface Whereabouts {
  readonly node: string;
  readonly sessions: number;
  readonly sinceMs: number;
}

/**
 * Implementations: `embedded` (this node), `redis`. Entries MUST expire when their node does,
 * within 30 s. Reports MUST be gathered: a storm of connects is not a storm of writes.
 */
export interface WhereaboutsStore {
  report(user: string, sessions: number): void;
  find(user: string): Promise<readonly Whereabouts[]>;
}
