/**
 * On which nodes a user has sessions, so that a message to a user costs work only where that is.
 *
 * A node knows of its own by the interest of its workers (`links/bus/interest-table.ts`): the first
 * and the last session of a user on a worker change it. More is not kept of anybody who is idle:
 * what sessions a user has is asked of the workers that have some (`NodeRequest`, `whereabouts`).
 */

/**
 * Implementations: `embedded` (this node), and over all nodes by what they want to hear of the
 * broker. One suite of tests runs on both. What a worker or node had that is gone MUST be forgotten
 * within 30 s. A node may be named that has none, as one whose user has the same hash.
 */
export interface Whereabouts {
  /** The ids of nodes that have sessions of a user, in no order. */
  nodesOf(namespace: string, user: string): Promise<readonly string[]>;
}
